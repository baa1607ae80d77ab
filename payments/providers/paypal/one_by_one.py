"""Lists whose things are read one by one: one that can't be read is passed over and named, and the others are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from payments.providers.errors import OutcomeUnknown, ProviderUnavailable, UnknownReference
from payments.providers.facts import NotRead

# So many after one another are no trouble of theirs: PayPal is away, and who goes on waits for a timeout each.
MOST_IN_A_ROW = 5

_Thing = TypeVar("_Thing")


def each_read(
    references: Iterable[str],
    read: Callable[[str], Iterable[_Thing]],
    *,
    payment_of: Callable[[str], str | None] | None = None,
) -> Iterator[_Thing | NotRead]:
    """What `read` finds behind each reference, or that it could not be read; `payment_of` names the payment that a
    reference belongs to. Raises ProviderUnavailable or OutcomeUnknown after so many in a row, and at once what is the
    account's own trouble."""
    in_a_row = 0
    for reference in references:
        try:
            found = list(read(reference))
        except UnknownReference as error:
            yield NotRead(reference, str(error), payment_of and payment_of(reference), is_unknown=True)
        except (OutcomeUnknown, ProviderUnavailable) as error:
            in_a_row += 1
            if in_a_row >= MOST_IN_A_ROW:
                raise
            yield NotRead(reference, str(error), payment_of and payment_of(reference))
            continue
        else:
            yield from found
        in_a_row = 0
