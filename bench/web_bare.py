"""`python -m bench.web_bare JSON`: what Starlette and uvicorn take where a route only answers.

It is served exactly as the gateway is, and its answers have the same size; a put reads and parses
its body. What a gateway takes beyond it is for asking the network, and for all that it looks at.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.process import FREE_PORT
from nodes.addresses import parse_address
from nodes.logs import open_log
from nodes.web.answers import Json
from nodes.web.server import serve

AT = "/v1/kv/{key:path}"


def bare(answer: dict[str, Any]) -> Starlette:
    """An application that says this of every key."""
    headers = {"ETag": f'"{answer["version"]}"'}
    of_gets = {**headers, "Cache-Control": "no-cache", "Vary": "Accept"}

    async def get(request: Request) -> Response:
        return Json({**answer, "key": request.path_params["key"]}, headers=of_gets)

    async def put(request: Request) -> Response:
        value = orjson.loads(await request.body())
        about = {**answer, "key": request.path_params["key"], "value": value, "status": "stored"}
        return Json(about, headers=headers)

    return Starlette(routes=[Route(AT, get), Route(AT, put, methods=["PUT"])])


if __name__ == "__main__":
    serve(
        bare(orjson.loads(sys.argv[1])),
        parse_address(FREE_PORT, 0),
        open_log(None, "bare", "info", sys.stderr),
    )
