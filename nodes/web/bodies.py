"""Bodies of requests, within bounds: how large, and how long without a byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from werkzeug.http import parse_options_header

from actors.errors import error_for
from nodes.web.answers import Problem

SILENCE_S = 30.0
"""So long nothing of a body may come before it is given up."""
MAX_VALUE_BODY_BYTES = 4 * 2**20
"""Above what any node admits, in base64: the nodes say what is too large."""

FORM = "application/x-www-form-urlencoded"


async def parts(request: Request, silence_s: float = SILENCE_S) -> AsyncIterator[bytes]:
    """A body as it arrives. Raises Problem 408 when nothing comes any more, and ClientDisconnect
    when it ends too early."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(silence_s):
                part = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            detail = f"nothing of the body has come for {silence_s:g} s"
            raise Problem("body_timed_out", detail, {"Connection": "close"}) from None
        if part:
            yield part


async def whole(request: Request, max_bytes: int = MAX_VALUE_BODY_BYTES) -> bytes:
    """A body that is small. Raises Problem for one that is not."""
    told = length_of(request)
    if told is not None and told > max_bytes:
        raise _too_large(max_bytes)
    got = bytearray()
    async for part in parts(request):
        got += part
        if len(got) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(got)


def length_of(request: Request) -> int | None:
    """What is said of its length, if anything is."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else None


def type_of(request: Request) -> tuple[str, str]:
    """The media type, and the charset, of a body; empty and UTF-8 where nothing is said."""
    return _type_in(request.headers.get("content-type", ""))


@lru_cache
def _type_in(header: str) -> tuple[str, str]:
    """Clients send the same each time."""
    kind, options = parse_options_header(header)
    return kind.lower(), options.get("charset", "utf-8")


def json_of(body: bytes) -> Any:
    """The JSON in a body. Raises GossamerError, bad_value."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise error_for("bad_value", f"the body is not JSON: {error}") from None


def value_of(body: bytes, kind: str, charset: str) -> Any:
    """The value that a body of this type is: JSON, a text, or bytes. What curl sends as a form,
    for want of a type, is taken as the shell's: JSON if it can be read so, else a text."""
    if kind == "application/json" or kind.endswith("+json"):
        return json_of(body)
    if kind == FORM:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            charset = "utf-8"
    elif not kind.startswith("text/"):
        return body
    try:
        return body.decode(charset)
    except (UnicodeError, LookupError):
        raise error_for("bad_value", f"the body is no text in {charset}") from None


def _too_large(max_bytes: int) -> Exception:
    return Problem("too_large", f"a body of more than {max_bytes:,} bytes is not read")
