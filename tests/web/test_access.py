"""Who may do what by HTTP: a token may what its key may, and a browser only what its user wants."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from actors.roles import OWNER, Role
from nodes.client import Client
from nodes.node import Node
from nodes.web.tokens import Tokens, tokens_of
from tests.networks import client_of, wait_until
from tests.nodes.secured import Secrets
from tests.web.gateways import GatewayProcess, Http


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    """A network's secret, and keys made of it."""
    return Secrets(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="module")
def node(secrets: Secrets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """An encrypted network of one."""
    folder = tmp_path_factory.mktemp("shared")
    with Node(folder / "n", listen="127.0.0.1:0", name="node1", secret=secrets.file) as node:
        yield node


@pytest.fixture(scope="module")
def gateway(
    node: Node, secrets: Secrets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """One that wants tokens."""
    folder = tmp_path_factory.mktemp("gateway")
    options = ("--secret", str(secrets.file), "--token-needed")
    with GatewayProcess(folder, [node.address], *options) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def client(node: Node, secrets: Secrets) -> Iterator[Client]:
    """An admin who sees the same network."""
    with client_of(node.address, secret=secrets.file) as client:
        yield client


def bearer(file: Path) -> dict[str, str]:
    """The header for who has this file."""
    return {"authorization": f"Bearer {next(iter(tokens_of(file).values()))}"}


def as_role(gateway: GatewayProcess, secrets: Secrets, role: Role, number: int = 17) -> Http:
    """Asks with the token of such a key."""
    return Http(gateway.address, bearer(secrets.client(role, number)))


def test_without_a_token_nothing_is_told(gateway: GatewayProcess, secrets: Secrets) -> None:
    """But whether the gateway is there, what it can, and the page that asks for the token."""
    http = gateway.http
    for path in ("/v1/kv/a", "/v1/kv", "/v1/files", "/v1/members", "/v1/events", "/metrics"):
        answer = http("GET", path)
        assert (answer.status, answer.code) == (401, "no_token")
        assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/", "/livez", "/readyz", "/openapi.json"):
        assert http("GET", path).status == 200


@pytest.mark.parametrize(
    "token",
    ["x", "gossamer-reader-17-" + "0" * 64, "gossamer-admin-0-" + "0" * 64, "gossamer-node-1-"],
)
def test_a_wrong_token_gets_nowhere(gateway: GatewayProcess, token: str) -> None:
    """Whatever it looks like."""
    for authorization in (f"Bearer {token}", f"Basic {token}", token):
        assert gateway.http("GET", "/v1/kv", authorization=authorization).status == 401
    assert gateway.http("GET", "/v1/kv", cookie=f"gossamer_token={token}").status == 401


def test_a_token_may_what_its_key_may(gateway: GatewayProcess, secrets: Secrets) -> None:
    """The nodes say so, and it is told in words."""
    reader, writer = as_role(gateway, secrets, "reader"), as_role(gateway, secrets, "writer")
    assert writer.put_json("/v1/kv/a", 1).status == 200
    assert reader("GET", "/v1/kv/a").json()["value"] == 1
    refused = reader.put_json("/v1/kv/a", 2)
    assert (refused.status, refused.code) == (403, "not_allowed")
    assert "reader-17 may not write keys" in refused.json()["detail"]
    assert reader("PUT", "/v1/files/a.txt", b"x").code == "not_allowed"
    assert writer("PUT", "/v1/files/a.txt", b"x").status == 200
    assert reader("GET", "/v1/files/a.txt").body == b"x"
    assert Http(gateway.address, bearer(secrets.file)).put_json("/v1/kv/a", 3).status == 200


def test_what_one_may_not_does_not_disturb_what_else_it_asks(
    gateway: GatewayProcess, secrets: Secrets, client: Client
) -> None:
    """Its reads go on while its writes are refused."""
    client.put("both", 1)
    reader = as_role(gateway, secrets, "reader")

    def ask(n: int) -> int:
        return (reader.put_json("/v1/kv/both", n) if n % 2 else reader("GET", "/v1/kv/both")).status

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(80))) == [200, 403] * 40


def test_all_who_ask_with_a_denied_key_are_told_so(
    node: Node, secrets: Secrets, client: Client, tmp_path: Path
) -> None:
    """However many do at once, while the gateway looks whether it is allowed again."""
    key = secrets.client("writer", 76)
    client.deny("writer-76")
    with GatewayProcess(tmp_path, [node.address], "--secret", str(key)) as gateway:
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda n: gateway.http.put_json("/v1/kv/x", n), range(60)))
        assert {(answer.status, answer.code) for answer in told} == {(403, "not_allowed")}


def test_the_token_of_a_denied_key_is_refused_until_it_is_allowed(
    gateway: GatewayProcess, secrets: Secrets, client: Client
) -> None:
    """At once, and the gateway need not be told."""
    lost = as_role(gateway, secrets, "writer", 99)
    assert lost.put_json("/v1/kv/b", 1).status == 200
    client.deny("writer-99")
    wait_until("it is refused", lambda: lost.put_json("/v1/kv/b", 2).status == 403)
    client.allow("writer-99")
    wait_until("it is taken again", lambda: lost.put_json("/v1/kv/b", 3).status == 200)


@pytest.mark.parametrize("with_token", [False, True])
def test_who_was_turned_away_while_denied_is_let_in_when_allowed(
    node: Node, secrets: Secrets, client: Client, tmp_path: Path, with_token: bool
) -> None:
    """Nodes do not even connect with a denied key: nobody has to start the gateway again."""
    key = secrets.client("writer", 78 if with_token else 77)
    client.deny("writer-78" if with_token else "writer-77")
    own = secrets.file if with_token else key
    with GatewayProcess(tmp_path, [node.address], "--secret", str(own)) as gateway:
        http = Http(gateway.address, bearer(key) if with_token else {})
        refused = http.put_json("/v1/kv/own", 1)
        assert (refused.status, refused.code) == (403, "not_allowed")
        client.allow("writer-78" if with_token else "writer-77")
        wait_until("it is let in", lambda: http.put_json("/v1/kv/own", 2).status == 200)


def test_a_token_tells_nothing_of_its_key(secrets: Secrets) -> None:
    """It follows from it by a function that cannot be turned round, and is another for each."""
    made = [next(iter(tokens_of(secrets.client("reader", n)).values())) for n in (1, 2)]
    made += [*tokens_of(secrets.client("writer", 1)).values(), *tokens_of(secrets.file).values()]
    assert len(set(made)) == 4
    for n in (1, 2):
        for line in secrets.client("reader", n).read_text().splitlines()[1:]:
            assert not any(word in token for word in line.split()[3:] for token in made)


def test_who_has_the_secret_knows_every_token_and_a_client_its_own(secrets: Secrets) -> None:
    """So a gateway that was given a client's key lets in who has that, and nobody else."""
    from nodes.secret_file import read_held

    all_of_them, own = Tokens([secrets.secret]), Tokens(read_held(secrets.client("reader", 1)))
    token, other = (next(iter(tokens_of(secrets.client("reader", n)).values())) for n in (1, 2))
    [owner] = tokens_of(secrets.file).values()
    assert [t.dials(token)[0] for t in (all_of_them, own)] == ["reader-1"] * 2  # type: ignore[index]
    assert all_of_them.dials(owner)[0] == OWNER  # type: ignore[index]
    assert own.dials(other) is own.dials(owner) is None


def test_why_a_token_is_refused_is_told_as_far_as_it_is_known(
    node: Node, secrets: Secrets, tmp_path: Path
) -> None:
    """A gateway with a client's key cannot tell whether another's token is one of the network."""
    own, other = secrets.client("writer", 3), secrets.client("reader", 3)
    with GatewayProcess(tmp_path, [node.address], "--secret", str(own)) as gateway:
        assert Http(gateway.address, bearer(own))("GET", "/v1/kv").status == 200
        refused = Http(gateway.address, bearer(other))("GET", "/v1/kv")
    assert (refused.status, refused.code) == (401, "no_token")
    assert "not the token of the one key that this gateway was given" in refused.json()["detail"]
    with GatewayProcess(tmp_path, [node.address]) as gateway:
        refused = Http(gateway.address, bearer(own))("GET", "/v1/kv")
    assert "was given no secret" in refused.json()["detail"]


def test_a_browser_logs_in_by_a_cookie_that_no_script_sees(
    gateway: GatewayProcess, secrets: Secrets
) -> None:
    """It is sent to this gateway alone, and for its own pages alone."""
    http = gateway.http
    token = next(iter(tokens_of(secrets.client("writer")).values()))
    login = http("POST", "/login", f'{{"token": "{token}"}}')
    cookie = login.headers["set-cookie"]
    assert (login.status, "HttpOnly" in cookie, "SameSite=strict" in cookie) == (204, True, True)
    browser = Http(gateway.address, {"cookie": cookie.partition(";")[0]})
    assert browser.put_json("/v1/kv/c", 1).status == 200
    logout = browser("POST", "/logout")
    assert "gossamer_token=" in logout.headers["set-cookie"]
    assert "Max-Age=0" in logout.headers["set-cookie"]
    for body in (b"", b"{}", b'{"token": 1}', b'{"token": "x"}', b"[" * 5_000):
        assert http("POST", "/login", body).status in (400, 401, 413)


def test_a_page_of_another_origin_may_not_write(gateway: GatewayProcess, secrets: Secrets) -> None:
    """With whatever cookie the browser has; the gateway's own page may."""
    http = as_role(gateway, secrets, "writer")
    for origin in ("http://evil.example", "null", "http://[x", f"http://{gateway.address}1"):
        for method, path in (("PUT", "/v1/kv/d"), ("DELETE", "/v1/kv/d"), ("POST", "/login")):
            answer = http(method, path, b"1", origin=origin)
            assert (answer.status, answer.code) == (403, "cross_origin")
    assert http("PUT", "/v1/kv/d", b"1", origin=f"http://{gateway.address}").status == 200


def test_a_name_that_was_bent_to_this_machine_is_refused(tmp_path: Path, node: Node) -> None:
    """Without tokens a browser could be made to ask for a page of its own: the name tells."""
    options = ("--allow-host", "ring.home", "--timeout", "1")
    with GatewayProcess(tmp_path, ["127.0.0.1:1"], *options) as gateway:
        http = gateway.http
        for host in ("evil.example", "evil.example:8080", "10.0.0.1", "[x"):
            answer = http("GET", "/v1/kv/a", host=host)
            assert (answer.status, answer.code) == (421, "wrong_host")
        for host in ("localhost:1", "127.0.0.1", "[::1]:80", "ring.home"):
            assert http("GET", "/v1/kv/a", host=host).code == "unreachable"
