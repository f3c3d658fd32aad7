"""Files with secrets: written by `gossamer keygen` for their owner alone, and read only if they are
still nobody else's.

One line a secret, or a client's key; lines that are empty or begin with # mean nothing. Several are
for the time in which a network changes from one secret to another.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from zmq.utils import z85

from actors.errors import Refused
from actors.roles import KEYS_PER_ROLE, Role
from nodes.keys import (
    SECRET_BYTES,
    ClientKey,
    Dial,
    NetworkSecret,
    NodeKeys,
    client_dials,
    client_key,
    pair_of,
)

MAX_LINES = 4
MAX_FILE_BYTES = 65_536
OTHERS = stat.S_IRWXG | stat.S_IRWXO

_SECRET = re.compile(r"gossamer-secret-1 ([0-9a-f]{64})")
_CLIENT = re.compile(
    r"gossamer-client-1 (reader|writer|admin) ([1-9][0-9]{0,3}) ([0-9a-f]{64}) ([0-9a-f]{64})"
)
_CHECK_DIGITS = 8


class BadSecret(Refused, ValueError):
    """That is no file with a secret, or none that may be used."""


def new_secret() -> NetworkSecret:
    """One that nobody has."""
    return NetworkSecret(secrets.token_bytes(SECRET_BYTES))


def new_client_keys(held: Sequence[NetworkSecret], role: Role, number: int = 0) -> list[ClientKey]:
    """A client's key, with each of these secrets; of this number, or drawn from all there are."""
    number = number or secrets.randbelow(KEYS_PER_ROLE) + 1
    return [client_key(secret, role, number) for secret in held]


def write_secret(path: Path, secret: NetworkSecret) -> None:
    """Make a file with the secret. Raises BadSecret where there is one of that name."""
    comment = (
        "# The secret of a Gossamer network. Who has it is a node, or a client that may do\n"
        "# everything: give it to the network's own machines alone.\n"
    )
    _write(path, f"{comment}{secret_line(secret)}\n")


def secret_line(secret: NetworkSecret) -> str:
    """How a file has it."""
    return _with_check(f"gossamer-secret-1 {secret.secret.hex()}")


def write_client_keys(path: Path, keys: Sequence[ClientKey]) -> None:
    """Make a file with a client's key. Raises BadSecret where there is one of that name."""
    name = keys[0].name
    lines = [f"# The key {name} of a Gossamer network. Should it get lost: gossamer deny {name}"]
    for key in keys:
        server, own = z85.decode(key.server).hex(), z85.decode(key.own.secret).hex()
        lines.append(_with_check(f"gossamer-client-1 {key.role} {key.number} {server} {own}"))
    _write(path, "\n".join([*lines, ""]))


def read_node_keys(path: str | Path) -> NodeKeys:
    """What a node's file has. Raises BadSecret."""
    held = read_held(path)
    own = [secret for secret in held if isinstance(secret, NetworkSecret)]
    if len(own) < len(held):
        raise BadSecret(f"{path} has the key of a client, and not the secret of the network")
    return NodeKeys(tuple(own))


def read_client_dials(path: str | Path) -> tuple[Dial, ...]:
    """What who has this file, a secret or a client's key, connects with. Raises BadSecret."""
    return client_dials(read_held(path))


def read_held(path: str | Path) -> list[NetworkSecret] | list[ClientKey]:
    """What a file has: secrets, or keys of a client. Raises BadSecret."""
    texts = {n: line.strip() for n, line in enumerate(_text(path).splitlines(), 1)}
    lines = {n: text for n, text in texts.items() if text and not text.startswith("#")}
    held = [_parsed(f"{path}, line {n}", text) for n, text in lines.items()]
    if not 1 <= len(held) <= MAX_LINES:
        raise BadSecret(f"{path} has {len(held)} secrets, where there are 1 to {MAX_LINES}")
    own = [secret for secret in held if isinstance(secret, NetworkSecret)]
    keys = [key for key in held if isinstance(key, ClientKey)]
    if own and keys:
        raise BadSecret(f"{path} has both a secret and a client's key")
    servers = {*(secret.server.public for secret in own), *(key.server for key in keys)}
    if len(servers) < len(held):
        raise BadSecret(f"{path} has a secret, or keys of one, twice")
    return own or keys


def _text(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise BadSecret(f"cannot read the secret in {path}: {error.strerror}") from error
    if mode & OTHERS:
        allowed = f"{stat.S_IMODE(mode):04o}"
        raise BadSecret(f"{path} is open to others, mode {allowed}: chmod 600 {path}")
    # What is not ASCII cannot be part of a secret; it is not shown either, for it may be one.
    return data.decode("ascii", "replace")


def _with_check(text: str) -> str:
    """A line with what shows that it was damaged, or edited by hand."""
    return f"{text} {sha256(text.encode()).hexdigest()[:_CHECK_DIGITS]}"


def _parsed(where: str, line: str) -> NetworkSecret | ClientKey:
    text = line.rpartition(" ")[0]
    secret, client = _SECRET.fullmatch(text), _CLIENT.fullmatch(text)
    if (secret or client) and line != _with_check(text):
        raise BadSecret(f"{where}: this was changed since gossamer keygen has written it")
    if secret:
        return NetworkSecret(bytes.fromhex(secret[1]))
    if client and int(client[2]) <= KEYS_PER_ROLE:
        server = z85.encode(bytes.fromhex(client[3]))
        role: Role = client[1]  # type: ignore[assignment]
        return ClientKey(role, int(client[2]), server, pair_of(bytes.fromhex(client[4])))
    raise BadSecret(f"{where}: this is no secret of Gossamer's; see gossamer keygen --help")


def _write(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise BadSecret(f"{path} is there already, and a secret is not overwritten") from error
    except OSError as error:
        raise BadSecret(f"cannot write {path}: {error.strerror}") from error
    try:
        with open(descriptor, "wb") as file:
            # Whatever the umask and the folder's default rights are.
            os.fchmod(file.fileno(), 0o600)
            file.write(text.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise BadSecret(f"cannot write {path}: {error.strerror}") from error
