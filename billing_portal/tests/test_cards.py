"""A card's number is found however it is written, and what merely looks like one is not."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_portal.cards import card_spans, holds_card_number
from billing_portal.masking import mask_text
from billing_portal.tests.card_numbers import ACCEPTED_LOSSES, FREE, HELD


@pytest.mark.parametrize("text", [text for text, _ in HELD])
def test_a_text_holds_a_card_number(text):
    assert holds_card_number(text)


@pytest.mark.parametrize("text", FREE)
def test_what_merely_looks_like_one_is_none(text):
    assert not holds_card_number(text)


@pytest.mark.parametrize("text", ACCEPTED_LOSSES)
def test_a_reference_made_like_a_card_number_is_taken_for_one(text):
    assert holds_card_number(text)


@given(
    digits=st.from_regex(r"4[0-9]{11,17}", fullmatch=True),
    separator=st.sampled_from(["", " ", "-", ".", "--", " - ", "\u00a0", "\u2013"]),
    size=st.integers(2, 6),
    before=st.sampled_from(["", "card: ", "no 7 ", "2026-11-24, "]),
    after=st.sampled_from(["", ".", ", 12/29", " cvc 123"]),
)
def test_every_card_number_is_found_and_masked_however_it_is_grouped(digits, separator, size, before, after):
    digits += next(str(check) for check in range(10) if holds_card_number(f"{digits}{check}"))
    grouped = separator.join(digits[at : at + size] for at in range(0, len(digits), size))
    masked = mask_text(f"{before}{grouped}{after}")
    assert masked.startswith(before.rstrip("7 ")) and masked.endswith(f"***{digits[-4:]}{after}")
    assert digits[:-4] not in "".join(sign for sign in masked if sign.isdigit())


@given(st.text(alphabet="0123456789 .-+\u2013AZx\n", max_size=200))
def test_spans_stand_in_order_apart_and_hold_what_is_found(text):
    spans = card_spans(text)
    assert bool(spans) == holds_card_number(text)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    for start, end in spans:
        assert (
            text[start].isdigit() and text[end - 1].isdigit() and sum(sign.isdigit() for sign in text[start:end]) >= 13
        )


@pytest.mark.parametrize(
    "piece", ["4", "4 ", "4-", "42 ", "4242 ", "0   ", "4242-4242.", "+1 ", "+1", "AB12 ", "a-", "4a"]
)
def test_a_hostile_text_is_read_in_time_linear_in_its_length(piece):
    def seconds(length):
        start = time.process_time()
        holds_card_number(piece * (length // len(piece)))
        card_spans(piece * (length // len(piece)))
        return time.process_time() - start

    assert seconds(200_000) < 40 * seconds(20_000) + 0.5  # ten times the text: quadratic would take a hundred times
