"""Redis's protocol, as much of it as is spoken here: commands, and replies as they come in."""

from __future__ import annotations

CRLF = b"\r\n"

Reply = bytes | int | None
"""A string, simple or bulk; an integer; or None, where there is no value."""


class RedisError(Exception):
    """The server refused a command, or answered what was not asked for."""


def command(*words: bytes) -> bytes:
    """A command with its arguments, as a client sends it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts += (b"$%d\r\n" % len(word), word, CRLF)
    return b"".join(parts)


class Replies:
    """Takes what comes in, in pieces of any size, and gives the replies that are complete."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that this piece completes. Raises RedisError for an error among them."""
        data = self._rest + data
        replies: list[Reply] = []
        at = 0
        while (end := data.find(CRLF, at)) >= 0:
            kind, line, following = data[at : at + 1], data[at + 1 : end], end + 2
            if kind == b"$" and line != b"-1":
                bulk_end = following + int(line)
                if len(data) < bulk_end + 2:
                    break
                replies.append(data[following:bulk_end])
                following = bulk_end + 2
            else:
                replies.append(_of_a_line(kind, line))
            at = following
        self._rest = data[at:]
        return replies


def _of_a_line(kind: bytes, line: bytes) -> Reply:
    match kind:
        case b"+":
            return line
        case b":":
            return int(line)
        case b"$":
            return None
        case b"-":
            raise RedisError(line.decode(errors="replace"))
    raise RedisError(f"an unexpected reply: {(kind + line)!r:.100}")
