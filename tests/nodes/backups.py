"""Networks with some of everything in them, and what is made of them and with them."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

from nodes.backup import BackedUp, back_up
from nodes.client import Client
from nodes.restore import Restored, restore
from tests.networks import DEADLINE_S, Network
from tests.nodes.stored import content

VALUES: dict[str, Any] = {
    "color": "blue",
    "user:1": {"name": "Ada", "tags": [1, 2.5, None, True]},
    "raw": b"\x00\xff\n",
    "odd \n\u2028 \U0010ffff": "\ud7ff and \U0010ffff",
    "\U0010ffff": "the last of all",
    "long" * 256: "",
}
FILES = {
    "a.bin": content(3_000_000, 1),
    "empty.txt": b"",
    "Übung \u00e9.txt": b"hello",
    "z.bin": b"\1",
}


def make(client: Client, folder: Path, **options: Any) -> BackedUp:
    """A backup of the network."""
    return client.run(partial(back_up, folder=folder, **options))


def put_back(client: Client, folder: Path, **options: Any) -> Restored:
    """Restore it."""
    return client.run(partial(restore, folder=folder, **options))


def alone(network: Network, name: str, **settings: Any) -> str:
    """The address of a node that is a network of its own, and ready."""
    node = network.node(name, **settings)
    node.wait_ready(DEADLINE_S)
    return node.address


def texts(folder: Path) -> dict[Path, bytes]:
    """All files in a folder."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def fill(client: Client) -> None:
    """Some of everything."""
    client.put_many(VALUES)
    client.put("short", "lived", ttl="1h")
    client.share("mode", "dark")
    client.share("bytes", b"\x00")
    for name, data in FILES.items():
        client.upload(io.BytesIO(data), name)


def has_all(client: Client) -> bool:
    """Is all of that there?"""
    files = {entry.name: client.open(entry.name).read() for entry in client.files()}
    return (
        client.get_many(VALUES) == VALUES
        and client.shared() == {"mode": "dark", "bytes": b"\x00"}
        and files == FILES
    )
