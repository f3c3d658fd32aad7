"""Files over HTTP: uploads as raw bodies or in forms, downloads in whole or in ranges, in constant
memory both ways. What others have uploaded is served as something to keep, never as a page.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import deque
from collections.abc import AsyncIterator
from itertools import islice, pairwise
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from werkzeug.datastructures import Range
from werkzeug.http import parse_if_range_header, parse_range_header

from actors.uploading import Uploaded
from nodes.async_client import AsyncClient
from nodes.file_methods import PAGE_FILES
from nodes.remote_files import AsyncRemoteFile
from nodes.web.answers import Json, Problem
from nodes.web.bodies import length_of, parts
from nodes.web.forms import file_in_form
from nodes.web.pipe import Pipe
from nodes.web.requests import is_seen, number_in, refuse_conditions, rest_of_path

AT = "/v1/files/"
BLOCK_BYTES = 2**20
"""Of a download so much is fetched at a time: a chunk."""
PIECE_BYTES = 2**18
"""So much of it is handed over to be sent at a time."""
AHEAD = 3
"""Blocks that are fetched while one is sent, for who takes what is sent."""

HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-cache",
}


async def put_file(request: Request, client: AsyncClient) -> Response:
    """PUT /v1/files/{name}: the body is the file."""
    name = rest_of_path(request, AT, "bad_name")
    refuse_conditions(request)
    return _uploaded(await upload(client, name, parts(request), length_of(request)))


async def post_file(request: Request, client: AsyncClient) -> Response:
    """POST /v1/files: a form with one file, in the field `file`."""
    refuse_conditions(request)
    name, body = await file_in_form(request)
    return _uploaded(await upload(client, name, body, None))


async def upload(
    client: AsyncClient, name: str, body: AsyncIterator[bytes], size_bytes: int | None
) -> Uploaded:
    """Let a body be a file, as it arrives. If it ends too early there is no such file."""
    pipe = Pipe(size_bytes)

    async def feed() -> None:
        try:
            async for part in body:
                await pipe.write(part)
        except (Problem, ClientDisconnect) as error:
            pipe.end(error)
        else:
            pipe.end()

    feeding = asyncio.create_task(feed())
    try:
        return await client.upload(pipe, name)  # type: ignore[arg-type]
    finally:
        # Refused before its end, or abandoned: nobody reads the rest.
        pipe.end(ClientDisconnect())
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


def _uploaded(uploaded: Uploaded) -> Response:
    told = {
        "filename": uploaded.name,
        "status": "uploaded",
        "size_bytes": uploaded.size_bytes,
        "sha256": uploaded.sha256,
        "type": uploaded.type,
        "version": uploaded.version,
    }
    return Json(told, headers={"ETag": f'"{uploaded.sha256}"'})


async def get_file(request: Request, client: AsyncClient) -> Response:
    """GET and HEAD /v1/files/{name}, also a range of it."""
    file = await client.open(rest_of_path(request, AT, "bad_name"))
    etag = f'"{file.sha256}"'
    headers = {**HARMLESS, "ETag": etag, "Accept-Ranges": "bytes"}
    if is_seen(request, file.sha256):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = _to_be_kept_as(file.name)
    first, end, status = _range_of(request, file)
    headers["Content-Length"] = str(end - first)
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{file.size_bytes}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=file.type)
    pieces = sent(file, first, end)
    return StreamingResponse(pieces, status, headers, media_type=file.type)


def _to_be_kept_as(name: str) -> str:
    """The header that says so (RFC 6266): the name itself, and before it one in ASCII for who knows
    no other, as curl."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    plain = re.sub(r'[^ -~]|["\\%]', "_", plain)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _range_of(request: Request, file: AsyncRemoteFile) -> tuple[int, int, int]:
    """From where to where, and the status that goes with it. What is no range of bytes, or several,
    means the whole. Raises Problem for one that is not there."""
    asked = parse_range_header(request.headers.get("range"))
    condition = parse_if_range_header(request.headers.get("if-range"))
    is_other = condition.date is not None or condition.etag not in (None, file.sha256)
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or is_other:
        return 0, file.size_bytes, 200
    [(first, end)] = asked.ranges
    if end is None and first < 0:
        # So many of the last, or all if there are fewer.
        first = max(first, -file.size_bytes)
    wanted = Range("bytes", [(first, end)]).range_for_length(file.size_bytes)
    if wanted is None:
        headers = {"Content-Range": f"bytes */{file.size_bytes}"}
        raise Problem("no_such_range", f"the file has {file.size_bytes:,} bytes", headers)
    return *wanted, 206


async def sent(file: AsyncRemoteFile, first: int, end: int) -> AsyncIterator[memoryview]:
    """What follows is fetched once most of a block is on its way: of who takes hardly anything one
    block is in memory, and who is fast has several fetched."""
    edges = [first, *range((first // BLOCK_BYTES + 1) * BLOCK_BYTES, end, BLOCK_BYTES), end]
    spans = pairwise(edges)
    fetching: deque[asyncio.Task[bytes]] = deque()

    def fetch(most: int) -> None:
        for start, stop in islice(spans, most - len(fetching)):
            fetching.append(asyncio.create_task(file.read_at(start, stop - start)))

    fetch(1)
    try:
        while fetching:
            block = memoryview(await fetching.popleft())
            for at in range(0, len(block), PIECE_BYTES):
                yield block[at : at + PIECE_BYTES]
                if 4 * (at + PIECE_BYTES) >= 3 * len(block):
                    fetch(AHEAD)
    finally:
        for task in fetching:
            task.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)


async def delete_file(request: Request, client: AsyncClient) -> Response:
    """DELETE /v1/files/{name}: done, also where there is no such file."""
    name = rest_of_path(request, AT, "bad_name")
    refuse_conditions(request)
    await client.remove(name)
    return Json({"filename": name, "status": "removed"})


async def list_files(request: Request, client: AsyncClient) -> Response:
    """GET /v1/files: those whose names begin with `prefix`."""
    prefix = request.query_params.get("prefix", "")
    cursor = request.query_params.get("cursor", "")
    limit = number_in(request, "limit", 100, PAGE_FILES)
    entries, after = await client.files_page(prefix, cursor, limit=limit)
    items = [
        {
            "filename": entry.name,
            "size_bytes": entry.size_bytes,
            "type": entry.type,
            "sha256": entry.sha256,
            "time": entry.time.isoformat(timespec="milliseconds"),
        }
        for entry in entries
    ]
    return Json({"items": items, "cursor": after})
