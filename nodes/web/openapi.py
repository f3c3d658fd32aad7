"""The OpenAPI document of a gateway, for programs: what may be asked, and all that may come of it.

It is written here by hand and held to by a test that asks whatever the document admits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from nodes.release import release

Part = Mapping[str, Any]

_JSON, _BYTES = "application/json", "application/octet-stream"
_TEXT: Part = {"type": "string"}
_COUNT: Part = {"type": "integer", "minimum": 0}
_LEVEL: Part = {"type": "string", "enum": ["quorum", "all", "one"]}
_NAMES: Part = {"type": "array", "items": _TEXT}
_CURSOR: Part = {
    "type": ["string", "null"],
    "description": "For the next page; null if this is the last.",
}

_PROBLEMS = {
    400: "It is not admitted as it is.",
    401: "It takes a bearer token.",
    403: "The token's key does not allow that, or a page of another origin asks.",
    404: "There is no such key, file or path.",
    405: "The path has no such method.",
    408: "The body did not come in time.",
    413: "The value or the file is too large.",
    415: "No file of this type is admitted.",
    416: "The file has no such range.",
    421: "That is no name of this gateway.",
    501: "Conditional writes cannot be done yet.",
    503: "Too few nodes can be reached, or one has too much to do: try again.",
    504: "No answer in time; a write may have happened.",
    507: "The disk of a node is full; the write may have happened.",
}
_ALWAYS = (400, 401, 403, 404, 405, 421, 503, 504)
"""Clients make another path of one in which a name is `..`: none perhaps, or without the method."""


@cache
def document() -> dict[str, Any]:
    """The document, of OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gossamer",
            "version": release(),
            "description": "Keys and files of a network without a broker.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{}, {"token": []}],
        "paths": {**_keys(), **_files(), **_network(), **_health()},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


@cache
def query_of(operation: str) -> tuple[str, ...]:
    """What the query of an operation may have."""
    [found] = [
        method
        for item in document()["paths"].values()
        for name, method in item.items()
        if name != "parameters" and method["operationId"] == operation
    ]
    return tuple(p["name"] for p in found["parameters"] if p["in"] == "query")


def _keys() -> dict[str, Any]:
    key = _parameter("key", "path", {"type": "string", "minLength": 1}, "UTF-8, percent-encoded.")
    w = _parameter("w", "query", _LEVEL, "How many owners must have stored it.")
    r = _parameter("r", "query", _LEVEL, "How many owners must have answered.")
    ttl = _parameter("ttl", "query", _TEXT, "When it is gone by itself: 60s, 10m, 2h, 1d.")
    raw = _parameter("raw", "query", {"type": "boolean"}, "The value alone, whatever is accepted.")
    values = _parameter("values", "query", {"type": "boolean"}, "With values; true by default.")
    some: Part = {_JSON: {}, _BYTES: {}, "text/plain": {}}
    any_body = {"required": True, "content": some}
    pair = _body(
        {
            "type": "object",
            "required": ["key"],
            "properties": {"key": _TEXT, "value": {}, "value_base64": _TEXT},
        }
    )
    wrong = (408, 413, 501, 507)
    return {
        "/v1/kv/{key}": {
            "parameters": [key],
            "put": _operation("put_key", "Store a value.", "Stored", wrong, [w, ttl], any_body),
            "get": _operation("get_key", "Read a value.", "Entry", (404, 304), [r, raw], raw=some),
            "delete": _operation("delete_key", "Delete a key.", "Deleted", (501, 507), [w]),
        },
        "/v1/kv": {
            "post": _operation("post_key", "Store a value.", "Stored", wrong, [w, ttl], pair),
            "get": _operation("list_keys", "List keys.", "Keys", (), [*_paging(), values]),
        },
    }


def _files() -> dict[str, Any]:
    name = _parameter("name", "path", {"type": "string", "minLength": 1}, "As docs/file-names.md.")
    wrong = (408, 413, 415, 501, 507)
    body = {"required": True, "content": {_BYTES: {}}}
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "contentMediaType": _BYTES}},
    }
    form_body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    got = (404, 304, 206, 416)
    return {
        "/v1/files/{name}": {
            "parameters": [name],
            "put": _operation("put_file", "Upload a file.", "Uploaded", wrong, [], body),
            "get": _operation("get_file", "Download it.", None, got, [], raw={"*/*": {}}),
            "delete": _operation("delete_file", "Remove a file.", "Removed", (501, 507)),
        },
        "/v1/files": {
            "post": _operation("post_file", "Upload a file.", "Uploaded", wrong, [], form_body),
            "get": _operation("list_files", "List files.", "Files", (), _paging()),
        },
    }


def _network() -> dict[str, Any]:
    key = _parameter("key", "path", {"type": "string", "minLength": 1}, "UTF-8, percent-encoded.")
    events = [
        _parameter("prefix", "query", _TEXT, "Of the keys that are told."),
        _parameter("traffic", "query", {"type": "boolean"}, "Also this gateway's requests."),
        _parameter("after", "query", _TEXT, "An event's id; or Last-Event-ID."),
        _parameter("Last-Event-ID", "header", _TEXT, "Where to go on."),
    ]
    stream: Part = {"text/event-stream": {}}
    return {
        "/v1/members": {"get": _operation("members", "Who is there?", "Members")},
        "/v1/ring": {"get": _operation("ring", "Who owns what?", "Ring")},
        "/v1/status": {"get": _operation("status", "How is the network?", "Status")},
        "/v1/explain/{key}": {
            "parameters": [key],
            "get": _operation("explain", "Where is a key?", "Explanation"),
        },
        "/v1/events": {"get": _operation("events", "What happens?", None, (), events, raw=stream)},
    }


def _health() -> dict[str, Any]:
    state = {"description": "", "content": {_JSON: {"schema": {"type": "object"}}}}

    def get(name: str, summary: str, *codes: int) -> Part:
        answers = {str(code): {**state, "description": summary} for code in codes}
        return {"get": {"operationId": name, "summary": summary, "responses": answers}}

    text: Part = {"text/plain": {}, "application/openmetrics-text": {}}
    return {
        "/livez": get("livez", "Does the gateway answer?", 200),
        "/readyz": get("readyz", "Does a node answer it?", 200, 503),
        "/metrics": {"get": _operation("metrics", "For Prometheus.", None, (), [], raw=text)},
    }


def _operation(
    name: str,
    summary: str,
    schema: str | None = None,
    others: Sequence[int] = (),
    parameters: Sequence[Part] = (),
    body: Part | None = None,
    *,
    raw: Part | None = None,
) -> dict[str, Any]:
    content: dict[str, Any] = dict(raw or {})
    if schema is not None:
        content[_JSON] = {"schema": _schema(schema)} if raw is None else {}
    problem = {"application/problem+json": {"schema": _schema("Problem")}}
    responses: dict[str, Any] = {"200": {"description": summary, "content": content}}
    for code in sorted({*_ALWAYS, *others}):
        if code == 304:
            responses["304"] = {"description": "It is the version that was named."}
        elif code == 206:
            responses["206"] = {"description": "A range of it.", "content": content}
        else:
            responses[str(code)] = {"description": _PROBLEMS[code], "content": problem}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": responses,
    }
    return operation if body is None else {**operation, "requestBody": body}


def _parameter(name: str, where: str, schema: Part, description: str) -> Part:
    parameter = {"name": name, "in": where, "schema": schema, "description": description}
    return {**parameter, "required": True} if where == "path" else parameter


def _paging() -> list[Part]:
    limit = {"type": "integer", "minimum": 1, "maximum": 1_000}
    return [
        _parameter("prefix", "query", _TEXT, "What they begin with."),
        _parameter("limit", "query", limit, "How many, 100 by default."),
        _parameter("cursor", "query", _TEXT, "That of the page before."),
    ]


def _body(schema: Part) -> Part:
    return {"required": True, "content": {_JSON: {"schema": schema}}}


def _schema(name: str) -> Part:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Sequence[str], **properties: Part) -> Part:
    return {"type": "object", "required": list(required), "properties": properties}


def _items(item: Part) -> Part:
    return _object(("items", "cursor"), items={"type": "array", "items": item}, cursor=_CURSOR)


def _schemas() -> dict[str, Part]:
    entry = {
        "key": _TEXT,
        "value": {},
        "value_base64": {"type": "string", "description": "A value that is bytes."},
        "version": _TEXT,
        "node": {"type": "string", "description": "One that has it."},
        "replicas": _NAMES,
    }
    of_entry = ("key", "version", "node", "replicas")
    uploaded = {"filename": _TEXT, "size_bytes": _COUNT, "sha256": _TEXT, "type": _TEXT}
    status = {name: {"type": "boolean"} for name in ("safe_to_stop", "moving")}
    counts = ("epoch", "members", "under_replicated", "without_quorum")
    problem = {"type": _TEXT, "title": _TEXT, "status": _COUNT, "code": _TEXT, "detail": _TEXT}
    problem["definite"] = {"type": "boolean", "description": "False: it may have been done."}
    owners = {"type": "array", "items": {"type": "array", "items": _COUNT}}
    anything = {"type": "array", "items": {"type": "object"}}
    return {
        "Entry": _object(of_entry, **entry),
        "Stored": _object((*of_entry, "status"), **entry, status={"const": "stored"}),
        "Deleted": _object(("key", "status"), key=_TEXT, status={"const": "deleted"}),
        "Removed": _object(("filename", "status"), filename=_TEXT, status={"const": "removed"}),
        "Keys": _items(_object(("key",), key=_TEXT, value={}, value_base64=_TEXT)),
        "Uploaded": _object(
            (*uploaded, "status", "version"),
            **uploaded,
            status={"const": "uploaded"},
            version=_TEXT,
        ),
        "Files": _items(_object((*uploaded, "time"), **uploaded, time=_TEXT)),
        "Members": _object(("members", "waiting"), members=anything, waiting=_TEXT),
        "Ring": _object(
            ("epoch", "members", "owners"), epoch=_COUNT, members=anything, owners=owners
        ),
        "Status": _object((*status, *counts), **status, **dict.fromkeys(counts, _COUNT)),
        "Explanation": _object(("key", "position", "partition", "owners", "replicas")),
        "Problem": _object(tuple(problem), **problem),
    }
