"""How an id is spelled in a path: a UUID, in small letters or in capitals (RFC 9562 takes both)."""

from uuid import UUID


class IdConverter:
    """`<id:payment_id>` in a path. Django's own `uuid` takes small letters alone: one's own object would be 404.

    `KitConfig.ready` registers it. Addresses that we spell ourselves are in small letters.
    """

    regex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> UUID:
        return UUID(value)

    def to_url(self, value: UUID | str) -> str:
        return str(value).lower()
