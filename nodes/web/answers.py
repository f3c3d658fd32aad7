"""Answers: JSON, and problems, which are errors in the form of RFC 9457 with a stable `code`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from actors.errors import ERRORS, BatchError, GossamerError

RETRY_AFTER_S = 1
"""When it is worth the while to try again where too few nodes are there, or one has too much."""

_BUSY = HTTPStatus.SERVICE_UNAVAILABLE


class Json(Response):
    """Of anything that JSON has, with a line end, for terminals."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


class Problem(Exception):
    """What a request fails with that is HTTP's own, and no error of a client."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """As it is sent."""
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        return _problem(body, self.headers)


def response_of(error: GossamerError) -> Response:
    """An error of a client, with the status that the registry of errors has for it. `definite`:
    nothing was written, for certain."""
    if isinstance(error, BatchError):
        # Of several keys some could not be read: why is told of the first.
        error = next(e for e in error.results.values() if isinstance(e, GossamerError))
    kind = ERRORS.get(error.code, ERRORS["failed"])
    body = {
        "type": "about:blank",
        "title": HTTPStatus(kind.http_status).phrase,
        "status": kind.http_status,
        "code": error.code,
        "detail": str(error),
        "definite": error.definite,
    }
    return _problem(body, {})


def _problem(body: dict[str, Any], headers: dict[str, str]) -> Response:
    if body["status"] == _BUSY:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Json(body, body["status"], headers, media_type="application/problem+json")
