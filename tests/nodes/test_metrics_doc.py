"""docs/metrics.md has every metric and every alert, and its numbers are those of the code."""

from __future__ import annotations

import re

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from nodes.checkup import ACTORS, FRESH_MS, PATIENCE_MS, faults
from nodes.following import MAX_FOLLOWED
from nodes.http_port import LIFETIME_S, MAX_CONNECTIONS, MAX_REQUEST_BYTES
from nodes.metrics import METRICS
from nodes.status import FileCounts, Status
from nodes.tally import MAX_REASONS
from nodes.web.measures import network_metrics
from nodes.web.traffic import Traffic
from tests.networks import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text()
WORDS = " ".join(PAGE.split())
OF_NODES, OF_GATEWAYS = PAGE.split("\n## Metrics of a gateway\n")
STATUS = Status("n", "id", 1, 1, 0, 0, False, (), (), {}, True, (), FileCounts(*[0] * 9), "")


def rows_of(text: str) -> list[tuple[str, ...]]:
    """Those of its table of metrics."""
    return re.findall(r"^\| `(gossamer_\w+)` \| (\w+) \| (.+?) \| (.+) \|$", text, re.MULTILINE)


def row_of(family: Metric) -> tuple[str, ...]:
    """What a table has to say of a metric that is told."""
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = [f"`{label}`" for label in family.samples[0].labels if label != "le"]
    return name, family.type, ", ".join(labels) or "–", family.documentation


def gateway_metrics() -> list[Metric]:
    """All that a gateway tells, once something was asked of it."""
    traffic = Traffic()
    traffic.end(traffic.begin(), "get_key", 200)
    return [*traffic.collect(), *network_metrics(((), STATUS))]


def test_the_table_has_every_metric_of_a_node_as_it_is() -> None:
    """Name, kind, labels and help, in the same order."""
    assert rows_of(OF_NODES) == [
        (name, kind, ", ".join(f"`{label}`" for label in labels) or "–", text)
        for name, (kind, labels, text) in METRICS.items()
    ]


def test_the_table_has_every_metric_of_a_gateway_as_it_is() -> None:
    """The same of each."""
    assert rows_of(OF_GATEWAYS) == [row_of(family) for family in gateway_metrics()]


def test_no_other_metric_is_spoken_of() -> None:
    """Anywhere on the page."""
    there = METRICS.keys() | {row_of(family)[0] for family in gateway_metrics()}
    assert set(re.findall(r"gossamer_\w+", PAGE)) == there


def test_every_alert_is_in_the_table() -> None:
    """With how bad it is, in the order of the file."""
    groups = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    rows = re.findall(r"^\| `(Gossamer\w+)` \| .+ \| (\w+) \|$", PAGE, re.MULTILINE)
    assert rows == [(rule["alert"], rule["labels"]["severity"]) for rule in rules]


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
