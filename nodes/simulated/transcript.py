"""What happened in a simulation, a line each: names stand for ids, so that it reads as a story.

A line is the virtual time in milliseconds, who sent what to whom, and the correlation id; or a
fault. Of a message the columns are shown key by key, and long values are cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from actors.actor import CLIENT, Address, Envelope
from actors.membership import Member
from actors.messages import Message

MAX_ITEMS = 6
MAX_VALUE_CHARS = 40

_BOOT = re.compile(r"\b([0-9a-f]+)\.[0-9a-f]{16}\b")
_ID = re.compile(r"\b[0-9a-f]{16}\b")
_DIGEST = re.compile(r"\b([0-9a-f]{7})[0-9a-f]{33}\b")


Listener = Callable[[Envelope], None]


class Transcript:
    """Takes down what happens; it is put into words only when `text` is asked for. Whoever listens
    for messages of a type is told of each as it is delivered, whether or not it is taken down."""

    def __init__(self, recording: bool = True) -> None:
        self._recording = recording
        self._listeners: dict[type[Message], list[Listener]] = {}
        self._lines: list[tuple[int, Envelope | str, str]] = []
        self._names: dict[str, str] = {}
        self._networks = 0

    def __len__(self) -> int:
        return len(self._lines)

    def name(self, node_id: str, name: str) -> None:
        """Call the node with this id by this name; a second node of the name is `name~2`."""
        if node_id not in self._names:
            count = sum(n.partition("~")[0] == name for n in self._names.values())
            self._names[node_id] = f"{name}~{count + 1}" if count else name

    def listen(self, kind: type[Message], listener: Listener) -> None:
        """Tell this one of all messages of this type, before who is given them acts on them."""
        self._listeners.setdefault(kind, []).append(listener)

    def delivered(self, now_us: int, envelope: Envelope) -> None:
        """An actor, a host or a client was given this."""
        if self._recording:
            self._lines.append((now_us, envelope, ""))
        for listener in self._listeners.get(type(envelope.message), ()):
            listener(envelope)

    def lost(self, now_us: int, envelope: Envelope, why: str) -> None:
        """Nobody will be given this."""
        if self._recording:
            self._lines.append((now_us, envelope, why))

    def note(self, now_us: int, what: str) -> None:
        """A fault, or the end of one."""
        if self._recording:
            self._lines.append((now_us, what, ""))

    def envelopes(self) -> list[Envelope]:
        """All that was delivered."""
        return [what for _, what, lost in self._lines if isinstance(what, Envelope) and not lost]

    def text(self, start: int = 0) -> str:
        """From line `start` on."""
        return "".join(
            f"{at_us / 1_000:12.3f}  {self._line(what, lost)}\n"
            for at_us, what, lost in self._lines[start:]
        )

    def _line(self, what: Envelope | str, lost: str) -> str:
        if isinstance(what, str):
            return f"*** {what}"
        sender, to = self._address(what.sender), self._address(what.to)
        # The boot is the upper part of a node's correlation ids: see actors/asks.py.
        number = f" #{what.id & (2**40 - 1)}" if what.id else ""
        message = self._in_words(describe(what.message))
        return f"{sender:>16} -> {to:<16}  {message}{number}{lost and f'  *** {lost}'}"

    def _address(self, address: Address) -> str:
        if address.node == CLIENT:
            return address.actor.partition(".")[0]
        return f"{self._in_words(address.node)}/{address.actor}"

    def _in_words(self, text: str) -> str:
        text = _BOOT.sub(r"boot\1", text)
        return _DIGEST.sub(r"\1", _ID.sub(self._name_of, text))

    def _name_of(self, match: re.Match[str]) -> str:
        found = match.group()
        if found not in self._names:
            self._networks += 1
            self._names[found] = f"network{self._networks}"
        return self._names[found]


def describe(message: Message) -> str:
    """The message's type, its columns key by key, and what else is in it and not empty."""
    names = [f.name for f in fields(message) if f.name not in message.columns]  # type: ignore[arg-type]
    words = [type(message).__name__]
    if message.columns:
        entries = zip(*(getattr(message, column) for column in message.columns), strict=True)
        words.append(_joined(list(entries), _entry))
    for name in names:
        value = _short(getattr(message, name))
        if value:
            words.append(f"{name}={value}")
    return " ".join(filter(None, words))


def _entry(values: Sequence[Any]) -> str:
    return " ".join(filter(None, map(_short, values)))


def _short(value: Any) -> str:
    match value:
        case bytes():
            text = value.decode(errors="backslashreplace")
            return text if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…"
        case Address(node, actor):
            return f"{node}/{actor}"
        case Member(name=name, boot=boot, incarnation=incarnation, state=state):
            return f"{name} {state} {boot}.{incarnation}"
        case Message():
            return type(value).__name__
        case tuple() if type(value) is tuple:
            return f"[{_joined(value, _short)}]" if value else ""
    return str(value)


def _joined(items: Sequence[Any], word: Callable[[Any], str]) -> str:
    shown = [word(item) for item in items[:MAX_ITEMS]]
    more = len(items) - MAX_ITEMS
    return ", ".join([*shown, f"{more} more"] if more > 0 else shown)
