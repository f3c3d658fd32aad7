"""The rules of `tidy`: examples show that each finds what it is for; then it holds everywhere."""

from __future__ import annotations

from functools import cache

import pytest

from tests.tidy import (
    FOLDERS,
    ROOT,
    RULES,
    File,
    Rule,
    docstrings,
    layers,
    order,
    poll,
    private,
    purity,
    seeded,
    size,
    sleep,
    swallow,
)

WRONG: list[tuple[Rule, str, str]] = [
    (layers, "actors/window.py", "from nodes.loop import Loop"),
    (layers, "actors/window.py", "def f():\n    import nodes"),
    (layers, "actors/window.py", "from gossamer import Client"),
    (layers, "actors/router.py", "from actors.storage import Storage"),
    (layers, "actors/router.py", "from actors import gossiper"),
    (layers, "actors/router.py", "from .fileserver import FileServer"),
    (layers, "actors/storage.py", "from . import router"),
    (layers, "actors/ring.py", "from actors.messages import Store"),
    (layers, "actors/ring.py", "import orjson"),
    (layers, "actors/membership.py", "from actors.outbox import Outbox"),
    (layers, "actors/messages/gossip.py", "from actors.router import Router"),
    (layers, "actors/messages/inner.py", "from actors.outbox import Outbox"),
    (layers, "actors/messages/__init__.py", "import orjson"),
    (layers, "actors/detector.py", "from actors.gossiper import Gossiper"),
    (layers, "actors/intake.py", "from .jobs import Job"),
    (layers, "actors/arriving.py", "import orjson"),
    (layers, "actors/router.py", "from actors.rumours import Rumours"),
    (layers, "actors/jobs.py", "from actors import memory"),
    (layers, "actors/reading.py", "from actors.router import Router"),
    (layers, "actors/desk.py", "from actors.outbox import Outbox"),
    (layers, "actors/writing.py", "from actors.stage import Stage"),
    (layers, "actors/syncing.py", "from actors.quorum import Quorum"),
    (layers, "actors/hinting.py", "from actors.storage import Storage"),
    (layers, "actors/outbox.py", "from actors.stage import Stage"),
    (layers, "actors/disk.py", "import orjson"),
    (layers, "actors/gossiper.py", "from actors.steward import Steward"),
    (layers, "actors/router.py", "from actors.disk import Disk"),
    (layers, "actors/session.py", "from actors.asks import Asks"),
    (layers, "actors/layout.py", "from actors.quorum import Quorum"),
    (layers, "nodes/loop.py", "import gossamer"),
    (purity, "actors/router.py", "import time"),
    (purity, "actors/router.py", "from os.path import join"),
    (purity, "actors/router.py", "def f():\n    import zmq.asyncio"),
    (purity, "actors/router.py", "print(1)"),
    (purity, "actors/router.py", "open('x')"),
    (purity, "actors/router.py", "sorted(x, key=hash)"),
    (purity, "actors/router.py", "n = id(x)"),
    (seeded, "actors/router.py", "import random\nrandom.shuffle(x)"),
    (seeded, "actors/router.py", "import random as r\nf = r.choice"),
    (seeded, "actors/router.py", "from random import choice"),
    (seeded, "actors/router.py", "from random import Random\nr = Random()"),
    (seeded, "actors/router.py", "import random\nr = random.Random()"),
    (order, "actors/router.py", "for x in {1, 2}: f(x)"),
    (order, "actors/router.py", "for x in set(y): f(x)"),
    (order, "actors/router.py", "for x in y.keys() - z: f(x)"),
    (order, "actors/router.py", "a = [f(x) for x in frozenset(y)]"),
    (order, "actors/router.py", "a = {x: 1 for x in {y for y in z}}"),
    (order, "actors/router.py", "a = tuple(f(x) for x in set(y).union(z))"),
    (order, "actors/router.py", "a = list({1, 2})"),
    (order, "actors/router.py", "a = [*{1, 2}]"),
    (order, "actors/router.py", "a = ','.join({b, c})"),
    (order, "actors/router.py", "a = {1, 2}.pop()"),
    (order, "actors/router.py", "ALL = frozenset({1})\ndef f():\n    return tuple(ALL)"),
    (order, "actors/router.py", "def f():\n    a = set()\n    b = a | c\n    for x in b: g(x)"),
    (order, "actors/router.py", "def f(a: frozenset[str]):\n    return [g(x) for x in a]"),
    (order, "actors/router.py", "class A:\n    a: set[str]\n    def f(b): yield from list(b.a)"),
    (order, "nodes/simulated/node.py", "def f(b):\n    b.up = set()\n    for x in b.up: g(x)"),
    (size, "bench/bench.py", "x = 1\n" * 400),
    (size, "gossamer.py", "def f():\n" + "    x = 1\n" * 59),
    (docstrings, "nodes/loop.py", "x = 1"),
    (docstrings, "gossamer.py", "x = 1"),
    (docstrings, "tests/test_x.py", "def test_x(): pass"),
    (docstrings, "tests/test_x.py", "class TestX:\n    async def test_x():\n        'a\\nb'"),
    (sleep, "tests/test_x.py", "time.sleep(1)"),
    (sleep, "tests/nodes/test_x.py", "from time import sleep\nsleep(1)"),
    (swallow, "bench/bench.py", "try: f()\nexcept: g()"),
    (swallow, "nodes/loop.py", "try: f()\nexcept OSError: pass"),
    (swallow, "tests/test_x.py", "try: f()\nexcept OSError: ..."),
    (swallow, "nodes/loop.py", "with contextlib.suppress(Exception): f()"),
    (poll, "nodes/node.py", "socket.poll(10)"),
    (poll, "nodes/node.py", "p = zmq.Poller()"),
    (private, "nodes/backup.py", "client._calls.request(x)"),
    (private, "nodes/backup.py", "class A:\n    def f(self): self.client._ports = None"),
]

RIGHT: list[tuple[Rule, str, str]] = [
    (layers, "nodes/loop.py", "import zmq\nfrom actors.router import Router"),
    (layers, "actors/router.py", "from actors import ring, messages\nfrom .actor import Actor"),
    (layers, "actors/names.py", "import json, filetype\nfrom actors.errors import Refused"),
    (layers, "actors/messages/gossip.py", "from .base import Message\nimport actors.shared"),
    (layers, "actors/push_pull.py", "from actors.messages import Tell\nfrom . import outbox"),
    (layers, "actors/gossiper.py", "from actors.rumours import Rumours"),
    (layers, "actors/router.py", "from actors import desk, quorum, window"),
    (
        layers,
        "actors/reading.py",
        "from actors.quorum import Quorum\nfrom actors.layout import Sets",
    ),
    (layers, "actors/storage.py", "from actors.outbox import Outbox\nfrom actors import disk"),
    (layers, "actors/steward.py", "from actors.outbox import Outbox\nfrom actors import stage"),
    (layers, "nodes/disk.py", "from actors.disk import Batch"),
    (purity, "actors/router.py", "import json\nx = Envelope(id=self.open(id)).id"),
    (purity, "nodes/loop.py", "import time\nprint(hash(id(open('x'))))"),
    (seeded, "actors/router.py", "from random import Random\nx = Random(7).choice(y)"),
    (seeded, "actors/router.py", "import random\ndef f(r: random.Random): r.choice(y)"),
    (order, "actors/router.py", "for x in sorted({1, 2}): f(x)\nfor x in [1, 2]: f(x)"),
    (order, "actors/router.py", "a = max(len(x) for x in set(y)), {f(x) for x in set(y)}"),
    (order, "actors/router.py", "def f():\n    a = set(b)\ndef g(a):\n    for x in a: h(x)"),
    (order, "nodes/loop.py", "for x in {1, 2}: f(x)"),
    (size, "bench/bench.py", "x = 1\n" * 399),
    (size, "gossamer.py", "def f():\n" + "    x = 1\n" * 58),
    (docstrings, "tests/test_x.py", "def test_x():\n    'It does.'\ndef helper(): return 1"),
    (sleep, "nodes/loop.py", "time.sleep(1)"),
    (swallow, "nodes/loop.py", "try: f()\nexcept OSError as e: log(e)"),
    (swallow, "nodes/loop.py", "with suppress(ProcessLookupError): f()"),
    (poll, "nodes/loop.py", "socket.poll(10)"),
    (poll, "tests/test_x.py", "process.poll()"),
    (private, "nodes/hosts.py", "class A(B):\n    def _f(self): self._g(super()._f())"),
    (private, "nodes/hosts.py", "a = b._replace(c=type(d).__name__)"),
    (private, "tests/test_x.py", "node._disk.close()"),
]


def judge(rule: Rule, path: str, text: str) -> list[str]:
    """What a rule finds in a file."""
    return list(rule(File.parse(path, text)))


@cache
def repository() -> list[File]:
    """All of its files."""
    files = [ROOT / "deploy" / "restart", *sorted(ROOT.glob("*.py"))]
    for folder in FOLDERS:
        files += sorted((ROOT / folder).rglob("*.py"))
    return [File.parse(f.relative_to(ROOT).as_posix(), f.read_text("utf-8")) for f in files]


@pytest.mark.parametrize(("rule", "path", "text"), WRONG, ids=[rule.__name__ for rule, *_ in WRONG])
def test_a_rule_finds_what_it_is_for(rule: Rule, path: str, text: str) -> None:
    """Each wrong example is found by its rule, once."""
    assert len(judge(rule, path, text)) == 1


@pytest.mark.parametrize(("rule", "path", "text"), RIGHT, ids=[rule.__name__ for rule, *_ in RIGHT])
def test_a_rule_finds_nothing_else(rule: Rule, path: str, text: str) -> None:
    """Each right example passes its rule."""
    assert judge(rule, path, text) == []


@pytest.mark.parametrize("rule", RULES)
def test_the_repository_is_tidy(rule: Rule) -> None:
    """Every file of the repository keeps every rule."""
    found = {file.path: list(rule(file)) for file in repository()}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
