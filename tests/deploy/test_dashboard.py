"""The dashboard and the alerts ask for what nodes and gateways tell, and for all of it."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from nodes.metrics import METRICS as NODE_METRICS
from nodes.web.measures import network_metrics
from nodes.web.traffic import Traffic
from tests.deploy.containers import ROOT
from tests.deploy.metrics import HISTOGRAMS, METRICS, faults, metrics_in

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana.json").read_text())
GROUPS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())[
    "groups"
]
RULES = [rule for group in GROUPS for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
NOWHERE = {"up"}
"""What alerts alone ask for."""


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_metrics_that_there_are(panel: dict[str, Any]) -> None:
    """By their names, labels and the values of labels; its legend names labels that are left."""
    for target in panel["targets"]:
        assert list(faults(target["expr"])) == []
        legend = re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))
        grouped = re.search(r"\bby \(([^)]*)\)", target["expr"])
        if grouped:
            assert {*legend} <= {label.strip() for label in grouped[1].split(",")}


def test_the_dashboard_shows_every_metric() -> None:
    """None is there for nobody to look at."""
    shown = set[str]().union(*(metrics_in(target["expr"]) for target in TARGETS))
    assert {*METRICS, *HISTOGRAMS} - shown == NOWHERE


def test_what_a_gateway_counts_is_in_the_list() -> None:
    """By the names that Prometheus has for it."""
    families = list(Traffic().registry.collect())
    names = {f"{f.name}_total" if f.type == "counter" else f.name for f in families}
    own = {name for name in names if name.startswith("gossamer_")}
    assert own
    assert own <= {*METRICS, *HISTOGRAMS}


def test_what_a_node_counts_is_in_the_list() -> None:
    """With the same labels, and it counts nothing else of that name."""
    told = {**METRICS, **HISTOGRAMS}
    assert {name: set(node.labels) for name, node in NODE_METRICS.items()} == {
        name: set(told[name])
        for name in told
        if name in NODE_METRICS or not name.startswith(("gossamer_gateway", "gossamer_network"))
        if name.startswith("gossamer_")
    }


def test_the_data_source_is_a_variable() -> None:
    """In each panel, each query and each other variable."""
    assert VARIABLES["datasource"]["type"] == "datasource"
    queried = [variable for name, variable in VARIABLES.items() if name != "datasource"]
    for part in (*PANELS, *TARGETS, *queried):
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    used = {*re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"]))}
    assert used <= {*VARIABLES, "__rate_interval"}


def test_panels_do_not_lie_upon_each_other() -> None:
    """Each has an id and a place of its own, within the width that there is."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(p["x"] >= 0 and p["x"] + p["w"] <= 24 for p in places)
    for a, b in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    """It says how bad it is, what is so, and what to do."""
    assert list(faults(rule["expr"])) == []
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")


def test_a_network_that_is_down_is_an_alert() -> None:
    """Also where no gateway is left to say so: it has no other metric of the network then."""
    down = {family.name for family in network_metrics(None)}
    critical = {rule["expr"] for rule in RULES if rule["labels"]["severity"] == "critical"}
    for expression in ("max(gossamer_network_up) == 0", "absent(gossamer_network_up)"):
        assert expression in critical
        assert metrics_in(expression) == down


@pytest.mark.parametrize(
    "expression",
    [
        "gossamer_nodes",
        'gossamer_members{status="dead"}',
        'max(gossamer_members{state="gone"})',
        "sum by (node) (rate(gossamer_requests_total[5m]))",
        "rate(gossamer_request_duration_seconds_total[5m])",
        'gossamer_hints + gossamer_hint{job="a"}',
        "sum(gossamer_hints) by (operation)",
    ],
)
def test_a_fault_is_found(expression: str) -> None:
    """A metric, label or value that there is not, wherever it stands."""
    assert len(list(faults(expression))) == 1
