"""A node's log: every event twice, as a line of JSON in a file and as a readable line on a console.

User data is a field, never the event; long values are cut, bytes are counted. A log that cannot be
written is said and counted, and never takes the node down. Nothing here is global: several nodes of
one process have a log each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import is_dataclass
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any, Final, TextIO, cast

import orjson
import structlog
from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter, LogLevelColumnFormatter
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from actors.actor import Address, Envelope
from actors.messages import Message
from actors.versions import Record, Stamp
from nodes.logfile import LogFile
from nodes.terminal import colour_of, printable, wants_colours
from nodes.trace.fields import describe
from nodes.wire import type_name

LEVELS = ("debug", "info", "warning", "error")
MAX_TEXT = 200
"""Characters of a text that are kept, in both outputs."""
MAX_ITEMS = 20
MAX_DEPTH = 3
MAX_TRACEBACK = 20_000
NODE_WIDTH = 8

_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_BOLD: Final = "\x1b[1m"
_CYAN: Final = "\x1b[36m"
_LEVEL_COLOURS: Final = {
    "debug": _DIM,
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
}


class Log:
    """A node's log. All of it may be used from several threads at once.

    `events` takes what happens, at `level` and above. `traces` takes the records of traced
    envelopes, at debug, and writes them to the file at any level (somebody asked for them); on the
    console they show at level debug alone. Both can be bound: `log.events.bind(actor="router")`.
    """

    def __init__(self, events: FilteringBoundLogger, traces: FilteringBoundLogger, out: _Outputs):
        self.events = events
        self.traces = traces
        self._outputs = out

    @property
    def lost(self) -> int:
        """How many events could not be written to the file."""
        return self._outputs.lost

    @property
    def unprinted(self) -> int:
        """How many events could not be written to the console."""
        return self._outputs.unprinted

    def close(self) -> None:
        """Close the file; the console stays open. What is logged later still goes to the console,
        and counts as lost. May be called twice."""
        self._outputs.close()


def open_log(path: Path | None, name: str, level: str, console: TextIO | None) -> Log:
    """The log of the node `name`: JSON lines appended to `path`, readable ones to `console`.

    Either may be None. `level` is one of LEVELS; ValueError otherwise. That `path` cannot be
    written is not an error here: it is said on the console and counted.
    """
    if level not in LEVELS:
        raise ValueError(f"a log level is one of {', '.join(LEVELS)}, not {level!r}")
    steps: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        _plain,
    ]
    render = _Renderings(name, colours=console is not None and wants_colours(console))

    def rendered(level: str, fields: EventDict) -> tuple[bytes, str]:
        for step in steps:
            fields = cast(EventDict, step(None, level, fields))
        return render(None, level, fields)[0]

    outputs = _Outputs(LogFile(path) if path else None, console, rendered, name)
    quiet = outputs if level == "debug" else _FileOnly(outputs)
    return Log(
        _logger(outputs, [*steps, render], level).bind(node=name),
        _logger(quiet, [*steps, render], "debug").bind(node=name),
        outputs,
    )


def _logger(outputs: WrappedLogger, steps: list[Processor], level: str) -> FilteringBoundLogger:
    """A logger that looks at no global configuration; below `level` its methods do nothing."""
    proxy = structlog.wrap_logger(
        outputs,
        processors=steps,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    return cast(FilteringBoundLogger, proxy.bind())


class _Outputs:
    """The file and the console, each written under one lock, a whole line at a time."""

    def __init__(
        self,
        file: LogFile | None,
        console: TextIO | None,
        rendered: Callable[[str, EventDict], tuple[bytes, str]],
        name: str,
    ) -> None:
        self.lost = 0
        self.unprinted = 0
        self._file = file
        self._console = console
        self._rendered = rendered
        self._name = name
        self._missing = 0  # lost since the file was last written
        self._lock = RLock()  # a signal handler may log while its thread is in here

    def write(self, line: bytes, text: str) -> None:
        with self._lock:
            self._record(line)
            self._print(text)

    def write_to_file(self, line: bytes) -> None:
        with self._lock:
            self._record(line)

    debug = info = warning = error = critical = write

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                try:
                    self._file.close()
                except OSError as error:
                    self._print(self._unwritable(error))

    def _record(self, line: bytes) -> None:
        if self._file is None:
            return
        try:
            if self._missing:
                gap = {"event": "log_written_again", "node": self._name, "lost": self._missing}
                gap_line, gap_text = self._rendered("warning", gap)
                self._file.write(gap_line)
                self._missing = 0
                self._print(gap_text)
            self._file.write(line)
        except OSError as error:
            self.lost += 1
            self._missing += 1
            if self._missing == 1:
                self._print(self._unwritable(error))

    def _unwritable(self, error: OSError) -> str:
        reason = error.strerror or str(error)
        fields = {"event": "log_not_written", "node": self._name, "reason": reason}
        return self._rendered("error", fields)[1]

    def _print(self, text: str) -> None:
        if self._console is None:
            return
        try:
            self._console.write(text + "\n")
            self._console.flush()
        except (OSError, ValueError):  # a closed stream, or one that cannot encode the text
            self.unprinted += 1


class _FileOnly:
    """The same outputs for what is not to be seen on the console."""

    def __init__(self, outputs: _Outputs) -> None:
        self._outputs = outputs

    def write(self, line: bytes, text: str) -> None:
        self._outputs.write_to_file(line)

    debug = info = warning = error = critical = write


class _Renderings:
    """The last step of structlog's chain: an event as a line of JSON and as text, in that order."""

    def __init__(self, name: str, *, colours: bool) -> None:
        self._json = structlog.processors.JSONRenderer(serializer=orjson.dumps)
        self._text = _console_renderer(name, colours=colours)

    def __call__(
        self, logger: WrappedLogger, method: str, event: EventDict
    ) -> tuple[tuple[bytes, str], dict[str, Any]]:
        line = cast(bytes, self._json(logger, method, event)) + b"\n"
        if "exception" in event:
            event["exception"] = _indented(event["exception"])
        return (line, self._text(logger, method, event)), {}


def _console_renderer(name: str, *, colours: bool) -> ConsoleRenderer:
    def styled(style: str) -> str:
        return style if colours else ""

    reset = styled(_RESET)

    def column(key: str, style: str, shown: Callable[[Any], str], width: int = 0) -> Column:
        return Column(key, KeyValueColumnFormatter(None, styled(style), reset, shown, width=width))

    level_colours = {level: styled(colour) for level, colour in _LEVEL_COLOURS.items()}
    return ConsoleRenderer(
        columns=[
            column("ts", _DIM, lambda ts: f"{ts[11:23]}Z"),
            Column("level", LogLevelColumnFormatter(level_colours, reset)),
            column("node", f"\x1b[38;5;{colour_of(name)}m", printable, width=NODE_WIDTH),
            column("event", _BOLD, printable),
            Column("", KeyValueColumnFormatter(styled(_CYAN), "", reset, _shown)),
        ],
        exception_formatter=structlog.dev.plain_traceback,
        sort_keys=False,
    )


def _shown(value: object) -> str:
    """A field's value on the console: quoted where it could be taken for something else."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if not isinstance(value, str) or (text and not set(text) & set(" =\"'\\\t\r\n")):
        return printable(text)
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(quoted)}"'


def _indented(traceback: str) -> str:
    return "\n".join(f"    | {printable(line)}" for line in traceback.split("\n"))


def _plain(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A step of structlog's chain: every field as bounded, plain data, in a reader's order."""
    first = {key: event.pop(key) for key in ("ts", "level", "event") if key in event}
    return {
        key: _cut(value, MAX_TRACEBACK) if key == "exception" else plain(value)
        for key, value in {**first, **event}.items()
    }


def plain(value: object, depth: int = 0) -> Any:
    """`value` as JSON data of bounded size: long texts and collections cut (and said to be), bytes
    as their count, a message or an envelope by what it is and never by what it holds."""
    match value:
        case None | bool() | float():
            return value
        case int() if -(2**63) <= value < 2**63:
            return value
        case str():
            text = value
        case bytes() | bytearray() | memoryview():
            text = f"<{len(value)} bytes>"
        case Envelope():
            return plain(describe(value), depth)
        case Message():
            text = type_name(type(value))
        case Address() | Stamp():
            text = str(value)
        case Record():
            text = "<Record>"
        case Mapping() | Sequence() | Set() if depth < MAX_DEPTH:
            return _plain_collection(value, depth + 1)
        case Mapping() | Sequence() | Set():
            text = f"<{len(value)} items>"
        case _ if is_dataclass(value):  # its representation would show the values that it holds
            text = f"<{type(value).__name__}>"
        case _:
            text = _text_of(value)
    return _cut(text)


def _plain_collection(value: Mapping[Any, Any] | Sequence[Any] | Set[Any], depth: int) -> Any:
    more = len(value) - MAX_ITEMS
    if isinstance(value, Mapping):
        some = islice(value.items(), MAX_ITEMS)
        fields = {_cut(_text_of(key)): plain(item, depth) for key, item in some}
        return fields | {"…": f"{more} more"} if more > 0 else fields
    items = [plain(item, depth) for item in islice(value, MAX_ITEMS)]
    return [*items, f"… {more} more"] if more > 0 else items


def _cut(text: str, limit: int = MAX_TEXT) -> str:
    """The beginning of a long text and its length. Lone surrogates, which UTF-8 and so JSON has
    not, are escaped."""
    shown = text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # a bug in a `__str__` must not end the thread that logs
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
