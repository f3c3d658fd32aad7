"""Keys to test the disk with: of any length up to the limit, many with the same long beginning."""

from __future__ import annotations

from hypothesis import strategies as st

MAX_KEY_BYTES = 1024

BEGINNINGS = [
    "",
    "a",
    "a" * 475,
    "a" * 476,
    "a" * 477,
    "a" * 900,
    "é" * 237,
    "é" * 238,
    "é" * 300,
    "a" + "é" * 238,
    "€" * 159,
    "a" * 474 + "\U0001f600",
]
"""Their bytes end before, at and after the place where long keys are cut, or have it in the middle
of a character."""


def keys() -> st.SearchStrategy[str]:
    """Keys of 1 to 1,024 bytes of UTF-8."""
    endings = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(
        "ab\0é\U0010ffff", max_size=30
    )
    return st.builds(_join, st.sampled_from(BEGINNINGS), endings).filter(bool)


def _join(beginning: str, ending: str) -> str:
    return (beginning + ending).encode()[:MAX_KEY_BYTES].decode(errors="ignore")
