"""A network behind gateways changes its secret: tokens work all the while, and old ones no longer.

By the steps that docs/security.md gives, with the commands that stand there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from actors.errors import GossamerError
from nodes.client import Client
from nodes.secret_file import read_node_keys
from tests.networks import ROOT, NodeProcess, Processes, addresses, client_of, start_all, wait_until
from tests.nodes.sessions import run
from tests.web.gateways import GatewayProcess

PAGE = (ROOT / "docs" / "security.md").read_text()
NEW_SECRET = "gossamer keygen -o new.secret"
KEY = "gossamer keygen --role writer --number 17 --secret gossamer.secret -o new.key"
TOKEN = "gossamer token --secret new.key --fingerprint FINGERPRINT"
BEGINNING = "gossamer-secret-1"
BACK_S = 20.0
"""A gateway that has both secrets reaches nodes by either, at once or with the next try."""


class Owner:
    """Who keeps the network: a folder, and what the commands print there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secret = folder / "gossamer.secret"

    def do(self, command: str) -> str:
        """What it prints."""
        return run(command, self.folder, "").strip()

    def new_key(self) -> Path:
        """The key that a client is given, of all secrets in the file."""
        (self.folder / "new.key").unlink(missing_ok=True)
        self.do(KEY)
        return self.folder / "new.key"

    def token(self, fingerprint: str) -> str:
        """Of the key that was made last, of this secret."""
        return self.do(TOKEN.replace("FINGERPRINT", fingerprint))

    def has(self, lines: Sequence[str], *copies: Path) -> None:
        """Write these lines to the file, and to copies of it."""
        for file in (self.secret, *copies):
            file.write_text("".join(f"{line}\n" for line in lines))
            file.chmod(0o600)


def line_of(file: Path) -> str:
    """The line with the secret."""
    [line] = [line for line in file.read_text().splitlines() if line.startswith(BEGINNING)]
    return line


def is_whole(client: Client) -> bool:
    """May the node that is asked be stopped, as far as it knows?"""
    try:
        return client.status().safe_to_stop
    except GossamerError:
        return False


def gateway_with(file: Path, nodes: Sequence[str]) -> GatewayProcess:
    """A gateway that wants tokens, with what this file has."""
    return GatewayProcess(file.parent, nodes, "--token-needed", "--secret", str(file))


def status_of(gateway: GatewayProcess, token: str) -> int:
    """What a write by this gateway, with this token, is answered with."""
    bearer = f"Bearer {token}"
    told = gateway.http(
        "PUT", "/v1/kv/a", b"1", content_type="application/json", authorization=bearer
    )
    return told.status


def takes(gateway: GatewayProcess, token: str) -> bool:
    """Does it write with this token?"""
    return status_of(gateway, token) == 200


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    """Of a network with one secret."""
    folder = tmp_path / "owner"
    folder.mkdir()
    made = Owner(folder)
    made.do("gossamer keygen")
    return made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is entered there is left at the end."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.seeds
@pytest.mark.timeout(300)
def test_tokens_work_while_the_secret_is_changed(
    processes: Processes, tmp_path: Path, owner: Owner, stack: ExitStack
) -> None:
    """By a gateway with a key and by one with the secret; one that was left alone says why not."""
    assert all(command in PAGE for command in (NEW_SECRET, KEY, TOKEN, BEGINNING))
    old_key = shutil.copy(owner.new_key(), owner.folder / "old.key")
    former = read_node_keys(owner.secret).fingerprints[0]
    old_token = owner.token(former)
    listed = addresses(processes.ports.take(3))
    files = [Path(shutil.copy(owner.secret, tmp_path / f"{n}.secret")) for n in range(3)]
    nodes = [
        processes.node(f"node{n}", listed, listen, "--secret", str(files[n]))
        for n, listen in enumerate(listed)
    ]
    start_all(nodes)

    held = {name: tmp_path / name / "held" for name in ("key", "secret", "stale")}
    gateways = {}
    for name, file in held.items():
        file.parent.mkdir()
        shutil.copy(owner.secret if name == "secret" else old_key, file)
        gateways[name] = stack.enter_context(gateway_with(file, listed))
        wait_until("the token is taken", partial(takes, gateways[name], old_token), BACK_S)
    kept = [gateways["key"], gateways["secret"]]

    def restart_all(tokens: Sequence[str]) -> None:
        for node in nodes:
            restart(node, owner.secret)
            for gateway in kept:
                for token in tokens:
                    wait_until("it is taken", partial(takes, gateway, token), BACK_S)

    def give_gateways() -> None:
        shutil.copy(owner.new_key(), held["key"])
        shutil.copy(owner.secret, held["secret"])
        for gateway in kept:
            assert gateway.stop() == 0
            gateway.start()

    owner.do(NEW_SECRET)
    old, new = line_of(owner.secret), line_of(owner.folder / "new.secret")
    later = read_node_keys(owner.folder / "new.secret").fingerprints[0]
    owner.has([old, new], *files)
    restart_all([old_token])
    give_gateways()
    new_token = owner.token(later)
    assert owner.token(former) == old_token != new_token
    owner.has([new, old], *files)
    restart_all([old_token, new_token])
    assert status_of(gateways["stale"], old_token) == 503
    owner.has([new], *files)
    restart_all([new_token])
    give_gateways()
    for gateway in kept:
        wait_until("the new token is taken", partial(takes, gateway, new_token), BACK_S)
        assert status_of(gateway, old_token) == 401


def restart(node: NodeProcess, secret: Path) -> None:
    """And wait until it may be spared."""
    assert node.terminate() == 0
    node.start()
    node.wait_ready()
    with client_of(node.listen, secret=secret) as client:
        wait_until("it may be spared", partial(is_whole, client))
