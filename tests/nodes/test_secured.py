"""A network with a secret: who has it, or a key made of it, notices nothing; others stay out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from actors.actor import Address, Envelope
from actors.errors import GossamerError, NotReady, Refused, Unreachable
from actors.messages import (
    FILES_FROM_CLIENTS,
    TO_GOSSIPERS,
    CheckFile,
    Deny,
    Export,
    Forget,
    HoldChunks,
    Leave,
    Message,
    Observe,
    PutChunk,
    PutFile,
    RemoveFile,
    Share,
    Write,
)
from actors.permissions import GOVERNS, WRITES
from nodes.addresses import BadAddress
from nodes.client import Client
from nodes.node import Node
from nodes.secret_file import BadSecret, read_client_dials
from nodes.sockets import Context, readable, receive, request_dealer
from nodes.wire import encode
from tests.networks import DEADLINE_S, Network, client_of, logged, wait_until
from tests.nodes.secured import Secrets

SHA = "ab" * 32
ASKED: dict[type[Message], Message] = {
    Write: Write(("k",), ("json",), (b"1",), "one", 0, 5_000),
    Share: Share("k", "json", b"1", 5_000),
    CheckFile: CheckFile("a.txt", 1, b"a", 5_000),
    HoldChunks: HoldChunks((SHA,), 5_000),
    PutChunk: PutChunk(SHA, b"x", 5_000),
    PutFile: PutFile("a.txt", 1, SHA, 0, False, (), b"a", 5_000),
    RemoveFile: RemoveFile("a.txt", 5_000),
    Leave: Leave("", 5_000),
    Forget: Forget("node2", True, 5_000),
    Deny: Deny("reader-17", True, 5_000),
    Export: Export("", 10, 5_000),
}
"""A request of each kind that not everybody may make."""


@pytest.fixture
def owner(secured: Node, net: Secrets) -> Iterator[Client]:
    """A client that has the secret itself."""
    with client_of(secured.address, secret=net.file) as client:
        yield client


def files_address(secured: Node, owner: Client) -> str:
    """Where the node serves files."""
    [member] = [m for m in owner.members() if m.id == secured.id]
    return member.files_address


@pytest.fixture(scope="module")
def shared_net(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    """The secret of a network that the tests of this module share."""
    return Secrets(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="module")
def shared_node(tmp_path_factory: pytest.TempPathFactory, shared_net: Secrets) -> Iterator[Node]:
    """Its only node."""
    folder = tmp_path_factory.mktemp("shared")
    with Node(folder / "n", listen="127.0.0.1:0", name="node1", secret=shared_net.file) as node:
        yield node


# Who has a key.


def test_nodes_with_the_secret_are_a_network_as_without(network: Network, net: Secrets) -> None:
    """Keys, files, shared values, members, gossip; and the status says that all is encrypted."""
    nodes = network.nodes_that_list_each_other(3, secret=net.file)
    first, second = (Client(n.address, timeout=DEADLINE_S, secret=net.file) for n in nodes[:2])
    with first, second:
        first.put("k", "v")
        assert second.get("k") == "v"
        first.upload(Path(__file__).with_name("secured.py"), "a.py.txt")
        assert [entry.name for entry in second.files()] == ["a.py.txt"]
        first.share("mode", "dark")
        wait_until("the other holds it", lambda: second.shared() == {"mode": "dark"})
        assert {m.state for m in second.members()} == {"alive"}
        assert second.status().fingerprint == net.secret.fingerprint
    [started] = logged(nodes[0].data, "started")
    assert (started["encrypted"], started["fingerprint"]) == (True, net.secret.fingerprint)


def test_a_node_with_a_secret_listens_anywhere(network: Network, net: Secrets) -> None:
    """Without one that has to be allowed."""
    port = network.ports.take(1)[0]
    settings = {"listen": f"0.0.0.0:{port}", "advertise": f"127.0.0.1:{port}"}
    with pytest.raises(BadAddress, match="--secret FILE"):
        Node(network.folder / "plain", name="plain", **settings)  # type: ignore[arg-type]
    node = network.node("node1", secret=net.file, **settings)
    node.wait_ready(DEADLINE_S)
    with pytest.raises(BadAddress, match="leave --insecure out"):
        Node(network.folder / "both", secret=net.file, insecure=True, name="both")


@pytest.mark.parametrize("key", ["reader-17", "writer-17"])
@pytest.mark.parametrize("message", ASKED)
def test_what_a_key_does_not_allow_is_refused(
    shared_net: Secrets, shared_node: Node, context: Context, message: type[Message], key: str
) -> None:
    """Every message that writes, of a reader; what is for admins, of a writer too."""
    role = key.partition("-")[0]
    [dial] = read_client_dials(shared_net.client(role))  # type: ignore[arg-type]
    is_file = message in FILES_FROM_CLIENTS
    with client_of(shared_node.address, secret=shared_net.file) as owner:
        address = files_address(shared_node, owner) if is_file else shared_node.address
    actor = "gossiper" if message in TO_GOSSIPERS else "fileserver" if is_file else "router"
    asked = Envelope(Address(f"@{address}", actor), Address("client", ""), ASKED[message], 7)
    with request_dealer(context, dial) as dealer:
        dealer.connect(f"tcp://{address}")
        wait_until("it is connected", lambda: dealer.poll(0, zmq.POLLOUT))
        dealer.send_multipart(encode([asked], ""))
        wait_until("it is answered", lambda: readable(dealer))
        frames = receive(dealer)
    assert frames is not None
    is_refused = (
        b'"code":"not_allowed"' in frames[0] and f"the key {key} may not".encode() in frames[0]
    )
    assert is_refused == (role == "reader" or message in GOVERNS)


def test_every_message_that_writes_is_tried() -> None:
    """The ones above are all."""
    assert ASKED.keys() == WRITES.keys() | GOVERNS.keys()


def test_a_client_does_not_pass_for_a_node(
    shared_net: Secrets, shared_node: Node, context: Context
) -> None:
    """What it says of itself is no proof; that is counted, and not answered."""
    [dial] = read_client_dials(shared_net.client("admin"))
    by, to = Address("00000000000000b2", "router"), Address(shared_node.id, "router")
    with request_dealer(context, dial) as dealer:
        dealer.connect(f"tcp://{shared_node.address}")
        wait_until("it is connected", lambda: dealer.poll(0, zmq.POLLOUT))
        dealer.send_multipart(encode([Envelope(to, by, Observe(1), 7)], by.node))
        wait_until(
            "it is counted", lambda: shared_node._tally.counts.get("message of no node") == 1
        )
        assert not readable(dealer)


def test_a_reader_reads(owner: Client, secured: Node, net: Secrets) -> None:
    """Whatever it asks for that changes nothing."""
    owner.put("k", 1)
    owner.share("mode", "dark")
    owner.upload(Path(__file__).with_name("secured.py"), "a.py.txt")
    with client_of(secured.address, secret=net.client("reader")) as reader:
        assert reader.get("k") == 1
        assert list(reader.list()) == ["k"]
        assert reader.shared() == {"mode": "dark"}
        assert [entry.name for entry in reader.files()] == ["a.py.txt"]
        with reader.open("a.py.txt") as file:
            assert file.read(3) == b'"""'
        assert reader.explain("k").agrees
        assert reader.status().members == 1
        assert reader.status().fingerprint == net.secret.fingerprint
        with pytest.raises(Refused, match="the key reader-17 may not write keys") as refused:
            reader.put("k", 2)
        assert (refused.value.code, refused.value.definite) == ("not_allowed", True)
    assert owner.get("k") == 1


# Who has none.


def test_who_has_no_key_or_another_is_told_so(secured: Node, net: Secrets, tmp_path: Path) -> None:
    """Each in a sentence that says what is wrong; nothing waits for its time-out."""
    other = Secrets(tmp_path, "other")
    with client_of(secured.address) as plain, pytest.raises(Unreachable) as error:
        plain.get("k")
    assert "takes encrypted connections alone: give --secret FILE" in str(error.value)
    for file in (other.file, other.client("admin")):
        stranger = client_of(secured.address, secret=file)
        with stranger as client, pytest.raises(Unreachable) as error:
            client.get("k")
        assert f"another secret than that with fingerprint {other.secret.fingerprint}" in str(
            error.value
        )
    with pytest.raises(BadSecret, match="cannot read the secret"):
        Client(secured.address, secret=tmp_path / "nowhere")


def test_a_client_with_a_secret_sends_nothing_to_a_node_without(
    network: Network, net: Secrets
) -> None:
    """It may be anybody who listens there."""
    plain = network.node("node1")
    plain.wait_ready(DEADLINE_S)
    why = r"has another secret than .*, or none"
    with (
        client_of(plain.address, secret=net.file) as client,
        pytest.raises(Unreachable, match=why),
    ):
        client.put("k", 1)
    wait_until("the node has counted it", lambda: _failed_handshakes(plain))


@pytest.mark.parametrize("which", ["none", "another"])
def test_a_node_without_the_secret_says_what_is_wrong(
    network: Network, secured: Node, net: Secrets, tmp_path: Path, which: str
) -> None:
    """In its log, to its operator, and to who asks it; so does the one that it wants to join."""
    other = Secrets(tmp_path, "other")
    secret = other.file if which == "another" else None
    why = "has another secret" if secret else "takes encrypted connections alone"
    late = network.node("node2", [secured.address], secret=secret)
    wait_until(
        "its log tells", lambda: any(why in r["reason"] for r in logged(late.data, "waiting"))
    )
    with pytest.raises(NotReady, match=why):
        late.wait_ready(0.01)
    with client_of(late.address, secret=secret) as client, pytest.raises(NotReady, match=why):
        client.status()
    wait_until("so does the other's", lambda: _failed_handshakes(secured))
    assert [m.name for m in network.nodes[0]._news.members.values()] == ["node1"]


def test_a_member_that_starts_again_with_another_secret_says_so(
    network: Network, net: Secrets, tmp_path: Path
) -> None:
    """Although it knows its members, and need not join."""
    nodes = network.nodes_that_list_each_other(3, secret=net.file)
    network.stop(nodes[2])
    late = network.node("node3", secret=Secrets(tmp_path, "other").file)
    wait_until(
        "its log tells",
        lambda: any("has another secret" in r["reason"] for r in logged(late.data, "waiting")),
    )
    with pytest.raises(NotReady, match="has another secret"):
        late.wait_ready(0.01)


# Keys that got lost.


def test_a_denied_key_does_nothing_more_by_connections_that_stand(
    network: Network, net: Secrets
) -> None:
    """At every node, of requests and files; what it waits for it is not told either."""
    nodes = network.nodes_that_list_each_other(2, secret=net.file)
    addresses = [n.address for n in nodes]
    owner = Client(addresses[0], timeout=DEADLINE_S, secret=net.file)
    lost = Client(addresses[1], timeout=DEADLINE_S, secret=net.client("writer"))
    other = Client(addresses[1], timeout=DEADLINE_S, secret=net.client("writer", 18))
    with owner, lost, other:
        lost.put("k", 1)
        lost.upload(Path(__file__).with_name("secured.py"), "a.py.txt")
        told: list[object] = []
        watching = threading.Thread(
            target=lambda: told.append(_error(lambda: next(lost.watch("later"))))
        )
        watching.start()
        owner.deny("writer-17")
        wait_until("it is refused", lambda: _is_denied(lambda: lost.put("k", 2)))
        other.put("later", 3)
        watching.join()
        assert "denied" in str(told[0])
        wait_until("files too", lambda: _is_denied(lambda: lost.remove("a.py.txt")))
        assert _is_denied(lambda: lost.get("k"))
        with (
            client_of(addresses[0], secret=net.client("writer")) as again,
            pytest.raises(Refused, match="does not admit this key: it was denied"),
        ):
            again.get("k")
        assert owner.get("later") == 3
        assert owner.denied() == ("writer-17",)
        owner.allow("writer-17")
        wait_until("it is allowed again", lambda: not _is_denied(lambda: lost.get("k")))
        assert owner.denied() == ()


def test_a_key_stays_denied_when_its_nodes_start_again(network: Network, net: Secrets) -> None:
    """From the first moment on."""
    node = network.node("node1", secret=net.file)
    node.wait_ready(DEADLINE_S)
    with client_of(node.address, secret=net.file) as owner:
        owner.deny("reader-17")
    network.stop(node)
    again = network.node("node1", listen=node.address, secret=net.file)
    lost = client_of(again.address, secret=net.client("reader"))
    with lost as client, pytest.raises(Refused, match="it was denied"):
        client.members()


def test_without_a_secret_there_is_nothing_to_deny(network: Network) -> None:
    """That is said."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)
    with client_of(node.address) as client, pytest.raises(Refused, match="has no secret"):
        client.deny("writer-17")


def _error(call: Callable[[], object]) -> object:
    try:
        return call()
    except GossamerError as error:
        return error


def _is_denied(call: Callable[[], object]) -> bool:
    error = _error(call)
    return isinstance(error, Refused) and "denied" in str(error)


def _failed_handshakes(node: Node) -> list[str]:
    """Why some failed. Who hangs up first decides whether more is known than that."""
    return [reason for reason in node._tally.counts if reason.startswith("failed handshake")]
