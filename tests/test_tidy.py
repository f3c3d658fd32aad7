"""What a reader may rely on in every file, read from the source: layers, purity, size, manners.

A rule takes a file and yields what is wrong in it. Examples show that each one finds what it is
for; then it holds for the whole repository.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("actors", "nodes", "tests", "bench", "examples")
FILE_LINES = 400
FUNCTION_LINES = 60

VALUES = frozenset(
    {"actor", "chunks", "digests", "errors", "gossip_settings", "membership", "merkle", "names"}
    | {"ring", "shared", "sizes", "versions", "window"}
)
ACTORS = frozenset({"fileserver", "gossiper", "router", "storage"})
PARTS = frozenset(
    {"announcing", "arriving", "clocks_apart", "departing", "detector", "entering", "farewell"}
    | {"intake", "joining", "memory", "neighbours", "outbox", "push_pull", "rumours"}
    | {"shared_table", "sharing", "suspicion", "watchers"}
)
"""What the gossiper is made of: nobody else has a use for them."""
MAY_IMPORT = {
    **dict.fromkeys(VALUES, VALUES),
    "actor": VALUES | {"messages"},  # what an envelope holds
    "messages": VALUES | {"messages"},
    **dict.fromkeys(PARTS, VALUES | PARTS | {"messages"}),
}
PURE_LIBRARIES = frozenset({"filetype"})
IMPURE_MODULES = frozenset(
    {"_thread", "asyncio", "concurrent", "contextvars", "ctypes", "datetime", "glob", "importlib"}
    | {"io", "lmdb", "logging", "mmap", "multiprocessing", "os", "pathlib", "queue", "secrets"}
    | {"select", "selectors", "shutil", "signal", "socket", "ssl", "structlog", "subprocess"}
    | {"tempfile", "threading", "time", "uuid", "zmq"}
)
IMPURE_BUILTINS = frozenset({"__import__", "hash", "input", "open", "print"})
SET_TYPES = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet"})
SET_METHODS = frozenset({"copy", "difference", "intersection", "symmetric_difference", "union"})
ORDER_FREE = frozenset({"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"})
ORDERED = frozenset({"enumerate", "filter", "iter", "list", "map", "tuple", "zip"})
MAY_POLL = frozenset({"nodes/loop.py", "nodes/client.py"})


@dataclass(frozen=True, slots=True)
class File:
    """A Python file: its path from the root of the repository, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        """The folder in the root of the repository that it is in; empty for the root itself."""
        return self.path.partition("/")[0] if "/" in self.path else ""

    @property
    def module(self) -> str:
        """The module or package of its folder that it is, or belongs to."""
        return [*self.path.removesuffix(".py").split("/"), ""][1]


Rule = Callable[[File], Iterator[str]]


def imports(file: File) -> Iterator[tuple[int, str]]:
    """The line and the full name of every module that is imported, wherever in the file."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = file.path.split("/")[: -node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            if module in FOLDERS:
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def layers(file: File) -> Iterator[str]:
    """`nodes` imports `actors`, not the reverse; actors import no actor, and values only values."""
    forbidden = {"actors": {"nodes", "gossamer", "tests"}, "nodes": {"gossamer", "tests"}}
    allowed = MAY_IMPORT.get(file.module) if file.folder == "actors" else None
    for line, module in imports(file):
        top, name = [*module.split("."), ""][:2]
        if top in forbidden.get(file.folder, ()):
            yield f"{line}: {file.folder} imports nothing from {top}"
        elif file.path.startswith("actors/") and top == "actors":
            if file.module in ACTORS and name in ACTORS:
                yield f"{line}: the actors {file.module} and {name} talk, they do not import"
            elif allowed is not None and name not in allowed:
                yield f"{line}: {file.module} is below {module}"
            elif name in PARTS and file.module not in PARTS | {"gossiper"}:
                yield f"{line}: {name} is a part of the gossiper, not of {file.module}"
        elif allowed is not None and top not in sys.stdlib_module_names | PURE_LIBRARIES:
            yield f"{line}: {file.module} imports the standard library alone, not {top}"


def purity(file: File) -> Iterator[str]:
    """Actors have no clock, thread, socket, disk or log, and nothing that differs between runs."""
    if file.folder != "actors":
        return
    for line, module in imports(file):
        if module.split(".")[0] in IMPURE_MODULES:
            yield f"{line}: an actor cannot import {module}"
    for node in ast.walk(file.tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in IMPURE_BUILTINS:
                yield f"{node.lineno}: an actor cannot use {name}()"
            case ast.Call(func=ast.Name(id="id")):
                yield f"{node.lineno}: an actor cannot use id()"


def seeded(file: File) -> Iterator[str]:
    """The randomness of actors is a `random.Random` that they are given, or seed themselves."""
    if file.folder != "actors":
        return
    aliases = [alias for n in ast.walk(file.tree) if isinstance(n, ast.Import) for alias in n.names]
    names = {alias.asname or alias.name for alias in aliases if alias.name == "random"}
    for node in ast.walk(file.tree):
        match node:
            case ast.ImportFrom(module="random", names=imported):
                if any(alias.name != "Random" for alias in imported):
                    yield f"{node.lineno}: of the module random only Random is of use here"
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in names:
                if attr != "Random":
                    yield f"{node.lineno}: random.{attr} is shared by all and not seeded"
            case ast.Call(func=ast.Name(id="Random") | ast.Attribute(attr="Random"), args=[]):
                yield f"{node.lineno}: a Random() without a seed differs between runs"


def key(node: ast.AST) -> str:
    """A variable's name, or an attribute's after a dot (whatever it belongs to), or nothing."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return f".{name}"
    return ""


def is_set(node: ast.AST, known: set[str]) -> bool:
    """Is it plain from the source that this is a set? `known` are the keys of those that are."""
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in SET_METHODS:
            return is_set(value, known)
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            keys = isinstance(left, ast.Call) and key(left.func) == ".keys"
            return keys or is_set(left, known) or is_set(node.right, known)
    return key(node) in known


def sets_of(scope: ast.AST) -> set[str]:
    """The keys of what is a set in this scope, wherever in it that is set."""
    nodes = list(ast.walk(scope))
    fields = {field for node in nodes if isinstance(node, ast.ClassDef) for field in node.body}
    sets: set[str] = set()
    others: set[str] = set()
    for node in nodes:
        match node:
            case ast.Assign(targets=[target], value=value):
                (sets if is_set(value, sets) else others).add(key(target))
            case ast.AnnAssign(target=target, annotation=kind):
                name = key(target) if node not in fields else f".{key(target)}"
                (sets if ast.unparse(kind).partition("[")[0] in SET_TYPES else others).add(name)
            case ast.arg(arg=name, annotation=ast.AST() as kind):
                (sets if ast.unparse(kind).partition("[")[0] in SET_TYPES else others).add(name)
            case ast.For(target=target) | ast.comprehension(target=target):
                others.add(key(target))
    return sets - others - {""}


def iterated(scope: ast.AST) -> Iterator[ast.expr]:
    """All that is iterated over in a scope in a way that lets its order be seen."""
    nodes = list(ast.walk(scope))
    hidden: set[ast.AST] = {n for n in nodes if isinstance(n, ast.SetComp)}
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name), args=args) if name in ORDER_FREE:
                hidden.update(args)
            case ast.Set(elts=elements):
                hidden.update(elements)
    for node in nodes:
        match node:
            case ast.For(iter=source):
                yield source
            case ast.ListComp() | ast.DictComp() | ast.GeneratorExp() if node not in hidden:
                yield from (generator.iter for generator in node.generators)
            case ast.Call(func=ast.Name(id=name), args=args) if name in ORDERED:
                yield from args if node not in hidden else ()
            case ast.Call(func=ast.Attribute(attr="join" | "extend"), args=[source]):
                yield source
            case ast.Call(func=ast.Attribute(value=source, attr="pop"), args=[]):
                yield source
            case ast.Starred(value=source) if node not in hidden:
                yield source


def order(file: File) -> Iterator[str]:
    """Nothing an actor or the simulator does depends on the order of a set: it differs by run."""
    if file.folder != "actors" and not file.path.startswith("nodes/simulated"):
        return
    shared = {name for name in sets_of(file.tree) if name.startswith(".") or name.isupper()}
    functions = [n for n in ast.walk(file.tree) if isinstance(n, ast.FunctionDef)]
    found: set[tuple[int, str]] = set()
    for scope in (file.tree, *functions):
        known = shared if scope is file.tree else shared | sets_of(scope)
        sources = [source for source in iterated(scope) if is_set(source, known)]
        found.update((source.lineno, ast.unparse(source)) for source in sources)
    for line, source in sorted(found):
        yield f"{line}: the order of {source} differs between runs"


def size(file: File) -> Iterator[str]:
    """A file is read in one sitting, a function in one look."""
    lines = len(file.text.splitlines())
    if lines >= FILE_LINES:
        yield f"1: {lines} lines are too many for a file"
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines >= FUNCTION_LINES:
                yield f"{node.lineno}: {lines} lines are too many for {node.name}"


def docstrings(file: File) -> Iterator[str]:
    """A file opens with what it is for; a test says in one line what it shows."""
    if file.folder in ("actors", "nodes", "") and not ast.get_docstring(file.tree):
        yield "1: a file opens with a docstring"
    for node in ast.walk(file.tree) if file.folder == "tests" else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node) or ""
            if node.name.startswith("test_") and len(docstring.splitlines()) != 1:
                yield f"{node.lineno}: {node.name} has no docstring of one line"


def sleep(file: File) -> Iterator[str]:
    """Tests wait for a condition with a deadline; they never sleep and hope."""
    for node in ast.walk(file.tree) if file.folder == "tests" else ():
        match node:
            case ast.Call(func=ast.Name(id="sleep") | ast.Attribute(attr="sleep")):
                yield f"{node.lineno}: a test does not sleep"


def swallow(file: File) -> Iterator[str]:
    """No error is swallowed unseen."""
    for node in ast.walk(file.tree):
        match node:
            case ast.ExceptHandler(type=None):
                yield f"{node.lineno}: a bare except catches what nobody expects"
            case ast.ExceptHandler(body=[ast.Pass() | ast.Expr(value=ast.Constant())]):
                yield f"{node.lineno}: an error is passed over"
            case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=args):
                if {ast.unparse(arg) for arg in args} & {"Exception", "BaseException"}:
                    yield f"{node.lineno}: every error is suppressed"


def poll(file: File) -> Iterator[str]:
    """There is one poll loop in a node, and one in its client."""
    if file.folder not in ("actors", "nodes") or file.path in MAY_POLL:
        return
    for node in ast.walk(file.tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="poll" | "Poller") | ast.Name(id="Poller")):
                yield f"{node.lineno}: only {' and '.join(sorted(MAY_POLL))} poll"


RULES: list[Rule] = [layers, purity, seeded, order, size, docstrings, sleep, swallow, poll]

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
]

RIGHT: list[tuple[Rule, str, str]] = [
    (layers, "nodes/loop.py", "import zmq\nfrom actors.router import Router"),
    (layers, "actors/router.py", "from actors import ring, messages\nfrom .actor import Actor"),
    (layers, "actors/names.py", "import json, filetype\nfrom actors.errors import Refused"),
    (layers, "actors/messages/gossip.py", "from .base import Message\nimport actors.shared"),
    (layers, "actors/push_pull.py", "from actors.messages import Tell\nfrom . import outbox"),
    (layers, "actors/gossiper.py", "from actors.rumours import Rumours"),
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
]


def judge(rule: Rule, path: str, text: str) -> list[str]:
    """What a rule finds in a file."""
    return list(rule(File(path, text, ast.parse(text, path))))


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
    files = [ROOT / "deploy" / "restart", *sorted(ROOT.glob("*.py"))]
    for folder in FOLDERS:
        files += sorted((ROOT / folder).rglob("*.py"))
    texts = {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in files}
    found = {path: judge(rule, path, text) for path, text in texts.items()}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
