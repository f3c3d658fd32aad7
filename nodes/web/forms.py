"""A form with a file, taken apart while it arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from nodes.web.answers import Problem
from nodes.web.bodies import parts

FIELD = "file"
MAX_FIELD_BYTES = 65_536
MAX_PARTS = 100
_FED_BYTES = MAX_FIELD_BYTES // 2
"""So much is taken apart at a time: of more, the decoder would refuse even a part of a file."""


async def file_in_form(request: Request) -> tuple[str, AsyncIterator[bytes]]:
    """The name of the file in the form, and its bytes as they arrive. Raises Problem for what is no
    form with one file, some of it only while the bytes are read."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get("boundary", "")
    if kind.lower() != "multipart/form-data" or not boundary:
        detail = f"a file is sent as a form, multipart/form-data with the field {FIELD!r}"
        raise Problem("no_form", detail)
    events = _events(parts(request), boundary.encode("latin-1", "replace"))
    async for event in events:
        if isinstance(event, File):
            if event.name != FIELD:
                raise _bad(f"the field of the file is called {FIELD!r}, not {event.name!r:.60}")
            return event.filename, _file_bytes(events)
    raise _bad(f"there is no file in the field {FIELD!r}")


async def _file_bytes(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    is_over = False
    async for event in events:
        if isinstance(event, File):
            raise _bad("a form has one file: send the others in forms of their own")
        if isinstance(event, Data) and not is_over:
            is_over = not event.more_data
            if event.data:
                yield event.data


async def _events(body: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Event]:
    """What the form is made of, to its end: one that is cut off is none."""
    decoder = MultipartDecoder(boundary, MAX_FIELD_BYTES, max_parts=MAX_PARTS)
    field_bytes: int | None = None
    try:
        async for part in body:
            for at in range(0, len(part), _FED_BYTES):
                decoder.receive_data(part[at : at + _FED_BYTES])
                while not isinstance(event := decoder.next_event(), NeedData):
                    field_bytes = _counted(event, field_bytes)
                    yield event
        decoder.receive_data(None)
        while not isinstance(event := decoder.next_event(), (NeedData, Epilogue)):
            yield event
    except RequestEntityTooLarge:
        detail = (
            f"a field of the form has more than {MAX_FIELD_BYTES:,} bytes, or there are too many"
        )
        raise Problem("too_large", detail) from None
    except (ValueError, HTTPException) as error:
        raise _bad(f"the form cannot be read: {error}") from None


def _counted(event: Event, field_bytes: int | None) -> int | None:
    """How much there is of the field that is being read; None where that is a file. Raises
    RequestEntityTooLarge."""
    match event:
        case Field():
            return 0
        case File():
            return None
        case Data() if field_bytes is not None:
            field_bytes += len(event.data)
            if field_bytes > MAX_FIELD_BYTES:
                raise RequestEntityTooLarge
    return field_bytes


def _bad(detail: str) -> Problem:
    return Problem("bad_form", detail)
