"""Whom a gateway lets in, and as whom: each token has a client of its own, with the key that it
stands for, so it is the nodes that decide what it may do, and a denied key is refused at once.

Without tokens everybody is the gateway itself, which is for this machine alone. There a browser
must not be made to ask for others: by a page of another origin, nor by a name that was bent to
loopback.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from nodes.addresses import is_loopback
from nodes.async_client import AsyncClient
from nodes.keys import Dial, client_dials
from nodes.web.answers import Problem
from nodes.web.tokens import Held, Tokens

COOKIE = "gossamer_token"
MAX_CLIENTS = 256
"""Of tokens; the one that was used last longest ago is closed when there are more."""
BATCH_KEYS = 32
"""A gateway has more to do for a get than the nodes have: they begin with some while it goes on
with others, rather than that each waits for the other."""

MAX_RETIRED = 16
"""So many that are closed once their requests are answered; of more the first is at once."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
UNNAMED = ""
"""Who came without a token."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Whom to let in. `hosts` are names that browsers may call the gateway by, besides loopback's,
    where no token is needed; "*" is any."""

    needs_token: bool
    hosts: Sequence[str] = ()


class Access:
    """Clients of the nodes at these endpoints, with what the gateway holds: secrets, a client's
    key, or nothing where the network has none. Belongs to one event loop."""

    def __init__(
        self, endpoints: Sequence[str], timeout_s: float, held: Held | None, rules: Rules
    ) -> None:
        self._endpoints = endpoints
        self._timeout_s = timeout_s
        self._held = held
        self._tokens = Tokens(held) if held is not None else None
        self._rules = rules
        self._clients: OrderedDict[str, AsyncClient] = OrderedDict()
        self._own: AsyncClient | None = None
        self._retired: dict[AsyncClient, asyncio.Task[None]] = {}

    @property
    def own(self) -> AsyncClient:
        """The gateway's own, with all that its key may do."""
        if self._own is None:
            secret = client_dials(self._held) if self._held is not None else None
            self._own = self._connected(secret)
        return self._own

    def client(self, request: HTTPConnection) -> AsyncClient:
        """For who asks. Raises Problem if nobody may ask so."""
        self.check_origin(request)
        token = token_of(request.headers, request.cookies)
        if token == UNNAMED and not self._rules.needs_token:
            self._check_host(request)
            return self.own
        return self.client_of(token)

    def client_of(self, token: str) -> AsyncClient:
        """For who has this token. Raises Problem if it is none."""
        client = self._clients.get(token)
        if client is not None:
            self._clients.move_to_end(token)
            return client
        known = self._tokens.dials(token) if self._tokens is not None and token else None
        if known is None:
            detail = "a bearer token is needed: gossamer token prints that of a key"
            if token:
                detail = self._why_not()
            raise Problem("no_token", detail, {"WWW-Authenticate": "Bearer"})
        client = self._clients[token] = self._connected(known[1])
        return client

    def _connected(self, dials: tuple[Dial, ...] | None) -> AsyncClient:
        timeout_s, endpoints = self._timeout_s, self._endpoints
        return AsyncClient(*endpoints, timeout=timeout_s, secret=dials, batch_keys=BATCH_KEYS)

    def _why_not(self) -> str:
        """Why it lets nobody in who has this token."""
        if self._tokens is None:
            return "this gateway was given no secret, and takes no tokens"
        if self._tokens.are_all_known:
            return "that is no token of this network"
        return (
            "that is not the token of the one key that this gateway was given; it cannot tell "
            "those of other keys: give it the network's secret"
        )

    @property
    def is_full(self) -> bool:
        """Are there more clients than are kept?"""
        return len(self._clients) > MAX_CLIENTS

    async def trim(self) -> None:
        """Close what is not needed any more."""
        while self.is_full:
            _, client = self._clients.popitem(last=False)
            await self._retire(client)

    async def look_again(self, request: HTTPConnection) -> None:
        """It was refused. If no node lets its key in it has to connect anew, for it may be allowed
        again."""
        token = token_of(request.headers, request.cookies)
        if token == UNNAMED:
            await self.look_again_for_own()
        elif (client := self._clients.get(token)) is not None and client.is_turned_away:
            del self._clients[token]
            await self._retire(client)

    async def look_again_for_own(self) -> None:
        """The same of the gateway's own key."""
        if self._own is not None and self._own.is_turned_away:
            own, self._own = self._own, None
            await self._retire(own)

    async def _retire(self, client: AsyncClient) -> None:
        """Close it, but not before others that have asked by it are answered."""
        later = asyncio.get_running_loop().create_task(self._close_later(client))
        self._retired[client] = later
        if len(self._retired) > MAX_RETIRED:
            first = next(iter(self._retired))
            self._retired.pop(first).cancel()
            await first.close()

    async def _close_later(self, client: AsyncClient) -> None:
        await asyncio.sleep(self._timeout_s + 1)
        del self._retired[client]
        await client.close()

    async def close(self) -> None:
        """End all clients."""
        for task in self._retired.values():
            task.cancel()
        own = [self._own] if self._own else []
        for client in [*self._clients.values(), *self._retired, *own]:
            await client.close()
        self._clients.clear()
        self._retired.clear()

    def check_origin(self, request: HTTPConnection) -> None:
        """A page of another origin may not write, with whatever the browser has: its own cookies,
        or its place on this machine."""
        origin = request.headers.get("origin")
        if origin is None or request.scope["method"] in SAFE:
            return
        if origin.partition("://")[2] != request.headers.get("host", ""):
            raise Problem("cross_origin", "a page of another origin may not do that")

    def _check_host(self, request: HTTPConnection) -> None:
        host = _name_in(request.headers.get("host", ""))
        allowed = self._rules.hosts
        if host and host not in allowed and "*" not in allowed:
            detail = f"{host!r} is no name of this gateway: --allow-host says which others are"
            raise Problem("wrong_host", detail)


@lru_cache
def _name_in(header: str) -> str:
    """The name that who asks has called the gateway by, without the port; "" for loopback's. What
    is no name at all is none of the gateway's."""
    try:
        host = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return header
    return "" if is_loopback(host) else host


def token_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> str:
    """Of a program in its header, or of a browser in its cookie."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return UNNAMED if scheme else cookies.get(COOKIE, UNNAMED)
