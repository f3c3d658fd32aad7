"""docs/metrics.md has every metric, and its numbers are those of the code."""

from __future__ import annotations

import re

import pytest

from nodes.checkup import ACTORS, FRESH_MS, PATIENCE_MS, faults
from nodes.following import MAX_FOLLOWED
from nodes.http_port import LIFETIME_S, MAX_CONNECTIONS, MAX_REQUEST_BYTES
from nodes.metrics import METRICS
from nodes.tally import MAX_REASONS
from tests.networks import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text()
WORDS = " ".join(PAGE.split())


def test_the_table_has_every_metric_as_it_is() -> None:
    """Name, kind, labels and help, in the same order."""
    rows = re.findall(r"^\| `(gossamer_\w+)` \| (\w+) \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [
        (name, kind, ", ".join(f"`{label}`" for label in labels) or "–", text)
        for name, (kind, labels, text) in METRICS.items()
    ]


def test_no_other_metric_is_spoken_of() -> None:
    """Anywhere on the page."""
    assert set(re.findall(r"gossamer_\w+", PAGE)) == METRICS.keys()


@pytest.mark.parametrize(
    "said",
    [
        f"wait for {PATIENCE_MS // 1_000} s at most",
        f"within the last {'second' if FRESH_MS == 1_000 else ''}",
        f"cut after {LIFETIME_S:g} s in any case",
        f"there are {MAX_CONNECTIONS} at most",
        f"up to {MAX_REQUEST_BYTES // 1_024} KiB",
        f"the latest {MAX_FOLLOWED:,} of each port",
        f"are {MAX_REASONS} at most",
        faults("", ["storage"])[0],
    ],
)
def test_its_numbers_are_those_of_the_code(said: str) -> None:
    """As they are now."""
    assert said in WORDS


def test_it_names_the_actors_that_are_asked() -> None:
    """All of them."""
    named = re.search(r"each of the node's actors \((.+?)\)", WORDS)
    assert named is not None
    words = named[1].replace("file server", "fileserver").replace(" and ", ", ").split(", ")
    assert sorted(words) == sorted(ACTORS.values())
