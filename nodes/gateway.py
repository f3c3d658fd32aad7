"""A gateway: HTTP for those who do not speak ZeroMQ, over an AsyncClient. It holds no state, so
there may be as many as are wanted, and any may answer what another was asked before.

`Gateway(...).app` is an ASGI application; `gossamer gateway` serves it with uvicorn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from actors.errors import GossamerError
from actors.spaces import file_key, stored_key
from nodes.async_client import DEFAULT_ENDPOINT, AsyncClient
from nodes.logs import Log, open_log
from nodes.web import files, keys, network
from nodes.web.access import COOKIE, Access, Rules
from nodes.web.answers import Json, Problem, response_of
from nodes.web.bodies import json_of, whole
from nodes.web.events import Events
from nodes.web.measures import Measures
from nodes.web.openapi import document, query_of
from nodes.web.outages import Outages
from nodes.web.requests import Asked, refuse_unknown
from nodes.web.tokens import Held
from nodes.web.traffic import Traffic

Endpoint = Callable[[Request, AsyncClient], Awaitable[Response]]
Methods = Mapping[str, tuple[str, Endpoint]]
"""What the methods at a path do: the name of each operation, for metrics, and how it is done."""

ABANDONED = 499
"""Counted, never sent: who asked has hung up."""

PAGE = Path(__file__).parent / "web" / "page"
MAX_LOGIN_BYTES = 4_096
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_log = logging.getLogger("gossamer.gateway")


class Gateway:
    """Over the nodes at these endpoints ("host:port"); `held` are the network's secrets, or the
    keys of one client, where it has a secret. `timeout_s` is that of each request to the nodes. Its
    `log` is told when none of them answers."""

    def __init__(
        self,
        endpoints: Sequence[str] = (DEFAULT_ENDPOINT,),
        *,
        timeout_s: float = 5.0,
        held: Held | None = None,
        rules: Rules | None = None,
        log: Log | None = None,
    ) -> None:
        rules = rules or Rules(needs_token=False)
        log = log or open_log(None, "gateway", "info", None)
        self._access = Access(endpoints, timeout_s, held, rules)
        self._outages = Outages(self._access, log)
        self._traffic = Traffic()
        self._events = Events(self._traffic)
        api: dict[str, Methods] = {
            **_API,
            "/v1/events": {"GET": ("events", self._events.answer)},
            "/metrics": {"GET": ("metrics", Measures(self._traffic).answer)},
        }
        resources = {
            at: _Resource(self._access, self._traffic, self._outages, methods)
            for at, methods in api.items()
        }
        self.app = _Application(
            resources[_KEY],
            routes=[
                *[Route(at, resource) for at, resource in resources.items()],
                Route("/livez", self._livez),
                Route("/readyz", self._readyz),
                Route("/openapi.json", self._openapi),
                Route("/login", self._login, methods=["POST"]),
                Route("/logout", self._logout, methods=["POST"]),
                *[Route(at, self._page(file)) for at, file in _FILES.items()],
            ],
            exception_handlers={
                HTTPException: _on_http_error,
                Problem: _on_problem,
                GossamerError: _on_error,
                Exception: _on_bug,
            },
            lifespan=self._lifespan,
        )

    def end_streams(self) -> None:
        """It is about to stop: let answers that have no end come to one. Called on its event
        loop."""
        self._events.end()

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._outages.watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await self._access.close()

    async def _livez(self, request: Request) -> Response:
        """This process answers; it does not depend on any node."""
        return Json({"status": "alive"})

    async def _readyz(self, request: Request) -> Response:
        return await network.readiness(self._access.own)

    async def _openapi(self, request: Request) -> Response:
        return Json(document())

    async def _login(self, request: Request) -> Response:
        """A browser's token, kept where no script of any page sees it."""
        self._access.check_origin(request)
        said = json_of(await whole(request, MAX_LOGIN_BYTES))
        token = said.get("token") if isinstance(said, dict) else None
        if not isinstance(token, str):
            raise Problem("bad_value", 'the body is {"token": "..."}')
        self._access.client_of(token)
        await self._access.trim()
        response = Response(status_code=204)
        is_secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=is_secure)
        return response

    async def _logout(self, request: Request) -> Response:
        self._access.check_origin(request)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    def _page(self, file: str) -> Callable[[Request], Awaitable[Response]]:
        headers = {
            "Content-Security-Policy": PAGE_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }

        async def answer(request: Request) -> Response:
            return FileResponse(PAGE / file, headers=headers)

        return answer


_FILES = {"/": "index.html"} | {
    f"/{name}": name
    for name in (
        *("page.css", "network.css", "forms.css", "icon.svg", "page.js"),
        *("api.js", "colours.js", "files.js", "flow.js", "keys.js", "live.js", "members.js"),
        *("pages.js", "pulses.js", "ring.js", "text.js", "uploads.js", "values.js", "web.js"),
    )
}
"""What the page is made of."""
_KEY = keys.AT + "{key:path}"
_API: dict[str, Methods] = {
    _KEY: {
        "PUT": ("put_key", keys.put_key),
        "GET": ("get_key", keys.get_key),
        "DELETE": ("delete_key", keys.delete_key),
    },
    "/v1/kv": {"POST": ("post_key", keys.post_key), "GET": ("list_keys", keys.list_keys)},
    "/v1/files/{name:path}": {
        "PUT": ("put_file", files.put_file),
        "GET": ("get_file", files.get_file),
        "DELETE": ("delete_file", files.delete_file),
    },
    "/v1/files": {"POST": ("post_file", files.post_file), "GET": ("list_files", files.list_files)},
    "/v1/members": {"GET": ("members", network.members)},
    "/v1/ring": {"GET": ("ring", network.ring)},
    "/v1/status": {"GET": ("status", network.status)},
    "/v1/explain/{key:path}": {"GET": ("explain", network.explain)},
}


class _Application(Starlette):
    """Starlette, whose layers and routes stand aside where a key is asked for: that is what most
    requests do, and `_Resource` answers all that can fail in them."""

    def __init__(self, key: _Resource, **options: Any) -> None:
        super().__init__(**options)
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["path"].startswith(keys.AT)
            and scope["method"] in self._key.methods
        ):
            scope["path_params"] = {"key": scope["path"][len(keys.AT) :]}
            await self._key(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Resource:
    """What there is at a path, as an ASGI application: what fails in it is answered here, so that
    it is measured with the status that it gets."""

    def __init__(
        self, access: Access, traffic: Traffic, outages: Outages, methods: Methods
    ) -> None:
        self._access = access
        self._traffic = traffic
        self._outages = outages
        self.methods = methods
        self._allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in self.methods:
            raise HTTPException(405, headers={"Allow": self._allowed})
        operation, endpoint = self.methods[method]
        began = self._traffic.begin()
        status, came_bytes, sent_bytes = ABANDONED, 0, 0

        async def taken() -> Message:
            nonlocal came_bytes
            message = await receive()
            came_bytes += len(message.get("body", b""))
            return message

        async def counted(message: Message) -> None:
            nonlocal sent_bytes
            sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            response = await self._answer(Asked(scope, taken), operation, endpoint)
            status = response.status_code
            await response(scope, taken, counted)
        except ClientDisconnect:
            status = ABANDONED
        finally:
            self._traffic.end(began, operation, status, _stored(scope["path_params"]))
            self._traffic.count_bytes("in", came_bytes)
            self._traffic.count_bytes("out", sent_bytes)

    async def _answer(self, request: Request, operation: str, endpoint: Endpoint) -> Response:
        try:
            if request.scope["query_string"]:
                refuse_unknown(request, query_of(operation))
            return await endpoint(request, self._access.client(request))
        except Problem as problem:
            return problem.response()
        except GossamerError as error:
            if error.code in ("not_allowed", "unreachable"):
                await self._access.look_again(request)
            self._outages.failed(error)
            return response_of(error)
        except ClientDisconnect:
            raise
        except Exception as error:
            return await _on_bug(request, error)
        finally:
            if self._access.is_full:
                await self._access.trim()


def _stored(path: Mapping[str, str]) -> str:
    """The key under which it is stored what a path is about; empty if it is about nothing alone."""
    if key := path.get("key"):
        return stored_key(key)
    name = path.get("name")
    return file_key(name) if name else ""


async def _on_http_error(request: Request, error: Exception) -> Response:
    """No such path, or no such method there."""
    assert isinstance(error, HTTPException)
    codes = {404: "no_such_path", 405: "no_such_method"}
    phrase = HTTPStatus(error.status_code).phrase
    detail = f"{request.method} {request.url.path}: {phrase.lower()}; see /openapi.json"
    return Problem(codes[error.status_code], detail, error.headers).response()


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GossamerError)
    return response_of(error)


async def _on_bug(request: Request, error: Exception) -> Response:
    _log.error("%s %s", request.method, request.url.path, exc_info=error)
    detail = "something went wrong in the gateway; its log says more"
    return Problem("failed", detail, definite=False).response()
