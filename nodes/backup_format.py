"""What the files of a backup are called, and what stands in them.

    backup.json          what there is, with counts and sums; it is written last
    keys/00001.jsonl     keys: key, value or value_base64, version, expires_ms (0: never); sorted
    shared.jsonl         shared values, in the same form
    denied.txt           the names of denied keys
    files.jsonl          files: name, size_bytes, sha256, type, time, path; sorted by name
    files/NAME           the bytes of a file
    renamed/SHA256       those of one that the file system cannot have under its name
    unfinished.json      only while the backup is not whole: how far it is

Whatever was written here is read again to the byte: a value that is JSON stands in its line as it
was stored, or as a string in `value_json` where a line cannot have it.
"""

from __future__ import annotations

import contextlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import orjson

from actors.errors import GossamerError
from actors.roles import is_deniable
from actors.versions import Kind
from nodes.entries import Exact
from nodes.values import MAX_KEY_CHARACTERS, MAX_VALUE_BYTES

FORMAT = 1
MANIFEST = "backup.json"
UNFINISHED = "unfinished.json"
SHARED = "shared.jsonl"
DENIED = "denied.txt"
INDEX = "files.jsonl"
KEYS, FILES, RENAMED = "keys", "files", "renamed"
OWN = frozenset({MANIFEST, UNFINISHED, SHARED, DENIED, INDEX, KEYS, FILES, RENAMED})
"""What may be in the folder itself."""

MAX_LINE_BYTES = 64 * 2**20
"""More than a line has: a value has 4 MiB at most, and a byte of it takes six at most."""


class BadBackup(GossamerError):
    """The backup is damaged, unfinished, or none; the sentence says what is wrong where."""


@dataclass(frozen=True, slots=True)
class Network:
    """Whose data it is: the fingerprint of its secret, empty without one, and its members' ids."""

    fingerprint: str
    members: tuple[str, ...]

    def may_be(self, other: Network) -> bool:
        """Are these the same one, seen at two times? It has kept a member then, or its secret."""
        same_secret = bool(self.fingerprint) and self.fingerprint == other.fingerprint
        return same_secret or not {*self.members}.isdisjoint(other.members)


@dataclass(frozen=True, slots=True)
class Part:
    """A file of lines: its path within the backup, how many there are, their bytes and SHA-256."""

    path: str
    count: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a whole backup has. Times are in ISO 8601; all files have `content_bytes`."""

    network: Network
    started: str
    finished: str
    keys: tuple[Part, ...]
    shared: Part
    denied: Part
    files: Part
    content_bytes: int

    @property
    def key_count(self) -> int:
        """How many keys it has."""
        return sum(part.count for part in self.keys)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """How far a backup is: the parts with keys that are there, and the cursor of the keys that
    follow, None if those were all."""

    network: Network
    started: str
    keys: tuple[Part, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file, and where its bytes are: a path within the backup."""

    name: str
    size_bytes: int
    sha256: str
    type: str
    time: str
    path: str


def keys_path(number: int) -> str:
    """Of the part with keys that has this number, from 1."""
    return f"{KEYS}/{number:05d}.jsonl"


def file_path(name: str, *, plain_only: bool = False, longest_bytes: int = 255) -> str:
    """Where the bytes of a file go. A file system that takes some different names for the same is
    given `plain_only` those that none does: of small letters in ASCII. Each path is only ever that
    of one name, and whatever the name is, it leads nowhere else."""
    utf8 = name.encode()
    is_fit = len(utf8) <= longest_bytes and not name.startswith(".")
    is_part = "/" not in name and "\0" not in name and name != ""
    is_plain = name.isascii() and name == name.lower()
    if is_fit and is_part and (is_plain or not plain_only):
        return f"{FILES}/{name}"
    return f"{RENAMED}/{sha256(utf8).hexdigest()}"


# Lines.


def key_line(record: Exact) -> bytes:
    """The line of a key or of a shared value, without its end."""
    head, tail = _around(record.key, record.version, record.expires_ms)
    if record.kind == "bytes":
        return b"".join((head, b',"value_base64":', orjson.dumps(_base64(record.data)), tail))
    line = b"".join((head, b',"value":', record.data, tail))
    if b"\n" not in record.data and b"\r" not in record.data:
        with contextlib.suppress(orjson.JSONDecodeError):
            # It may be nested so deep that with one level more nobody could read it.
            orjson.loads(line)
            return line
    text = orjson.dumps(record.data.decode())
    return b"".join((head, b',"value_json":', text, tail))


def key_of(line: bytes) -> Exact:
    """What `key_line` was given; likewise of a line that was written by hand, with other spaces.
    Raises ValueError."""
    fields = _object(line)
    key, version = _str(fields, "key"), _str(fields, "version")
    expires_ms = _count(fields, "expires_ms")
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        raise ValueError(f"a key has 1 to {MAX_KEY_CHARACTERS:,} characters, not {len(key):,}")
    kind, data = _value(line, fields, *_around(key, version, expires_ms))
    if len(data) > MAX_VALUE_BYTES:
        raise ValueError(f"the value has {len(data):,} bytes, which no node admits")
    return Exact(key, kind, data, version, expires_ms)


def _value(line: bytes, fields: dict[str, Any], head: bytes, tail: bytes) -> tuple[Kind, bytes]:
    match fields:
        case {"value_base64": str(text)}:
            return "bytes", b64decode(text, validate=True)
        case {"value_json": str(text)}:
            data = text.encode()
            orjson.loads(data)
            return "json", data
        case {"value": value}:
            head += b',"value":'
            is_ours = line.startswith(head) and line.endswith(tail)
            return "json", line[len(head) : -len(tail)] if is_ours else orjson.dumps(value)
    raise ValueError("there is no value")


def file_line(file: FileLine) -> bytes:
    """The line of a file, without its end."""
    return orjson.dumps(asdict(file))


def file_of(line: bytes) -> FileLine:
    """What `file_line` was given. Raises ValueError."""
    fields = _object(line)
    texts = [_str(fields, name) for name in ("name", "sha256", "type", "time", "path")]
    name, digest, kind, time, path = texts
    if path not in (file_path(name), file_path(name, longest_bytes=0)):
        raise ValueError(f"{path!r:.300} is no place for the file {name!r:.300}")
    return FileLine(name, _count(fields, "size_bytes"), digest, kind, time, path)


def denied_of(line: bytes) -> str:
    """The name of a denied key. Raises ValueError."""
    name = line.decode()
    if not is_deniable(name):
        raise ValueError(f"{name!r:.60} is no key of a client")
    return name


# The two files that are written whole, each with the SHA-256 of all else in it.


def manifest_text(manifest: Manifest) -> bytes:
    """The text of backup.json."""
    return _sealed({"format": FORMAT, **asdict(manifest)})


def read_manifest(text: bytes) -> Manifest:
    """What `manifest_text` was given. Raises BadBackup."""
    fields = _unsealed(MANIFEST, text)
    try:
        manifest = Manifest(
            _network(fields["network"]),
            _str(fields, "started"),
            _str(fields, "finished"),
            _parts(fields["keys"]),
            _part(fields["shared"], SHARED),
            _part(fields["denied"], DENIED),
            _part(fields["files"], INDEX),
            _count(fields, "content_bytes"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadBackup(f"{MANIFEST} is not as it should be: {error}") from error
    return manifest


def unfinished_text(state: Unfinished) -> bytes:
    """The text of unfinished.json."""
    return _sealed({"format": FORMAT, **asdict(state)})


def read_unfinished(text: bytes) -> Unfinished:
    """What `unfinished_text` was given. Raises BadBackup."""
    fields = _unsealed(UNFINISHED, text)
    try:
        cursor = None if fields["cursor"] is None else _str(fields, "cursor")
        network, parts = _network(fields["network"]), _parts(fields["keys"])
        return Unfinished(network, _str(fields, "started"), parts, cursor)
    except (KeyError, TypeError, ValueError) as error:
        raise BadBackup(f"{UNFINISHED} is not as it should be: {error}") from error


def _sealed(fields: Mapping[str, Any]) -> bytes:
    digest = sha256(orjson.dumps(fields)).hexdigest()
    return orjson.dumps({**fields, "sha256": digest}, option=orjson.OPT_INDENT_2) + b"\n"


def _unsealed(name: str, text: bytes) -> dict[str, Any]:
    try:
        fields = _object(text)
    except ValueError as error:
        raise BadBackup(f"{name} is damaged: it is no JSON object") from error
    found = fields.get("format")
    if found != FORMAT:
        raise BadBackup(f"{name} is of format {found!r:.60}; this version reads {FORMAT} only")
    fields.pop("sha256", None)
    if _sealed(fields) != text:
        raise BadBackup(f"{name} is damaged: it was changed since it was written")
    return fields


def _network(fields: Any) -> Network:
    return Network(_str(fields, "fingerprint"), tuple(map(str, fields["members"])))


def _parts(rows: Iterable[Any]) -> tuple[Part, ...]:
    return tuple([_part(row, keys_path(number)) for number, row in enumerate(rows, 1)])


def _part(fields: Any, path: str) -> Part:
    if fields["path"] != path:
        raise ValueError(f"{fields['path']!r:.60} stands where {path} should")
    count, size_bytes = _count(fields, "count"), _count(fields, "size_bytes")
    return Part(path, count, size_bytes, _str(fields, "sha256"))


def _around(key: str, version: str, expires_ms: int) -> tuple[bytes, bytes]:
    """What stands before the value and after it."""
    head = b'{"key":' + orjson.dumps(key)
    return head, b',"version":%b,"expires_ms":%d}' % (orjson.dumps(version), expires_ms)


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _object(text: bytes) -> dict[str, Any]:
    fields = orjson.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("it is no object")
    return fields


def _str(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ValueError(f"there is no text {name!r}")
    return value


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or value < 0:
        raise ValueError(f"there is no number {name!r}")
    return value
