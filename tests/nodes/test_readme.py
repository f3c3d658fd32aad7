"""What the README shows is what happens: its sessions are run against a network of three nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.networks import DEADLINE_S, ROOT, Network, wait_until
from tests.nodes.sessions import blocks, run, session, with_addresses
from tests.web.gateways import GatewayProcess

README = (ROOT / "README.md").read_text()
PORTS = (7100, 7200, 7300)
KILL = "pkill -9 -f 'bin/gossamer serve --name node1 '"
"""Not run, or it would end the nodes of others: what the test has started as node1 is stopped."""

GATEWAY = "127.0.0.1:8080"
NEW_EVERY_TIME = re.compile(r"\d+-[0-9a-f]{16}-[0-9a-f.]+")
"""The stamp of a version."""


class ReadmeNetwork:
    """A network like that of the Procfile; `addresses` has what stands for those in the README."""

    def __init__(self, network: Network) -> None:
        network.folder = network.folder / ".data"
        self._network = network
        self._nodes = network.nodes_that_list_each_other(3)
        addresses = [node.address for node in self._nodes]
        self.addresses = {f"127.0.0.1:{p}": a for p, a in zip(PORTS, addresses, strict=True)}
        self.endpoint = addresses[0]
        self._is_down = False
        self._gateway = GatewayProcess(network.folder, addresses)
        self._gateway.start()
        self.addresses[GATEWAY] = self._gateway.address

    def close(self) -> None:
        """The nodes are ended by the network's own fixture."""
        self._gateway.close()

    def kill_the_first(self) -> None:
        """End node1."""
        self._network.stop(self._nodes[0])
        self._is_down = True

    def bring_the_first_back(self) -> None:
        """What the restarter does, after three seconds."""
        if self._is_down:
            self._nodes[0] = self._network.node("node1", listen=self.endpoint)
            self._nodes[0].wait_ready(DEADLINE_S)
            self._is_down = False


@pytest.fixture
def readme_network(network: Network) -> Iterator[ReadmeNetwork]:
    """Its three nodes and its gateway are ready."""
    made = ReadmeNetwork(network)
    yield made
    made.close()


def prints(command: str, folder: Path, endpoint: str, shown: str) -> bool:
    """Does it print that now?"""
    return run(command, folder, endpoint) == shown


def words(explained: str) -> list[str]:
    """What `gossamer explain` prints, less what depends on who owns the key: its owners' order."""
    return sorted(re.split(r"[\s,]+", NEW_EVERY_TIME.sub("stamp", explained)))


def steady(answer: str) -> str:
    """What curl prints, less what is another every time: versions, and who has stored it."""
    return re.sub(r'"node":"[^"]*","replicas":\[[^]]*\]', "", NEW_EVERY_TIME.sub("", answer))


def without_times(files: str) -> list[list[str]]:
    """What `gossamer files` prints, less the last column."""
    return [line.split()[:-1] for line in files.splitlines()]


def test_the_sessions_print_what_is_shown(readme_network: ReadmeNetwork, tmp_path: Path) -> None:
    """Each command prints what the README shows."""
    endpoint = readme_network.endpoint
    real_ids: dict[str, str] = {}
    steps = [step for block in blocks(README, "console") for step in session(block)]
    assert len(steps) > 5
    for written, shown in steps:
        if written == KILL:
            readme_network.kill_the_first()
            continue
        if "--endpoint" not in written:
            readme_network.bring_the_first_back()
        command = with_addresses(written, {**readme_network.addresses, **real_ids})
        command = re.sub("^curl", "curl --silent --show-error", command)
        printed = run(command, tmp_path, endpoint)
        if command.endswith("--trace"):
            real_ids[shown.split()[1]] = printed.split()[1]
            assert printed == with_addresses(shown, real_ids)
        elif command.startswith("gossamer trace"):
            # When each answer comes is another every time, and so is the order.
            told = [text.splitlines() for text in (with_addresses(shown, real_ids), printed)]
            assert told[0][0] == told[1][0]
            assert re.match(r"\d+ records in 3 files, logs of node1, node2, node3$", told[1][-1])
        elif command.startswith("gossamer explain"):
            assert words(printed) == words(shown)
        elif command.startswith("curl"):
            assert steady(printed) == steady(shown), command
        elif command == "gossamer files":
            assert without_times(printed) == without_times(shown)
        elif command.startswith("gossamer shared"):
            # The other nodes have it within a second.
            wait_until(shown, partial(prints, command, tmp_path, endpoint, shown))
        else:
            assert printed == shown, command


def test_the_programs_run(
    readme_network: ReadmeNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The Python examples run as they are, but for the address; they assert what they show."""
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text(README)
    for block in blocks(README, "python"):
        exec(compile(with_addresses(block, readme_network.addresses), "README.md", "exec"), {})
    assert "Entry(key='color'" in capsys.readouterr().out


def test_every_link_leads_to_a_file() -> None:
    """The README names no file that is not there."""
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing
