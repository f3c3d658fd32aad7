"""The network over HTTP: its members, the ring, how all do, and where a key is."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from actors.errors import GossamerError
from actors.membership import Member
from nodes.async_client import AsyncClient
from nodes.web.answers import Json
from nodes.web.requests import rest_of_path

READY_S = 2.0
"""A gateway that gets no answer within this time is not ready."""


def member_fields(member: Member) -> dict[str, Any]:
    """A member as JSON."""
    return {
        "name": member.name,
        "id": member.id,
        "state": member.state,
        "address": member.address,
        "gossip_address": member.gossip_address,
        "files_address": member.files_address,
    }


async def members(request: Request, client: AsyncClient) -> Response:
    """GET /v1/members: those that are there or may come back, by name; and why the node that
    answers is not ready, if it is not."""
    listed = await client.members()
    shown = [member_fields(member) for member in listed if member.state != "left"]
    return Json({"members": shown, "waiting": listed.waiting})


async def ring(request: Request, client: AsyncClient) -> Response:
    """GET /v1/ring: who owns which partitions, and how each is."""
    told = await client.ring()
    return Json(
        {
            "epoch": told.epoch,
            "members": [asdict(member) for member in told.members],
            "owners": told.owners,
            "moving": sorted(told.moving),
            "under_replicated": sorted(told.under_replicated),
            "unavailable": sorted(told.unavailable),
        }
    )


async def status(request: Request, client: AsyncClient) -> Response:
    """GET /v1/status: has all data all its copies, and may the node that answers be stopped?"""
    return Json(asdict(await client.status()))


async def explain(request: Request, client: AsyncClient) -> Response:
    """GET /v1/explain/{key}: where a key is, and what each of its owners holds."""
    explanation = await client.explain(rest_of_path(request, "/v1/explain/", "bad_key"))
    return Json({**asdict(explanation), "agrees": explanation.agrees})


async def readiness(client: AsyncClient) -> Response:
    """GET /readyz: does a node of the network answer that is ready?"""
    try:
        async with asyncio.timeout(READY_S):
            waiting = (await client.members()).waiting
    except GossamerError as error:
        waiting = str(error)
    except TimeoutError:
        waiting = f"no node has answered within {READY_S:g} s"
    else:
        if not waiting:
            return Json({"status": "ready"})
        waiting = f"the node is not ready: {waiting}"
    return Json({"status": "not ready", "waiting_for": [waiting]}, 503)
