"""Keys of clients and keys of manifests in one table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.spaces import (
    AFTER_FILES,
    FILES,
    OWN,
    client_key,
    file_key,
    file_name,
    is_of_file,
    stored_key,
)

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(
    f"a/0{OWN}", max_size=5
)


@given(first=KEYS, second=KEYS)
def test_two_keys_of_clients_stay_different_and_in_order(first: str, second: str) -> None:
    """And what begins with another key does so in the table."""
    stored = stored_key(first), stored_key(second)
    assert (stored[0] < stored[1]) == (first < second)
    assert (stored[0] == stored[1]) == (first == second)
    assert client_key(stored[0]) == first
    assert stored[1].startswith(stored[0]) == second.startswith(first)


@given(key=KEYS, name=KEYS)
def test_keys_of_clients_and_of_manifests_never_meet(key: str, name: str) -> None:
    """Those of manifests stand together, and no key of a client among them."""
    assert is_of_file(file_key(name))
    assert FILES <= file_key(name) < AFTER_FILES
    assert file_name(file_key(name)) == name
    assert not is_of_file(stored_key(key))
    assert not FILES <= stored_key(key) <= AFTER_FILES


@pytest.mark.parametrize("key", ["", "a", "\U0010fffe", f"a{OWN}"])
def test_most_keys_are_stored_as_they_are(key: str) -> None:
    """All but those that begin with the last of all code points."""
    assert stored_key(key) == key
