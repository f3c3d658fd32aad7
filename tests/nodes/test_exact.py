"""Keys and shared values are read to the byte, and written so: what a backup rests on."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.clocks import now
from nodes.entries import Exact
from nodes.node import Node
from tests.networks import DEADLINE_S

HOUR_MS = 3_600_000


def test_keys_are_exported_with_all_that_is_to_be_known_of_them(
    shared_node: Node, client: Client
) -> None:
    """Page after page, in order."""
    versions = client.put_many({"exported/a": {"b": 1}, "exported/b": b"raw"})
    versions["exported/c"] = client.put("exported/c", 3, ttl="1h")
    found, cursor = {}, ""
    while True:
        page, after = client.export_page(cursor)
        found.update({r.key: r for r in page if r.key.startswith("exported/")})
        if after is None:
            break
        cursor = after
    assert {key: r.version for key, r in found.items()} == versions
    assert [r.data for r in found.values()] == [b'{"b":1}', b"raw", b"3"]
    assert [r.kind for r in found.values()] == ["json", "bytes", "json"]
    assert [bool(r.expires_ms) for r in found.values()] == [False, False, True]


def test_what_was_exported_is_put_as_it_was(shared_node: Node, client: Client) -> None:
    """Bytes stay bytes and JSON its very characters; a key has what is left of its time."""
    expires_ms = now().wall_ms + HOUR_MS
    records = [
        Exact("put/a", "json", b'{ "b": 1.0 }', "", 0),
        Exact("put/b", "bytes", b"{}", "", expires_ms),
    ]

    async def put_and_export() -> tuple[list[str], list[Exact]]:
        async with AsyncClient(shared_node.address, timeout=DEADLINE_S) as g:
            versions = await asyncio.gather(*map(g.put_exact, records))
            page, _ = await g.export_page("put/")
            return versions, [record for record in page if record.key.startswith("put/")]

    versions, found = asyncio.run(put_and_export())
    assert abs(found[1].expires_ms - expires_ms) < DEADLINE_S * 1_000
    written = [replace(r, version=v) for r, v in zip(records, versions, strict=True)]
    assert [found[0], replace(found[1], expires_ms=expires_ms)] == written
    assert client.entry("put/a").value == {"b": 1.0}


def test_what_was_shared_is_shared_as_it_was(shared_node: Node) -> None:
    """To the byte, page after page; none of it expires."""
    names = [f"exact:{n:03}" for n in range(250)]
    records = [Exact(name, "json", b"[ 1 ]", "", 0) for name in names]

    async def share_and_read() -> tuple[list[str], list[tuple[Exact, ...]]]:
        async with AsyncClient(shared_node.address, timeout=DEADLINE_S) as g:
            versions = await asyncio.gather(*map(g.share_exact, records))
            pages: list[tuple[Exact, ...]] = []
            cursor: str | None = ""
            while cursor is not None:
                page, cursor = await g.shared_page(cursor)
                pages.append(page)
            return versions, pages

    versions, pages = asyncio.run(share_and_read())
    assert len(pages) > 1
    written = [replace(r, version=v) for r, v in zip(records, versions, strict=True)]
    assert [record for page in pages for record in page] == written
