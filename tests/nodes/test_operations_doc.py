"""What docs/operations.md shows is what happens, and its tables leave nothing out."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from nodes import cli
from tests.networks import ROOT, Network, wait_until
from tests.nodes.rolling import PAGE
from tests.nodes.sessions import blocks, run, session, with_addresses

STEPS = [step for block in blocks(PAGE, "console") for step in session(block)]
NAMES = ("one:7100", "two:7100", "three:7100")
STOP = "ssh three systemctl stop gossamer@7100"
LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
MEMBER_EVENTS = {f"member_{s}" for s in ("alive", "suspect", "dead", "stopped", "leaving", "left")}
TOLD_BY = {
    "nodes/following.py": {"request_failed", "request_slow", "passed", "replied"},
    "nodes/gateway.py": {"http_failed"},
    "nodes/logs.py": {"log_written_again", "log_not_written"},
    "nodes/news.py": MEMBER_EVENTS,
    "nodes/node.py": {"keys_denied", "keys_allowed"},
    "nodes/tally.py": {"dropped"},
    "nodes/web/outages.py": {"requests_failed"},
    "nodes/web/server.py": {"http_trouble"},
}
"""Events whose names are not the first argument of a call of the log in these files: they are made
up, chosen, handed over, or what another library's record becomes."""


def prints(command: str, folder: Path, endpoint: str, shown: str) -> bool:
    """Does it print that now?"""
    return run(command, folder, endpoint) == shown


def test_the_sessions_print_what_is_shown(network: Network, tmp_path: Path) -> None:
    """In a network of three, one of which is stopped as the page says."""
    listed = [f"127.0.0.1:{port}" for port in network.ports.take(3)]
    nodes = [network.node(name, listed, at) for name, at in zip(NAMES, listed, strict=True)]
    for node in nodes:
        node.wait_ready()
    real = {"127.0.0.1:7100": nodes[0].address}
    for written, text in STEPS:
        if written == STOP:
            network.stop(nodes[2])
            continue
        command, shown = with_addresses(written, real), with_addresses(text, real)
        wait_until(command, partial(prints, command, tmp_path, nodes[0].address, shown))


def test_the_scripts_are_what_a_shell_takes() -> None:
    """One of them, the first, is run with real nodes by the test of rolling restarts."""
    scripts = blocks(PAGE, "sh")
    assert len(scripts) > 2
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=10)


def test_every_setting_of_a_node_is_in_the_table() -> None:
    """And no other is."""
    [table] = re.findall(r"^\| setting of `gossamer serve`.*?(?=^$|\Z)", PAGE, re.M | re.S)
    flags = {
        option.opts[0]
        for option in cli.main.commands["serve"].params
        if isinstance(option, click.Option)
    }
    first = [row.split("|")[1] for row in table.splitlines()[2:] if row.startswith("|")]
    assert set(re.findall(r"`(--[a-z-]+)`", " ".join(first))) == flags - {"--help"}


def test_every_event_of_a_log_is_in_the_table() -> None:
    """Those of nodes and of gateways; and no other is."""
    [table] = re.findall(r"^\| event \| means.*?^$", PAGE, re.M | re.S)
    first = [row.split("|")[1] for row in table.splitlines()[2:]]
    told = set().union(*TOLD_BY.values())
    for file in sorted((ROOT / "nodes").rglob("*.py")):
        where = str(file.relative_to(ROOT))
        named, unnamed = events_of(ast.parse(file.read_text()))
        told |= named if where != "nodes/gateway.py" else set()
        assert not unnamed or where in TOLD_BY, f"{where}: which events are {unnamed}?"
    assert set(re.findall(r"`(\w+)`", " ".join(first))) == told


def events_of(tree: ast.Module) -> tuple[set[str], list[str]]:
    """The events that a file logs by their names; and what it logs under names that are not there
    to be read."""
    named, unnamed = set(), []
    for call in calls_of_logs(tree):
        match call.args[0]:
            case ast.Constant(str(event)):
                named.add(event)
            case other:
                unnamed.append(ast.unparse(other))
    return named, unnamed


def calls_of_logs(tree: ast.Module) -> Iterator[ast.Call]:
    """`log.info("event")` and the like, also by the name of `say = log.info`."""
    says = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(map(is_of_log, ast.walk(node.value)))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            by_name = isinstance(node.func, ast.Name) and node.func.id in says
            if by_name or is_of_log(node.func):
                yield node


def is_of_log(node: ast.AST) -> bool:
    """Is it `log.info`, `self._log.events.warning` or `log.traces.debug`?"""
    if not isinstance(node, ast.Attribute) or node.attr not in LEVELS:
        return False
    return re.search(r"(^|[._])log(\.events|\.traces)?$", ast.unparse(node.value)) is not None


def test_every_link_leads_somewhere() -> None:
    """To a file that is there, and a heading in it."""
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, heading = target.partition("#")
        file = ROOT / "docs" / path if path else ROOT / "docs" / "operations.md"
        assert file.exists(), target
        titles = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not heading or heading in anchors, target
