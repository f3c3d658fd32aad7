#!/usr/bin/env python3
"""What a container runs: it settles what only a container can know, then becomes `gossamer`.

    entrypoint.py COMMAND [ARGUMENT]...

A setting that the environment has, and that is not empty, stays as it is. Otherwise a node
(`serve`) listens on all addresses, tells others the address that the container's host name stands
for, and is called as the host.

GOSSAMER_SLOTS names a folder that several containers share: each takes the first data folder below
it that no other has (node1, node2, ...), and is called as that folder. So the data of a container
that was removed is taken up by the next, whatever its host name.

GOSSAMER_SECRET_SOURCE names the file that the platform mounts, with an owner or a mode that a node
refuses; its content is copied to GOSSAMER_SECRET_FILE, for the container's user alone.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import platform
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

DEFAULTS = {
    "GOSSAMER_LISTEN": "0.0.0.0:7100",
    "GOSSAMER_HTTP": "0.0.0.0:8080",
    "GOSSAMER_DATA": "/data/node",
}
WILDCARDS = ("0.0.0.0", "[::]", "*")
SECRET = "/run/gossamer/secret"
MOST_SLOTS = 1_000
MAX_SECRET_BYTES = 65_536
USAGE = 2


class Unusable(Exception):
    """What the container was given cannot be used; the sentence says what, and what to do."""


def main() -> int:
    """Become the command; the exit status where that cannot be."""
    command = sys.argv[1:] or ["serve"]
    given = {name: text for name, text in os.environ.items() if text}
    try:
        settings = prepared(command[0], given)
        os.execvpe("gossamer", ["gossamer", *command], settings)
    except Unusable as error:
        print(f"gossamer: {error}", file=sys.stderr)
    except OSError as error:
        print(f"gossamer: the command cannot be started: {error.strerror}", file=sys.stderr)
    return USAGE


def prepared(command: str, given: Mapping[str, str]) -> dict[str, str]:
    """The environment for the command, and the files that it names. Raises Unusable."""
    settings = dict(given)
    if source := given.get("GOSSAMER_SECRET_SOURCE"):
        copy = settings.setdefault("GOSSAMER_SECRET_FILE", SECRET)
        copy_secret(Path(source), Path(copy))
    if folder := given.get("TMPDIR"):
        make_folder(Path(folder))
    return node_settings(settings) if command == "serve" else settings


def node_settings(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a node. Raises Unusable."""
    settings = dict(given)
    name = platform.node()
    if slots := given.get("GOSSAMER_SLOTS"):
        slot = take_slot(Path(slots))
        settings.setdefault("GOSSAMER_DATA", str(slot))
        name = slot.name
    settings = {**DEFAULTS, "GOSSAMER_NAME": name, **settings}
    if settings["GOSSAMER_LISTEN"].startswith(WILDCARDS) and not given.get("GOSSAMER_ADVERTISE"):
        # The node adds its own port.
        settings["GOSSAMER_ADVERTISE"] = own_address(platform.node())
    return settings


def own_address(host: str) -> str:
    """The address by which other containers reach this one, without a port. Raises Unusable."""
    remedy = "say in GOSSAMER_ADVERTISE how others reach this container"
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unusable(f"the host name {host!r} stands for no address, so {remedy}") from error
    for _, _, _, _, address in found:
        ip = ipaddress.ip_address(str(address[0]).partition("%")[0])
        if not (ip.is_loopback or ip.is_link_local):
            return f"[{ip}]" if ip.version == 6 else str(ip)
    raise Unusable(f"the host name {host!r} stands for no address beyond this container: {remedy}")


def take_slot(folder: Path) -> Path:
    """The first data folder below this one that no other process has. Raises Unusable.

    It is this process's, and the command's that it becomes, until that ends: so long the file
    beside it is locked. The kernel gives the lock back, however the process ends.
    """
    make_folder(folder)
    for number in range(1, MOST_SLOTS + 1):
        slot = folder / f"node{number}"
        try:
            claim = os.open(slot.with_suffix(".claim"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unusable(f"nothing can be kept in {folder}: {error.strerror}") from error
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            continue
        os.set_inheritable(claim, True)
        return slot
    raise Unusable(f"all {MOST_SLOTS:,} data folders in {folder} are in use")


def copy_secret(source: Path, copy: Path) -> None:
    """Put what the source has where a node takes it: in a file of this user's, mode 0600, that is
    there in whole or not at all. Raises Unusable."""
    try:
        with source.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES)
    except OSError as error:
        raise Unusable(
            f"user {os.geteuid()} cannot read the secret in {source}: {error.strerror}; "
            "give that user the file, or the right to read it"
        ) from error
    draft = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        make_folder(copy.parent)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            # Whatever the umask and the folder's default rights are.
            os.fchmod(descriptor, 0o600)
            file.write(content)
        draft.replace(copy)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Unusable(f"the secret cannot be copied to {copy}: {error.strerror}") from error


def make_folder(path: Path) -> None:
    """Make it for this user, if it is missing. Raises Unusable."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(f"the folder {path} cannot be made: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
