"""A node's log: two outputs of every event, bounded, honest about loss, never in the way."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, FileIO, StringIO, TextIOWrapper
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, BinaryIO, cast

import orjson
import pytest
import structlog

from actors.actor import Address, Envelope
from actors.messages import Store
from actors.versions import Record, Stamp
from nodes.logs import LEVELS, MAX_TEXT, open_log
from nodes.terminal import PALETTE, colour_of, printable, wants_colours


class Terminal(StringIO):
    """A console that says that it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.fixture(autouse=True)
def no_colours_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have these set."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is written."""
    return tmp_path / "log.jsonl"


def events(path: Path) -> list[dict[str, Any]]:
    """What is in the file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines() if line]


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond this, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_event_is_a_line_of_json_and_a_readable_line(path: Path) -> None:
    """Time, level, node and event first; then the fields, bound ones before those of the event."""
    console = StringIO()
    log = open_log(path, "node1", "info", console)
    log.events.bind(actor="router").warning("peer_unreachable", peer="node2", tries=3)
    log.close()
    (event,) = events(path)
    ts = event.pop("ts")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", ts)
    assert list(event.items()) == [
        ("level", "warning"),
        ("event", "peer_unreachable"),
        ("node", "node1"),
        ("actor", "router"),
        ("peer", "node2"),
        ("tries", 3),
    ]
    line = "[warning] node1    peer_unreachable actor=router peer=node2 tries=3\n"
    assert console.getvalue() == f"{ts[11:23]}Z {line}"


@pytest.mark.parametrize("level", LEVELS)
def test_events_below_the_level_are_left_out(path: Path, level: str) -> None:
    """Each level takes itself and what is graver."""
    console = StringIO()
    log = open_log(path, "node1", level, console)
    for name in LEVELS:
        getattr(log.events, name)(f"an_event_of_{name}")
    taken = LEVELS[LEVELS.index(level) :]
    assert [event["level"] for event in events(path)] == list(taken)
    assert console.getvalue().count("an_event_of_") == len(taken)


def test_an_event_below_the_level_costs_no_look_at_its_fields(path: Path) -> None:
    """Nothing of it is rendered: neither its fields nor a time."""

    class Unseen:
        def __str__(self) -> str:
            raise AssertionError("rendered")

    log = open_log(path, "node1", "warning", None)
    log.events.debug("event", field=Unseen())
    assert not path.exists()


def test_an_unknown_level_is_refused(path: Path) -> None:
    """At once, with the levels that there are."""
    with pytest.raises(ValueError, match="debug, info, warning, error"):
        open_log(path, "node1", "loud", None)


def test_traces_go_to_the_file_at_any_level_and_to_the_console_at_debug(tmp_path: Path) -> None:
    """Who traces a request asked for its records; they do not scroll by everybody else."""
    for level, shown in (("debug", 1), ("error", 0)):
        console = StringIO()
        log = open_log(tmp_path / level, "node1", level, console)
        log.traces.bind(actor="router").debug("sent", trace="4f1d")
        assert [event["event"] for event in events(tmp_path / level)] == ["sent"]
        assert console.getvalue().count("trace=4f1d") == shown


@dataclass
class Holder:
    """Something that holds a value."""

    value: bytes


class Broken:
    """Something that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError


STORE = Store(1, ("k",), ("bytes",), (b"hidden",), (Stamp(1, "a", "b"),), (0,))
TO, FROM = Address("1" * 16, "storage"), Address("2" * 16, "router")


@pytest.mark.parametrize(
    ("value", "logged"),
    [
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        ("x" * 1234, "x" * MAX_TEXT + "… (1234 characters)"),
        (b"hidden", "<6 bytes>"),
        (2**63 - 1, 2**63 - 1),
        (2**70, str(2**70)),
        (float("nan"), None),
        ("lone \ud800", "lone \\ud800"),
        (list(range(25)), [*range(20), "… 5 more"]),
        ({n: n for n in range(25)}, {str(n): n for n in range(20)} | {"…": "5 more"}),
        ([[[["deep"]]]], [[["<1 items>"]]]),
        (Stamp(10, "a", "b"), "a-a-b"),
        (TO, "1" * 16 + "/storage"),
        (Path("/data"), "/data"),
        (STORE, "store"),
        (
            Envelope(TO, FROM, STORE),
            {"message": "store", "to": str(TO), "sender": str(FROM), "keys": 1},
        ),
        (Record("k", "bytes", b"hidden", Stamp(1, "a", "b")), "<Record>"),
        ([Holder(b"hidden")], ["<Holder>"]),
        (Broken(), "<Broken that cannot be shown: RuntimeError>"),
    ],
)
def test_fields_are_bounded_and_hold_no_values(path: Path, value: object, logged: object) -> None:
    """Long ones are cut and say so, bytes are counted, messages are named."""
    console = StringIO()
    open_log(path, "node1", "info", console).events.info("event", field=value)
    assert events(path)[0]["field"] == logged
    assert "hidden" not in console.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("ärger/键", "ärger/键"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "x"', '"say \\"x\\""'),
        (
            "a\n10:00:00.000Z [error  ] node1    forged",
            '"a\\n10:00:00.000Z [error  ] node1    forged"',
        ),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m\u202egpj.exe\u2028", "\\x9b31m\\u202egpj.exe\\u2028"),
        ("back\\slash", '"back\\\\slash"'),
        ({"malformed": 3}, '{"malformed":3}'),
        (["a b", "\x1b"], '["a b","\\u001b"]'),
        (None, "null"),
        (True, "true"),
    ],
)
def test_no_field_can_forge_a_line_or_reach_the_terminal(value: object, shown: str) -> None:
    """What is not plainly visible is escaped, what is ambiguous is quoted."""
    console = StringIO()
    open_log(None, "node1", "info", console).events.info("event", field=value)
    assert console.getvalue().partition("field=")[2] == f"{shown}\n"
    assert console.getvalue().count("\n") == 1


def test_neither_events_nor_names_nor_tracebacks_reach_the_terminal(path: Path) -> None:
    """A traceback is indented, so that a line of an exception's text is no line of the log."""
    console = StringIO()
    log = open_log(path, "evil\x1b[2J\nname", "info", console)
    try:
        raise ValueError("first\n10:00:00.000Z [error  ] node1    forged\x1b[2J")
    except ValueError:
        log.events.exception("an\nevent", field=1)
    lines = console.getvalue().splitlines()
    assert "evil\\x1b[2J\\nname an\\nevent field=1" in lines[0]
    assert all(line.startswith("    | ") for line in lines[1:])
    assert lines[-1] == "    | 10:00:00.000Z [error  ] node1    forged\\x1b[2J"
    assert events(path)[0]["exception"].endswith("forged\x1b[2J")


def test_a_terminal_shows_the_node_in_its_colour() -> None:
    """The line is the same without the escape sequences of the colours."""
    plain, coloured = StringIO(), Terminal()
    for console in (plain, coloured):
        open_log(None, "node1", "info", console).events.info("started", listen="[::]:7100")
    assert f"\x1b[38;5;{colour_of('node1')}mnode1" in coloured.getvalue()
    uncoloured = re.sub(r"\x1b\[[0-9;]*m", "", coloured.getvalue())
    assert uncoloured.partition(" ")[2] == plain.getvalue().partition(" ")[2]


@pytest.mark.parametrize(
    ("environment", "in_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "", "FORCE_COLOR": ""}, True, False),
    ],
)
def test_colours_are_for_terminals_and_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], in_terminal: bool, in_pipe: bool
) -> None:
    """NO_COLOR and FORCE_COLOR mean what they mean elsewhere; empty ones mean nothing."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (wants_colours(Terminal()), wants_colours(StringIO())) == (in_terminal, in_pipe)


def test_a_nodes_colour_is_its_own() -> None:
    """The same in every run, and different for names that differ in their last digit."""
    assert [colour_of(f"node{n}") for n in (1, 2, 3)] == [39, 214, 117]
    assert len(PALETTE) == len(set(PALETTE)) == len({colour_of(f"node{n}") for n in range(10)}) + 6
    assert colour_of("\ud800") in PALETTE


def test_printable_text_is_left_alone() -> None:
    """Escapes are for what cannot be seen."""
    assert printable("ärger 键 ∞") == "ärger 键 ∞"
    assert printable("\0\x7f\u200b\ud800\U000e0001") == "\\x00\\x7f\\u200b\\ud800\\U000e0001"


def test_nodes_of_one_process_have_a_log_each(tmp_path: Path) -> None:
    """And none of them cares for what structlog is configured to globally."""
    structlog.configure(processors=[], wrapper_class=structlog.make_filtering_bound_logger("error"))
    try:
        logs = [open_log(tmp_path / name, name, "info", None) for name in ("node1", "node2")]
        for log in logs:
            log.events.info("started")
    finally:
        structlog.reset_defaults()
    assert [events(tmp_path / name)[0]["node"] for name in ("node1", "node2")] == ["node1", "node2"]


def test_threads_write_whole_lines(path: Path) -> None:
    """Of each thread all its events, in its order, in both outputs."""
    console = StringIO()
    log = open_log(path, "node1", "info", console)
    barrier = Barrier(8)

    def write(thread: int) -> None:
        barrier.wait()
        for n in range(100):
            log.events.info("event", thread=thread, n=n, padding="x" * 150)

    threads = [Thread(target=write, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    written = events(path)
    for thread_id in range(8):
        assert [e["n"] for e in written if e["thread"] == thread_id] == list(range(100))
    assert len(console.getvalue().splitlines()) == 800


def lost_reasons(console: StringIO) -> list[str]:
    """What the console says about the file."""
    return re.findall(r"log_not_written reason=(.*)", console.getvalue())


def test_a_full_disk_is_said_once_and_counted(path: Path) -> None:
    """The node goes on, and the console has every event."""
    console = StringIO()
    log = open_log(Path("/dev/full"), "node1", "info", console)
    for n in range(3):
        log.events.info("event", n=n)
    assert log.lost == 3
    assert lost_reasons(console) == ['"No space left on device"']
    assert console.getvalue().count("event n=") == 3


def test_when_there_is_space_again_the_gap_is_logged(path: Path) -> None:
    """A line that was half written is ended first; the file tells how many are missing."""
    console = StringIO()
    log = open_log(path, "node1", "info", console)
    log.events.info("before", padding="x" * 100)
    with file_size_limit(path.stat().st_size + 50):
        log.events.info("lost_in_the_middle")
        log.events.info("lost")
    log.events.info("after")
    lines = path.read_bytes().splitlines()
    assert len(lines) == 4
    assert lines[1].startswith(b'{"ts":')
    assert not lines[1].endswith(b"}")
    gap, after = orjson.loads(lines[2]), orjson.loads(lines[3])
    assert (gap["event"], gap["level"], gap["node"], gap["lost"]) == (
        ("log_written_again", "warning", "node1", 2)
    )
    assert after["event"] == "after"
    assert lost_reasons(console) == ['"File too large"']
    assert "log_written_again lost=2" in console.getvalue()


def test_a_log_in_a_folder_that_is_not_there_takes_nothing_down(tmp_path: Path) -> None:
    """It is said and counted like a full disk."""
    console = StringIO()
    log = open_log(tmp_path / "gone" / "log.jsonl", "node1", "info", console)
    log.events.info("event")
    assert (log.lost, lost_reasons(console)) == (1, ['"No such file or directory"'])


def test_a_closed_log_counts_what_comes_late(path: Path) -> None:
    """Closing twice is closing; threads that end later are not hurt."""
    console = StringIO()
    log = open_log(path, "node1", "info", console)
    log.events.info("in_time")
    log.close()
    log.close()
    log.events.info("late")
    assert [event["event"] for event in events(path)] == ["in_time"]
    assert log.lost == 1
    assert "late" in console.getvalue()


def test_a_console_that_cannot_be_written_takes_nothing_down(path: Path) -> None:
    """A closed one, a pipe that nobody reads any more, an encoding that has not the letters."""
    closed = StringIO()
    closed.close()
    reader, writer = os.pipe()
    os.close(reader)
    ascii_only = TextIOWrapper(BytesIO(), encoding="ascii")
    with FileIO(writer, "w") as raw:
        broken = TextIOWrapper(cast(BinaryIO, raw), encoding="utf-8", write_through=True)
        for console in (closed, broken, ascii_only):
            log = open_log(path, "node1", "info", console)
            log.events.info("event", key="ä")
            log.close()
            assert (log.unprinted, log.lost) == (1, 0)
    assert len(events(path)) == 3


def test_the_client_side_does_not_import_structlog() -> None:
    """Who puts a key from a program pays for no logs: the wire and the trace's fields need none."""
    code = "import sys, nodes.trace.fields, nodes.terminal; print('structlog' in sys.modules)"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code]
    output = subprocess.check_output(command, cwd=root, text=True, timeout=30)
    assert output == "False\n"
