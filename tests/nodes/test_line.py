"""A line with a key that does not fit does not hammer, and is as quick as ever once one may fit."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import zmq

from nodes import line as lines
from nodes.keys import NetworkSecret, client_dials
from nodes.line import Line
from nodes.secret_file import new_secret
from nodes.sockets import Context, request_dealer, request_router
from tests.networks import Network, wait_until
from tests.nodes.secured import several

USUAL_MS, ONE_OF_SEVERAL_MS = 100, 1_000
RARELY_MS = 300
IN_A_ROW = 3


@pytest.fixture
def secrets() -> tuple[NetworkSecret, NetworkSecret]:
    """The one that the network has had, and the one that it has now."""
    return new_secret(), new_secret()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rarely is not so rare that a test would wait for it."""
    monkeypatch.setattr(lines, "RARELY_MS", RARELY_MS)
    monkeypatch.setattr(lines, "IN_A_ROW", IN_A_ROW)


def line_to(context: Context, address: str, *secrets: NetworkSecret) -> closing[Line]:
    """A client's line, with the keys of these."""
    return closing(Line(context, request_dealer, address, client_dials(secrets), is_patient=True))


def paces(line: Line) -> list[object]:
    """How long each of its keys waits before it is tried again, after what has happened."""
    line.look()
    return [dealer.get(zmq.RECONNECT_IVL) for dealer in line.dealers]


def test_a_wrong_key_is_tried_rarely(
    context: Context, secrets: tuple[NetworkSecret, NetworkSecret]
) -> None:
    """After several failures in a row; and as usual when nothing listens there any more."""
    former, new = secrets
    router, port = request_router(context, "127.0.0.1", 0, new.server)
    with line_to(context, f"127.0.0.1:{port}", former) as line:
        assert paces(line) == [USUAL_MS]
        wait_until("it is tried rarely", lambda: paces(line) == [RARELY_MS])
        assert "another secret" in line.why
        router.close()
        wait_until("it is tried as usual", lambda: paces(line) == [USUAL_MS])


def test_who_is_not_patient_goes_on_as_usual(
    context: Context, secrets: tuple[NetworkSecret, NetworkSecret]
) -> None:
    """Nodes are found again as soon as they are there."""
    former, new = secrets
    router, port = request_router(context, "127.0.0.1", 0, new.server)
    line = Line(context, request_dealer, f"127.0.0.1:{port}", client_dials([former]))
    failed = 0
    while failed <= 2 * IN_A_ROW:
        for monitor in line.monitors:
            assert monitor.poll(5_000)
        failed += len(line.look())
    assert paces(line) == [USUAL_MS]
    line.close()
    router.close()


def test_a_node_that_is_started_with_the_right_secret_is_found(
    context: Context,
    network: Network,
    tmp_path: Path,
    secrets: tuple[NetworkSecret, NetworkSecret],
) -> None:
    """By who was turned away by the node before it."""
    former, new = secrets
    address = f"127.0.0.1:{network.ports.take(1)[0]}"
    node = network.node("node1", [], address, secret=several(tmp_path / "secret", [former]))
    with line_to(context, address, new) as line:
        wait_until("it is tried rarely", lambda: paces(line) == [RARELY_MS])
        network.stop(node)
        wait_until("it is tried as usual", lambda: paces(line) == [USUAL_MS])
        network.node("node1", [], address, secret=several(tmp_path / "secret", [new]))
        wait_until("it is connected", lambda: line.look() and line.is_up)
        assert paces(line) == [USUAL_MS]


def test_when_one_key_is_not_up_any_more_the_others_are_tried_as_usual(
    context: Context,
    network: Network,
    tmp_path: Path,
    secrets: tuple[NetworkSecret, NetworkSecret],
) -> None:
    """A node that listens with another secret after a restart is found as soon as ever."""
    former, new = secrets
    address = f"127.0.0.1:{network.ports.take(1)[0]}"
    node = network.node("node1", [], address, secret=several(tmp_path / "secret", [former]))
    with line_to(context, address, former, new) as line:
        rare = [ONE_OF_SEVERAL_MS, RARELY_MS]
        wait_until("the other is tried rarely", lambda: paces(line) == rare, 20)
        assert line.is_up
        network.stop(node)
        wait_until("both are tried as usual", lambda: paces(line) == [ONE_OF_SEVERAL_MS] * 2)
        network.node("node1", [], address, secret=several(tmp_path / "secret", [new]))
        wait_until("it is connected", lambda: line.look() and line.is_up)
        assert line.fingerprint == new.fingerprint
