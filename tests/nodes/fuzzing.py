"""What a fuzzer sends to a node: any message, sound or spoilt, and what is no message at all.

All of it follows from a name, a seed and a number, but for what the node alone decides: its id, the
network's, and its addresses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from random import Random
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import orjson

from actors.actor import EVERYBODY, Address, Envelope, Trace
from actors.chunks import LIST, Manifest, chunk_id, manifest_to_bytes
from actors.denials import PREFIX
from actors.layout import Layout
from actors.membership import Member, State
from actors.messages import (
    Message,
    PutFile,
    Rumour,
)
from actors.spaces import FILES, OWN
from actors.versions import Kind
from nodes.codec import Malformed
from nodes.ports import Port
from nodes.sockets import MAX_GOSSIP_BYTES, MAX_REQUEST_BYTES
from nodes.wire import decode_from_peer_or_client, decode_gossip, encode
from tests.nodes.drawn import MAX_INT, in_order
from tests.nodes.fuzz_limits import PEERS, PUBLISHER, Target, is_wanted

CONTENTS = (b"x", b"chunk " * 100, bytes(range(256)) * 16, sha256(b"x").digest())
CHUNKS = (*map(chunk_id, CONTENTS), chunk_id(CONTENTS[3], is_list=True), "0" * 64, "no chunk")
KEYS = ("a", "b", "c:1", "k" * 1_024, "k" * 1_025, "é" * 300, "\0", OWN, FILES + "a.txt", "")
CLIENT_KEYS = ("writer-9", "reader-77", f"{PREFIX}writer-9", f"{PREFIX}reader-77", f"{PREFIX}x")
NAMES = ("a.txt", "b.pdf", "folder/c.csv", "peer0", "peer1", "../d.txt", "e.sh", "é.txt", "")
ADDRESSES = ("127.0.0.1:1", "127.0.0.1:2", "[::1]:3")
VALUES = (b"1", b'"x"', b"{}", b"[1,2]", b"not JSON", b"", bytes(300), b"9" * 5_000)
MANIFEST = Manifest(1, sha256(b"x").hexdigest(), "text/plain", 1, 0, False, (), b"x")
TIMES = (0, 1, 1_000, 1_700_000_000_000, 4_000_000_000_000, 2**53, MAX_INT)
INTS = (0, 1, 1, 2, 3, 64, 4_095, 4_096, 2**20, 2**31, 2**40, 2**53, 2**62, MAX_INT)
STATES: Sequence[State] = ("alive", "suspect", "dead", "stopped", "leaving", "left")
SPEAKERS = ("router", "storage", "gossiper", "fileserver", "host", "switch", "nobody", "")
DEEP, BIG = "<deep>", "<big>"
"""What orjson does not write, to be put in afterwards."""
ODD = (None, True, -1, 0, 1, 1.5, 1e300, 2**62, MAX_INT, 2**63, 2**64 - 1, "", "\0", "x" * 300)
ODD_JSON = ("[]", "{}", "[[]]", "[0,0,0,0]", '{"a":{}}')


class Draw:
    """One number's draw."""

    def __init__(self, target: Target, name: str, seed: int, number: int) -> None:
        self.rng = Random(f"{name} {seed} {number}")
        self._target = target
        self._number = number
        self._ids = (target.me.id, *PEERS, PUBLISHER, "f" * 16)

    # Values of messages.

    def message(self, cls: type[Message]) -> Message:
        """Any value of this message, most often one that could be meant."""
        drawn = self._record(cls)
        fields = {field.name for field in dataclasses.fields(drawn)}
        if {"kinds", "values"} <= fields:
            drawn = replace(drawn, values=tuple(map(self._value_of, drawn.kinds)))
        if {"kind", "value"} <= fields:
            drawn = replace(drawn, value=self._value_of(drawn.kind))
        if {"chunk", "data"} <= fields and self.rng.random() < 0.7:
            drawn = replace(drawn, chunk=chunk_id(drawn.data, is_list=drawn.chunk.endswith(LIST)))
        if isinstance(drawn, PutFile) and self.rng.random() < 0.7:
            content = self.rng.choice(CONTENTS)
            digest = sha256(content).hexdigest()
            drawn = replace(drawn, name="a.txt", size_bytes=len(content), sha256=digest)
            drawn = replace(drawn, chunk_bytes=0, is_nested=False, chunks=(), content=content)
        return cast(Message, drawn)

    def _value_of(self, kind: Kind) -> bytes:
        """Of this kind, but for some."""
        if self.rng.random() < 0.05:
            return self.rng.choice(VALUES)
        if kind == "json":
            return self.rng.choice(VALUES[:4])
        return b"" if kind == "absent" else self._bytes("value")

    def _record(self, cls: type) -> Any:
        if cls is Layout and self.rng.random() < 0.7:
            return Layout(self._epoch(), (self._target.me.id,), (), ())
        if cls is Member:
            return self._member()
        columns, count = getattr(cls, "columns", ()), self._count()
        return cls(
            **{
                name: self._value(hint, name, count if name in columns else None)
                for name, hint in _hints(cls)
            }
        )

    def _member(self) -> Member:
        """Of the node itself, or of another: news of it, most often."""
        rng = self.rng
        life = rng.choice(INTS), rng.choice(INTS)
        if rng.random() < 0.3:
            state = rng.choice(STATES[:5])
            return replace(self._target.me, boot=life[0], incarnation=life[1], state=state)
        addresses = rng.choice(ADDRESSES), rng.choice(ADDRESSES), rng.choice(ADDRESSES)
        if rng.random() < 0.9:
            number = rng.randrange(len(PEERS))
            id, name, state = PEERS[number], f"peer{number}", rng.choice(("dead", "stopped"))
        else:
            id, name, state = rng.choice(self._ids), rng.choice(NAMES), rng.choice(STATES)
        return Member(id, name, *addresses, *life, state)

    def _value(self, hint: Any, name: str, count: int | None = None) -> Any:
        rng = self.rng
        if get_origin(hint) is tuple:
            items = get_args(hint)
            if items[-1] is not Ellipsis:
                return tuple([self._value(item, name) for item in items])
            count = self._count() if count is None else count
            return tuple([self._value(items[0], name) for _ in range(count)])
        if get_origin(hint) is Literal:
            return rng.choice(get_args(hint))
        if dataclasses.is_dataclass(hint):
            return self._record(cast(type, hint))
        if hasattr(hint, "_fields"):
            return hint(*[self._value(kind, field) for field, kind in _hints(hint)])
        if hint is bool:
            return rng.random() < 0.5
        if hint is int:
            return self._int(name)
        return self._bytes(name) if hint is bytes else self._text(name)

    def _count(self) -> int:
        return 64 if self.rng.random() < 0.02 else self.rng.choice((0, 1, 1, 1, 2, 3, 8))

    def _epoch(self) -> int:
        return 1 + self._number // 1_000 + self.rng.randrange(3)

    def _int(self, name: str) -> int:
        if name in ("epoch", "confirmed"):
            return self._epoch()
        if name == "timeout_ms":
            return self.rng.choice((0, 1, 20, 100, 1_000, MAX_INT))
        if name in ("time_ms", "wall_ms", "expiries", "ttl_ms"):
            return self.rng.choice(TIMES)
        if name in ("seq", "counter", "count"):
            return self.rng.choice((1, self._number, self._number, self.rng.choice(INTS)))
        return self.rng.choice(INTS)

    def _bytes(self, name: str) -> bytes:
        if name in ("data", "content", "head"):
            return self.rng.choice(CONTENTS)
        if self.rng.random() < 0.1:
            return manifest_to_bytes(MANIFEST)
        return self.rng.choice(VALUES)

    def _text(self, name: str) -> str:
        rng = self.rng
        if name == "network":
            return self._target.network if rng.random() < 0.95 else "f" * 16
        if name == "hashes" or name in ("digests", "roots", "sums", "leaves", "digest"):
            return f"{rng.getrandbits(64):016x}"
        if name in ("owned", "behind"):
            return f"{rng.getrandbits(4_096):01024x}"
        pool = _POOLS.get(name)
        if pool is not None and rng.random() < 0.95:
            return rng.choice(pool)
        if name in ("id", "node", "origin", "target", "base", "next", "gone", "hinted"):
            return rng.choice(self._ids)
        return "".join(rng.choices("ab0/é\0 \U0010ffff", k=rng.randrange(20)))

    # Messages in frames.

    def sound(self, port: Port, *, as_node: bool) -> list[bytes]:
        """A message, or a few, of this kind of sender."""
        return self._encoded(port, as_node, self.rng.choice((1, 1, 1, 2, 5)))

    def _encoded(self, port: Port, as_node: bool, count: int) -> list[bytes]:
        rng = self.rng
        here = rng.choice(self._ids) if as_node else ""
        classes = in_order_of(port.from_nodes if as_node else port.from_clients)
        envelopes = []
        for _ in range(count):
            cls = rng.choice(classes)
            actor = _receiver(rng, cls, port) if as_node else port.answers(cls)
            by = rng.choice(SPEAKERS)
            sender, to = Address(here, by), Address(self._target.me.id, actor)
            envelopes.append(Envelope(to, sender, self.message(cls), self._id(), self._trace()))
        return encode(envelopes, here)

    def rumour(self) -> list[bytes]:
        """What a node may publish."""
        here = self.rng.choice(self._ids)
        to, sender = Address(EVERYBODY, "gossiper"), Address(here, "gossiper")
        return encode([Envelope(to, sender, self.message(Rumour), 0, self._trace())], here)

    def _id(self) -> int:
        """Upwards, as a rule: what is written with one that is too low is dropped."""
        lucky = self.rng.random() < 0.95
        return self._number if lucky else self.rng.choice((0, (1 << 40) + self._number, 2**62))

    def _trace(self) -> Trace | None:
        if self.rng.random() < 0.98:
            return None
        return Trace("fuzz", f"client//{self._number}", "", self.rng.choice(INTS))

    def spoilt(self, frames: list[bytes]) -> list[bytes]:
        """These frames with something done to them."""
        rng = self.rng
        how = rng.randrange(10)
        if how < 7:
            top = orjson.loads(frames[0])
            for _ in range(rng.choice((1, 1, 2, 3))):
                self._spoil(top)
            head = orjson.dumps(top)
            for mark, real in ((DEEP, b"[" * 1_100 + b"]" * 1_100), (BIG, b"9" * 400)):
                head = head.replace(b'"%b"' % mark.encode(), real)
            return [head, *frames[1:]]
        if how == 7:
            flipped = bytearray(frames[0])
            for _ in range(rng.choice((1, 1, 4))):
                flipped[rng.randrange(len(flipped))] = rng.randrange(256)
            return [bytes(flipped), *frames[1:]]
        if how == 8:
            body = frames[1] if len(frames) > 1 else b""
            return [frames[0], rng.choice((body[:-1], body + b"x", b"", body * 2, b"y" * 5_000))]
        return [*frames, *[self.noise(20) for _ in range(rng.choice((1, 2, 30)))]]

    def _spoil(self, top: Any) -> None:
        """Change one thing in a JSON value that is an object or an array."""
        rng = self.rng
        place: Any = top
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                return
            key = rng.choice(keys)
            if not isinstance(place[key], (dict, list)) or rng.random() < 0.2:
                break
            place = place[key]
        how = rng.randrange(8)
        if how == 0:
            del place[key]
        elif how == 1 and isinstance(place, dict):
            place[rng.choice(("colour", "from", "at", "trace", "", "id", "v"))] = place[key]
        elif how == 2 and isinstance(place, list):
            place += [place[key]] * rng.choice((1, 1, 2, 50))
        else:
            place[key] = self._odd()

    def _odd(self) -> Any:
        rng = self.rng
        if rng.random() < 0.01:
            return rng.choice(("x" * 70_000, [0] * 100_001, DEEP))
        if rng.random() < 0.2:
            return orjson.loads(rng.choice(ODD_JSON))
        return rng.choice((*ODD, *KEYS, *PEERS, BIG, self._target.me.id))

    # Anything.

    def frames(
        self,
        sound: Callable[[], list[bytes]],
        decode: Callable[[list[bytes]], list[Envelope]],
        most_bytes: int,
    ) -> list[bytes]:
        """Those of this number: what is sound, or that with something done to it, or what is no
        message. Among them is none that is better not said, as `decode` tells what they say."""
        kind = self.rng.random()
        if kind < 0.1:
            return [self.noise() for _ in range(self.rng.choice((1, 1, 2, 3)))]
        if kind < 0.2:
            return [self.json()]
        if kind < 0.21:
            return self.rng.choice(([b""], [b""] * 3, [self.noise(100_000)], [b"{}"] * 1_000))
        while True:
            frames = sound()
            if kind < 0.2103:
                frames = self._many(frames)
            elif kind < 0.65:
                frames = self.spoilt(frames)
            if max(map(len, frames)) > most_bytes:
                continue  # the connection would be cut, and what follows be lost
            try:
                told = decode(frames)
            except Malformed:
                return frames
            if all(is_wanted(e.message, self._target) for e in told):
                return frames

    def _many(self, frames: list[bytes]) -> list[bytes]:
        """The first of the headers, thousands of times; with a body that is too short for it."""
        top = orjson.loads(frames[0])
        first = top["batch"][0]
        first.pop("trace", None)  # each would be a few lines in the log
        top["batch"] = [first] * self.rng.choice((1_000, 5_000))
        return [orjson.dumps(top)]

    # What is no message.

    def noise(self, most: int = 200) -> bytes:
        """Random bytes."""
        return self.rng.randbytes(self.rng.randrange(most))

    def json(self) -> bytes:
        """Random JSON."""
        value = self._json(0)
        if self.rng.random() < 0.5:
            value = {"v": 1, "batch": value if self.rng.random() < 0.5 else [value]}
        return orjson.dumps(value)

    def _json(self, depth: int) -> Any:
        rng = self.rng
        if depth > 5 or rng.random() < 0.4:
            value = self._odd()
            return None if value in (DEEP, BIG) else value
        inner = [self._json(depth + 1) for _ in range(rng.randrange(4))]
        if rng.random() < 0.5:
            return inner
        return {rng.choice(("v", "batch", "id", "to", "type", "keys", "x")): i for i in inner}


def in_order_of(classes: frozenset[type[Message]]) -> Sequence[type[Message]]:
    """By name; made once."""
    return _in_order(classes)


@cache
def _in_order(classes: frozenset[type[Message]]) -> Sequence[type[Message]]:
    return tuple(in_order(classes))


@cache
def _hints(cls: type) -> Sequence[tuple[str, Any]]:
    """The fields of a dataclass or a NamedTuple."""
    hints = get_type_hints(cls)
    names = getattr(cls, "_fields", None) or [field.name for field in dataclasses.fields(cls)]
    return [(name, hints[name]) for name in names]


_POOLS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("keys", "prefix", "after", "cursor"), KEYS),
    "key": (*KEYS, *CLIENT_KEYS),
    **dict.fromkeys(("chunk", "chunks", "sha256"), CHUNKS),
    **dict.fromkeys(("bound_to", "founder"), ADDRESSES),
    "name": NAMES,
    "member": ("peer0", PEERS[0], "nobody", "x" * 200),
}


def _receiver(rng: Random, cls: type[Message], port: Port) -> str:
    """The actor that a message of a node is for; sometimes another."""
    if rng.random() < 0.1:
        return rng.choice(("router", "storage", "gossiper", "fileserver", "host", "nobody"))
    topic = cls.__module__.rpartition(".")[2]
    if topic.startswith("gossip"):
        return "gossiper"
    if topic in ("chunks", "files") or port.actor == "fileserver":
        return "fileserver"
    return rng.choice(("router", "storage", "storage"))


def drawn_for(port: Port, target: Target, name: str, seed: int, number: int) -> list[bytes]:
    """What is sent to a port by who may, as a client and as a node in turn."""
    draw = Draw(target, name, seed, number)
    as_node = name.endswith("node") or (name.endswith("anybody") and number % 2 == 0)

    def decode(frames: Sequence[bytes]) -> list[Envelope]:
        return decode_from_peer_or_client(frames, "00", target.me.id, port)

    return draw.frames(lambda: draw.sound(port, as_node=as_node), decode, MAX_REQUEST_BYTES)


def published_to(target: Target, name: str, seed: int, number: int) -> list[bytes]:
    """What a member publishes."""
    draw = Draw(target, name, seed, number)

    def decode(frames: Sequence[bytes]) -> list[Envelope]:
        return decode_gossip(frames, target.me.id)

    return draw.frames(draw.rumour, decode, MAX_GOSSIP_BYTES)
