"""Whatever is sent to a port of a node, by strangers and by those who have a key: the node goes on,
in bounded memory, and does not fill its log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from nodes.free_ports import Ports
from nodes.secret_file import new_secret, write_secret
from nodes.sockets import Context
from tests.networks import Processes
from tests.nodes.fuzz_ports import Send, Subject, publish, send_messages, send_raw, subscribe
from tests.nodes.load import measured

LOGGED_BYTES = 1_024
"""For a frame, on the average: it is two lines for each request that fails, and one or two messages
in a hundred are traced. What follows no protocol is counted."""

BAD = (b"Traceback", b"actor_failed", b"Assertion failed")


@dataclass(frozen=True, slots=True)
class Case:
    """Who sends to which port of which node, and how much of what is to be sent in all."""

    node: str
    port: str
    who: str
    send: Send
    share: float = 1.0

    def __str__(self) -> str:
        return f"{self.node}-{self.port}-{self.who}-{self.send.__name__}"


CASES = [
    Case("encrypted", "requests", "stranger", send_raw),
    Case("encrypted", "gossip", "stranger", send_raw),
    Case("encrypted", "files", "stranger", send_raw),
    Case("encrypted", "requests", "client", send_messages, 0.5),
    Case("encrypted", "requests", "node", send_messages, 0.5),
    Case("encrypted", "files", "client", send_messages, 0.5),
    Case("encrypted", "files", "node", send_messages, 0.5),
    Case("encrypted", "gossip", "node", subscribe, 0.5),
    Case("encrypted", "gossip", "node", publish, 0.5),
    Case("plain", "requests", "stranger", send_raw, 0.5),
    Case("plain", "gossip", "stranger", send_raw, 0.5),
    Case("plain", "files", "stranger", send_raw, 0.5),
    Case("plain", "requests", "anybody", send_messages, 0.3),
    Case("plain", "files", "anybody", send_messages, 0.3),
    Case("plain", "gossip", "anybody", subscribe, 0.3),
    Case("plain", "gossip", "anybody", publish, 0.3),
]
"""At each port of the encrypted node as many by those without a key as by those with one."""

AMOUNTS = [
    (1, 2_000, 64),
    pytest.param(2, 100_000, 64, marks=[pytest.mark.seeds, pytest.mark.timeout(600)]),
    pytest.param(3, 1_000_000, 192, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)]),
]
"""Seeds, frames, and by how many MiB a node may grow. What it keeps is bounded by less: tables for
its last 16 layouts have 2 MiB each, and of requests that are never answered it remembers 33 MiB.
The rest is what the largest messages took for a moment, thousands of requests each, and is not
given back: of more frames some are larger. After 300,000 it is 128 MiB at most, and stays so."""


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Subject]]:
    """Two nodes that the tests share, each alone in its network: one with a secret, one without."""
    folder = tmp_path_factory.mktemp("fuzzed")
    secret_file = folder / "secret"
    write_secret(secret_file, new_secret())
    ports = Ports()
    processes = Processes(folder, ports)
    encrypted = processes.node("encrypted", (), "", "--secret", str(secret_file))
    plain = processes.node("plain")
    for node in (encrypted, plain):
        node.start()
    for node in (encrypted, plain):
        node.wait_ready()
    yield {"encrypted": Subject(encrypted, secret_file), "plain": Subject(plain, None)}
    processes.close()
    ports.close()


def log_files(subject: Subject) -> list[Path]:
    """The one that is written, the older ones, and what is printed."""
    data = subject.node.data
    return [*sorted(data.glob("log.jsonl*")), data.with_name(f"{subject.node.name}.out")]


def logged_bytes(subject: Subject) -> int:
    """How much it has said so far."""
    return sum(file.stat().st_size for file in log_files(subject))


def failures(subject: Subject) -> list[str]:
    """All that it has said of errors that nobody has thought of."""
    found: list[str] = []
    for path in log_files(subject):
        with path.open("rb") as file:
            found += [line.decode()[:8_000] for line in file if any(mark in line for mark in BAD)]
    return found


@contextmanager
def unharmed(subject: Subject, frames: int, growth_mib: int) -> Iterator[None]:
    """So many frames do nothing to the node that is not bounded. Nobody starts it again, so who
    answers in the end is the same process."""
    assert failures(subject) == []
    memory_bytes, said_bytes = subject.node.rss_bytes(), logged_bytes(subject)
    try:
        yield
    finally:
        assert failures(subject) == []
    grown = subject.node.rss_bytes() - memory_bytes
    said = logged_bytes(subject) - said_bytes
    measured("memory grown by MiB", grown / 2**20)
    measured("bytes logged and printed for a frame", said / frames)
    assert grown < growth_mib * 2**20
    assert said < LOGGED_BYTES * frames
    with subject.client() as client:
        client.put("still", frames)
        assert client.get("still") == frames


@pytest.mark.parametrize(("seed", "amount", "growth_mib"), AMOUNTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_random_frames_do_no_harm(
    context: Context,
    subjects: Mapping[str, Subject],
    case: Case,
    seed: int,
    amount: int,
    growth_mib: int,
) -> None:
    """The node lives and serves, its memory is bounded, nothing failed in it, its log is short."""
    subject = subjects[case.node]
    frames = int(amount * case.share)
    with unharmed(subject, frames, growth_mib):
        case.send(context, subject, case.port, case.who, seed, frames)
