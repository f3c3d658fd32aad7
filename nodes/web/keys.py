"""Keys over HTTP: put, get, delete, and lists of them with their values."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from werkzeug.http import parse_accept_header

from actors.errors import error_for
from nodes.async_client import AsyncClient
from nodes.entries import PAGE_KEYS, Entry
from nodes.web.answers import Json
from nodes.web.bodies import json_of, type_of, value_of, whole
from nodes.web.requests import (
    flag_in,
    is_seen,
    level_in,
    number_in,
    refuse_conditions,
    rest_of_path,
)

AT = "/v1/kv/"
PAGE = 100
"""Keys of a page, unless another number is asked for."""
PAGE_BYTES = 4 * 2**20
"""A page ends early when its values have so many bytes in JSON, or more."""
READ_AT_ONCE = 16

_JSON, _BYTES, _TEXT = "application/json", "application/octet-stream", "text/plain"


async def put_key(request: Request, client: AsyncClient) -> Response:
    """PUT /v1/kv/{key}"""
    key = rest_of_path(request, AT, "bad_key")
    refuse_conditions(request)
    return await _put(request, client, key, value_of(await whole(request), *type_of(request)))


async def post_key(request: Request, client: AsyncClient) -> Response:
    """POST /v1/kv, with {"key": ..., "value": ...}, or "value_base64" for bytes."""
    refuse_conditions(request)
    pair = json_of(await whole(request))
    if not isinstance(pair, dict) or not isinstance(pair.get("key"), str):
        raise error_for("bad_value", 'the body is {"key": "...", "value": ...}')
    if pair.keys() == {"key", "value"}:
        value: Any = pair["value"]
    elif pair.keys() == {"key", "value_base64"} and isinstance(pair["value_base64"], str):
        try:
            value = base64.b64decode(pair["value_base64"], validate=True)
        except ValueError:
            raise error_for("bad_value", "value_base64 is no base64") from None
    else:
        raise error_for("bad_value", 'besides "key" there is "value", or else "value_base64"')
    return await _put(request, client, pair["key"], value)


async def _put(request: Request, client: AsyncClient, key: str, value: Any) -> Response:
    w, ttl = level_in(request, "w"), request.query_params.get("ttl")
    try:
        entry = await client.put_entry(key, value, w=w, ttl=ttl)
    except ValueError as error:
        raise error_for("refused", str(error)) from None
    return Json({**_shown(entry), "status": "stored"}, headers={"ETag": _etag(entry)})


async def get_key(request: Request, client: AsyncClient) -> Response:
    """GET and HEAD /v1/kv/{key}: an object that has the value, or the value alone, as who asks
    accepts it."""
    key, is_alone = rest_of_path(request, AT, "bad_key"), _wants_value_alone(request)
    entry = await client.entry(key, r=level_in(request, "r"))
    headers = {"ETag": _etag(entry), "Cache-Control": "no-cache", "Vary": "Accept"}
    if is_seen(request, entry.version):
        return Response(status_code=304, headers=headers)
    if is_alone:
        match entry.value:
            case bytes():
                return Response(entry.value, headers=headers, media_type=_BYTES)
            case str():
                return Response(entry.value, headers=headers, media_type=_TEXT)
        return Json(entry.value, headers=headers)
    return Json(_shown(entry), headers=headers)


async def delete_key(request: Request, client: AsyncClient) -> Response:
    """DELETE /v1/kv/{key}: done, also where there is no such key."""
    key = rest_of_path(request, AT, "bad_key")
    refuse_conditions(request)
    await client.delete(key, w=level_in(request, "w"))
    return Json({"key": key, "status": "deleted"})


async def list_keys(request: Request, client: AsyncClient) -> Response:
    """GET /v1/kv: keys that begin with `prefix`, with their values unless `values` is false."""
    prefix = request.query_params.get("prefix", "")
    cursor = request.query_params.get("cursor", "")
    limit = number_in(request, "limit", PAGE, PAGE_KEYS)
    keys, after = await client.page(prefix, cursor, limit=limit)
    if not flag_in(request, "values", True):
        return Json({"items": [{"key": key} for key in keys], "cursor": after})
    items: list[orjson.Fragment] = []
    size_bytes = 0
    for start in range(0, len(keys), READ_AT_ONCE):
        if size_bytes >= PAGE_BYTES:
            return Json({"items": items, "cursor": keys[start - 1]})
        some = await _read(client, keys[start : start + READ_AT_ONCE])
        items += map(orjson.Fragment, some)
        size_bytes += sum(map(len, some))
    return Json({"items": items, "cursor": after})


async def _read(client: AsyncClient, keys: Sequence[str]) -> list[bytes]:
    """Those that are still there, with their values, in JSON."""
    found = await client.get_many(keys)
    there = [key for key in keys if key in found]
    return [orjson.dumps({"key": key, **value_fields(found[key])}) for key in there]


def value_fields(value: Any) -> dict[str, Any]:
    """A value in an object of JSON: bytes are in base64, under a name of their own."""
    if isinstance(value, bytes):
        return {"value_base64": base64.b64encode(value).decode()}
    return {"value": value}


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "key": entry.key,
        **value_fields(entry.value),
        "version": entry.version,
        "node": entry.replicas[0] if entry.replicas else "",
        "replicas": entry.replicas,
    }


def _etag(entry: Entry) -> str:
    return f'"{entry.version}"'


def _wants_value_alone(request: Request) -> bool:
    return flag_in(request, "raw", False) or _accepts_it_alone(request.headers.get("accept", ""))


@lru_cache
def _accepts_it_alone(accept: str) -> bool:
    """Clients say the same of what they accept each time."""
    accepted = parse_accept_header(accept)
    return accepted.best_match((_JSON, _BYTES, _TEXT), _JSON) != _JSON if accepted else False
