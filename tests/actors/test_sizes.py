"""Sizes: how large things may be, and how they are counted."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from actors.sizes import MESSAGE_BYTES, fitting, text_bytes

SPECIAL = st.sampled_from("\0\x1f\x7f'\"\\€\U0001f600")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | SPECIAL)


@given(TEXTS)
def test_a_text_never_takes_more_than_is_counted(text: str) -> None:
    """In JSON, quotes and a comma included, it takes at most what it is counted as."""
    assert len((json.dumps(text, ensure_ascii=False) + ",").encode()) <= text_bytes(text)


def test_the_worst_text_takes_what_is_counted() -> None:
    """The bound is met where every character is escaped."""
    assert len(json.dumps("\0" * 10) + ",") == text_bytes("\0" * 10)


def test_as_many_texts_fit_as_have_room() -> None:
    """The first ones, up to the size of a message and not one more."""
    text = "x" * 1_000
    room = MESSAGE_BYTES // text_bytes(text)
    assert fitting([text] * room) == room
    assert fitting([text] * (room + 1)) == room


def test_one_text_always_fits() -> None:
    """However large the first one is, it is sent: else nobody could ever get past it."""
    assert fitting(["x" * MESSAGE_BYTES, "x"]) == 1


def test_of_nothing_nothing_fits() -> None:
    """Without texts the count is 0."""
    assert fitting([]) == 0
