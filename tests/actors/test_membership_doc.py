"""What docs/membership.md says in tables and numbers is what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from actors.gossip_settings import GossipSettings
from actors.membership import LIVING, MAX_COUNT_STEP, MAX_FIRST_COUNT, RANK, State

DOC = (Path(__file__).parents[2] / "docs" / "membership.md").read_text()
TEXT = " ".join(DOC.split())
SETTINGS = GossipSettings()


def table(first_title: str) -> list[list[str]]:
    """The rows of the table that begins with this title."""
    _, _, below = DOC.partition(f"| {first_title} |")
    lines = below.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_state_is_told_of_and_who_is_pinged() -> None:
    """The living, all the time; those who are down, now and then."""
    pinged = {row[0].strip("`"): row[3] for row in table("state")}
    assert pinged.keys() == set(get_args(State))
    assert {state for state, when in pinged.items() if when == "yes"} == LIVING
    assert {state for state, when in pinged.items() if when == "no"} == {"left"}


def test_the_ranks_are_those_of_the_rule() -> None:
    """In their order."""
    assert [(int(rank), state.strip("`")) for rank, state in table("rank")] == [
        (rank, state) for state, rank in RANK.items()
    ]


def test_every_change_of_state_is_one_between_states() -> None:
    """The table of transitions names no state that there is not."""
    named = set(re.findall(r"`(\w+)`", " ".join(row[0] + row[1] for row in table("from"))))
    assert named == set(get_args(State))


@pytest.mark.parametrize(
    "said",
    [
        f"Every {SETTINGS.probe_ms} ms a node pings one",
        f"Without an answer in {SETTINGS.ping_timeout_ms} ms",
        f"any answer after {SETTINGS.probe_window_ms // 1_000} s",
        f"it is `dead`: after {SETTINGS.suspicion_ms / 1_000:g} s",
        f"that is `dead` or `stopped` every {SETTINGS.dead_retry_ms // 1_000} s",
        f"hops to live ({SETTINGS.ttl_hops})",
        f"only once in {SETTINGS.gossip_ms} ms",
        f"exchanges one of them every {SETTINGS.neighbour_change_ms // 1_000} s",
        f"Every {SETTINGS.push_pull_ms // 1_000} s, and when",
        f"more than {SETTINGS.max_wall_ahead_ms // 1_000} s ahead",
        f"notes with all others for {SETTINGS.silence_ms // 1_000} s, each in turn",
        f"| members known | {SETTINGS.max_members:,} |",
        f"| {SETTINGS.max_rumours_a_round} rumours a round; {SETTINGS.max_queued_rumours:,} wait",
        f"| {SETTINGS.max_rumour_members} members, ",
        f"{SETTINGS.max_rumour_shared_bytes // 1024} KiB of shared values",
        f"{SETTINGS.max_rumour_changes} changed keys |",
        f"keys of {SETTINGS.max_shared_key_bytes} bytes, values of",
        f"values of {SETTINGS.max_shared_value_bytes // 1024} KiB",
        f"{SETTINGS.max_shared_keys:,} keys",
        f"{SETTINGS.max_shared_entries:,} with those taken back",
        f"| clients that watch | {SETTINGS.max_watchers:,} a node |",
    ],
)
def test_the_numbers_are_those_of_the_settings(said: str) -> None:
    """As they are unless somebody sets them otherwise."""
    assert said in TEXT


def test_the_bounds_of_counts_are_those_of_the_rule() -> None:
    """Written as powers of two; and a dead member is tried within the pause between tries."""
    assert (MAX_COUNT_STEP, MAX_FIRST_COUNT) == (2**20, 2**40)
    assert "2^20 above what is known of a member, 2^40 of a new one" in TEXT
    assert max(SETTINGS.dead_pings_ms) < SETTINGS.dead_retry_ms
