"""What can be wrong with a usage event or a month, each with a name, a code and a sentence to act on."""

from billing_portal.kit.errors import BadInput, Conflict


class UnknownMeter(BadInput):
    code = "unknown_record_type"

    def __init__(self, known: list[str]) -> None:
        super().__init__(f"We don't count that. Send one of: {', '.join(known)}.", field="recordType")


class ComputedMeter(BadInput):
    code = "computed_record_type"

    def __init__(self) -> None:
        super().__init__(
            "Overage is computed from usage when the month ends; it can't be recorded.", field="recordType"
        )


class InTheFuture(BadInput):
    code = "in_the_future"

    def __init__(self) -> None:
        super().__init__("This lies more than five minutes ahead of our clock.", field="occurredAt")


class TooOld(BadInput):
    code = "too_old"

    def __init__(self, months: int) -> None:
        super().__init__(f"Usage can be sent up to {months} months late; this is older.", field="occurredAt")


class PricedInSeveralCurrencies(Conflict):
    code = "mixed_currencies"

    def __init__(self, found: list[str]) -> None:
        both = " and ".join(code.upper() for code in found)
        super().__init__(f"This month was priced in {both}; one invoice can't hold both. Someone has to look at it.")
