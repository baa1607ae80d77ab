"""What a script asked of a stand-in's own doors and cannot have."""


class Misused(Exception):
    """Asked wrongly. `status` is HTTP's, `param` the name of the field, `code` a word for programs."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.code = code
