"""What a reader may rely on in every file, read from the source: layers, purity, size, manners.

A rule takes a file and yields what is wrong in it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("actors", "nodes", "tests", "bench", "deploy", "examples")
FILE_LINES = 400
FUNCTION_LINES = 60

VALUES = frozenset(
    {"actor", "chunks", "contents", "digests", "errors", "file_settings", "formats"}
    | {"gossip_settings", "hexadecimal", "layout", "membership", "merkle", "names", "ring", "roles"}
    | {"meant"}
    | {"router_settings", "shared", "sizes", "spaces", "storage_settings", "versions", "window"}
)
ACTORS = frozenset({"fileserver", "gossiper", "router", "storage"})
PARTS = {
    "fileserver": frozenset(
        {
            "chunk_store",
            "closing",
            "disk",
            "errands",
            "fetching",
            "file_desk",
            "filing",
            "inquiry",
            "keeping",
        }
        | {"list_references", "mending", "outbox", "placing", "scrubbing", "straying", "sweeping"}
        | {"throttle"}
    ),
    "gossiper": frozenset(
        {"announcing", "arriving", "clocks_apart", "denials", "departing", "detector", "entering"}
        | {
            "farewell",
            "forgetting",
            "hearing",
            "intake",
            "joining",
            "listed",
            "memory",
            "neighbours",
            "outbox",
            "push_pull",
            "rumours",
        }
        | {"shared_table", "sharing", "suspicion", "watchers"}
    ),
    "router": frozenset(
        {
            "admission",
            "asks",
            "checking",
            "client_keys",
            "closing",
            "desk",
            "healing",
            "hedging",
            "jobs",
            "listing",
        }
        | {"quorum", "read_parts", "reading", "refusing", "writing"}
    ),
    "storage": frozenset(
        {"acceptor", "catching_up", "census", "collecting", "disk", "expiring", "fence"}
        | {"greeting", "hinting", "merging", "moving", "outbox", "proposer", "pulling"}
        | {"referring", "repeats", "shedding", "stage", "steward", "striking", "syncing"}
        | {"throttle", "tree_server", "trees", "wishes"}
    ),
}
"""What each actor is made of: no other has a use for it, but for what stands with two of them."""
MAY_IMPORT = {
    **dict.fromkeys(VALUES, VALUES),
    "actor": VALUES | {"messages"},  # what an envelope holds
    "messages": VALUES | {"messages"},
    **{part: VALUES | parts | {"messages"} for parts in PARTS.values() for part in parts},
    "outbox": VALUES | {"messages"},
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
OF_TUPLES = frozenset({"_asdict", "_fields", "_make", "_replace"})
"""Of a NamedTuple, public all the same."""
MAY_POLL = frozenset({"nodes/loop.py", "nodes/client.py"})


@dataclass(frozen=True, slots=True)
class File:
    """A Python file: its path from the root of the repository, its text, its syntax tree and all
    nodes of that."""

    path: str
    text: str
    tree: ast.Module
    nodes: Sequence[ast.AST]

    @classmethod
    def parse(cls, path: str, text: str) -> File:
        """A file with this text."""
        tree = ast.parse(text, path)
        return cls(path, text, tree, list(ast.walk(tree)))

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
    for node in file.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = file.path.split("/")[: -node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            if module in FOLDERS:
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def wholes_of(part: str) -> list[str]:
    """The actors that it is a part of."""
    return [actor for actor, parts in PARTS.items() if part in parts]


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
            elif (wholes := wholes_of(name)) and not any(
                file.module in PARTS[actor] | {actor} for actor in wholes
            ):
                yield f"{line}: {name} is a part of {' and '.join(wholes)}, not of {file.module}"
        elif allowed is not None and top not in sys.stdlib_module_names | PURE_LIBRARIES:
            yield f"{line}: {file.module} imports the standard library alone, not {top}"


def purity(file: File) -> Iterator[str]:
    """Actors have no clock, thread, socket, disk or log, and nothing that differs between runs."""
    if file.folder != "actors":
        return
    for line, module in imports(file):
        if module.split(".")[0] in IMPURE_MODULES:
            yield f"{line}: an actor cannot import {module}"
    for node in file.nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in IMPURE_BUILTINS:
                yield f"{node.lineno}: an actor cannot use {name}()"
            case ast.Call(func=ast.Name(id="id")):
                yield f"{node.lineno}: an actor cannot use id()"


def seeded(file: File) -> Iterator[str]:
    """The randomness of actors is a `random.Random` that they are given, or seed themselves."""
    if file.folder != "actors":
        return
    aliases = [alias for n in file.nodes if isinstance(n, ast.Import) for alias in n.names]
    names = {alias.asname or alias.name for alias in aliases if alias.name == "random"}
    for node in file.nodes:
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
    functions = [n for n in file.nodes if isinstance(n, ast.FunctionDef)]
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
    for node in file.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines >= FUNCTION_LINES:
                yield f"{node.lineno}: {lines} lines are too many for {node.name}"


def docstrings(file: File) -> Iterator[str]:
    """A file opens with what it is for; a test says in one line what it shows."""
    if file.folder in ("actors", "nodes", "") and not ast.get_docstring(file.tree):
        yield "1: a file opens with a docstring"
    for node in file.nodes if file.folder == "tests" else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node) or ""
            if node.name.startswith("test_") and len(docstring.splitlines()) != 1:
                yield f"{node.lineno}: {node.name} has no docstring of one line"


def sleep(file: File) -> Iterator[str]:
    """Tests wait for a condition with a deadline; they never sleep and hope."""
    for node in file.nodes if file.folder == "tests" else ():
        match node:
            case ast.Call(func=ast.Name(id="sleep") | ast.Attribute(attr="sleep")):
                yield f"{node.lineno}: a test does not sleep"


def swallow(file: File) -> Iterator[str]:
    """No error is swallowed unseen."""
    for node in file.nodes:
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
    for node in file.nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr="poll" | "Poller") | ast.Name(id="Poller")):
                yield f"{node.lineno}: only {' and '.join(sorted(MAY_POLL))} poll"


def private(file: File) -> Iterator[str]:
    """What begins with an underscore is its own object's."""
    if file.folder not in ("actors", "nodes"):
        return
    for node in file.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls" | "os" | "lmdb")):
                pass
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
                pass
            case ast.Attribute(attr=name) if name.startswith("_") and name not in OF_TUPLES:
                if not name.endswith("__"):
                    yield f"{node.lineno}: {ast.unparse(node)} is private to another object"


RULES: list[Rule] = [layers, purity, seeded, order, size, docstrings, sleep, swallow, poll, private]
