"""Find card numbers in a text: one detector for what must be refused (payments' texts) and what must be masked (logs).

It stands beside `masking`, which may know nothing of the portal, and below everything else. A card number is 13 to 19
digits that begin like an issuer's, have a length of that issuer's and pass the check digit (Luhn, ISO/IEC 7812-1).

Accepted losses: a reference of 13 to 19 digits that happens to meet all three is taken for a card; about two in a
hundred random ones do. A phone number is known by its `+`: without it, 13 digits that begin with 4 may be a card. An
undivided run longer than 19 digits is no card, whatever stands in it.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

SHORTEST, LONGEST = 13, 19

# What people put between groups, copied from documents too: spaces of every width, dots, dashes, what has no width.
_DASHES = r"\-\u00ad\u2010-\u2015\u2212"
_BETWEEN = rf"[\s.{_DASHES}\u200b-\u200d\u2060\ufeff]{{0,3}}+"
_RUN = re.compile(rf"\d(?:{_BETWEEN}\d){{{SHORTEST - 1},}}+")
_GROUP = re.compile(r"\d+")
_DASH = re.compile(rf"[{_DASHES}]")

# These may hold a run of digits that looks like a card's. They are read first, and left alone.
_NO_CARDS = re.compile(
    r"(?P<id>(?i:(?<![0-9a-f])"
    r"(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])))"
    rf"|(?P<phone>(?<!\w)\+\d(?:{_BETWEEN}\d){{6,14}}+(?!{_BETWEEN}\d))"
    r"|(?P<iban>(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[ \u00a0]?[0-9A-Z]{4}){2,7}(?:[ \u00a0]?[0-9A-Z]{1,3})?)"
)
_SHORTEST_IBAN = 15

_ISSUER = re.compile(
    r"(?P<visa>4)"
    r"|(?P<mastercard>5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720))"
    r"|(?P<amex>3[47])"
    r"|(?P<diners>30[0-5]|3095|3[689])"
    r"|(?P<jcb>35(?:2[89]|[3-8]))"
    r"|(?P<discover>6011|64[4-9]|65)"
    r"|(?P<unionpay>62)"
    r"|(?P<maestro>50(?:18|20|38)|5[6-8]|6[37])"
)
_LENGTHS = {
    "visa": range(13, 20),
    "mastercard": range(16, 17),
    "amex": range(15, 16),
    "diners": range(14, 20),
    "jcb": range(16, 20),
    "discover": range(16, 20),
    "unionpay": range(16, 20),
    "maestro": range(13, 20),
}
# Groups as they are printed on cards: only these may be divided now by one thing, now by another. A list of dates or
# of amounts is divided so, too, and is no card.
_PRINTED = {(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1), (4, 3, 3, 3), (4, 6, 5), (4, 6, 4)}


def holds_card_number(text: str) -> bool:
    """Whether a card number stands anywhere in `text`."""
    return any(True for _ in _found(text))


def card_spans(text: str) -> list[tuple[int, int]]:
    """Where card numbers stand in `text`, as slices from left to right; those that overlap are one. Linear in its
    length."""
    spans: list[tuple[int, int]] = []
    for start, end in _found(text):
        if spans and start < spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return spans


def _found(text: str) -> Iterator[tuple[int, int]]:
    """Every stretch of whole groups that is a card's number, by its start: 'no 7 4242 4242 4242 4242 12 29' has one."""
    for start, end in _open_stretches(text):
        for run in _RUN.finditer(text, start, end):
            yield from _cards_of(text, [group.span() for group in _GROUP.finditer(text, *run.span())])


def _open_stretches(text: str) -> Iterator[tuple[int, int]]:
    """What lies between ids, phone numbers and bank accounts."""
    start = 0
    for match in _NO_CARDS.finditer(text):
        end = _end_of_iban(match) if match["iban"] else match.end()
        if end:
            yield start, match.start()
            start = end
    yield start, len(text)


def _end_of_iban(match: re.Match[str]) -> int | None:
    """Where the account's number ends (it may be followed by a word in capitals), None where no check digits fit.

    Source: ISO 13616, remainder 1 modulo 97; the creditor references of ISO 11649 are made the same way.
    """
    text = match.string
    for end in range(match.end(), match.start(), -1):
        if text[end - 1 : end].isspace() or text[end : end + 1].isalnum():
            continue
        compact = re.sub(r"\s", "", text[match.start() : end])
        if len(compact) < _SHORTEST_IBAN:
            break
        if int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1:
            return end
    return None


def _cards_of(text: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Windows over the groups of one run. Sums up to each digit are kept, so that a window's check costs one step."""
    values = [int(digit) for start, end in groups for digit in text[start:end]]
    doubled = [2 * value - 9 * (value > 4) for value in values]
    pairs = list(zip(values, doubled, strict=True))
    # The last digit of a number counts once, the one before it twice, and so on: which are which hangs on its place.
    sums = [list(accumulate((pair[(at + odd) % 2] for at, pair in enumerate(pairs)), initial=0)) for odd in (0, 1)]
    digits = "".join(map(str, values))
    kinds = [_kind(text[before[1] : after[0]]) for before, after in pairwise(groups)]
    edges = list(accumulate((end - start for start, end in groups), initial=0))
    for first in range(len(groups)):
        issuer = _ISSUER.match(digits, edges[first])
        if issuer is None:
            continue
        for last in range(first, len(groups)):
            start, end = edges[first], edges[last + 1]
            if end - start > LONGEST:
                break
            total = sums[(end - 1) % 2]
            if end - start not in _LENGTHS[issuer.lastgroup or ""] or (total[end] - total[start]) % 10:
                continue
            sizes = tuple(stop - begin for begin, stop in groups[first : last + 1])
            if len(set(kinds[first:last])) <= 1 or sizes in _PRINTED:
                yield groups[first][0], groups[last][1]


def _kind(between: str) -> str:
    """What divides two groups: a dot, a dash (alone or with spaces), or spaces."""
    return "." if "." in between else "-" if _DASH.search(between) else " "
