"""HTTP/1.1 over one connection, as much of it as etcd's JSON gateway and SeaweedFS need."""

from __future__ import annotations

from typing import NamedTuple

CRLF = b"\r\n"
HEAD_END = b"\r\n\r\n"


class BadHttp(Exception):
    """The answer cannot be read."""


class Response(NamedTuple):
    """An answer."""

    status: int
    body: bytes


def post(host: str, path: str, body: bytes) -> bytes:
    """A request that leaves the connection open."""
    return request("POST", host, path, body)


def request(method: str, host: str, path: str, body: bytes = b"", accept: str = "") -> bytes:
    """The same with another method; it may say what is accepted as an answer."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
    wanted = f"Accept: {accept}\r\n" if accept else ""
    return f"{head}{wanted}\r\n".encode() + body


class Responses:
    """Takes what comes in, in pieces of any size, and gives the answers that are complete."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Response]:
        """The answers that this piece completes. Raises BadHttp for what has no known length."""
        self._rest += data
        responses: list[Response] = []
        while (parsed := _first(self._rest)) is not None:
            response, length = parsed
            responses.append(response)
            self._rest = self._rest[length:]
        return responses


def _first(data: bytes) -> tuple[Response, int] | None:
    """The first answer and how many bytes it takes; None if it is not complete."""
    head_end = data.find(HEAD_END)
    if head_end < 0:
        return None
    status_line, *lines = data[:head_end].split(CRLF)
    status = int(status_line.split()[1])
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(b":") for x in lines)}
    body_at = head_end + len(HEAD_END)
    if headers.get(b"transfer-encoding") == b"chunked":
        chunked = _chunks(data, body_at)
        return (Response(status, chunked[0]), chunked[1]) if chunked else None
    if b"content-length" not in headers:
        raise BadHttp(f"an answer of unknown length: {status_line!r}")
    body_end = body_at + int(headers[b"content-length"])
    if len(data) < body_end:
        return None
    return Response(status, data[body_at:body_end]), body_end


def _chunks(data: bytes, at: int) -> tuple[bytes, int] | None:
    """A body in chunks without trailers, and where it ends; None if it is not complete."""
    body: list[bytes] = []
    while (line_end := data.find(CRLF, at)) >= 0:
        size = int(data[at:line_end].partition(b";")[0], 16)
        chunk_end = line_end + 2 + size
        if len(data) < chunk_end + 2:
            return None
        if size == 0:
            return b"".join(body), chunk_end + 2
        body.append(data[line_end + 2 : chunk_end])
        at = chunk_end + 2
    return None
