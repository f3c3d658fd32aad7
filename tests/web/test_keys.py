"""Keys over HTTP: what is put by curl is read by a client, and the other way round."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from nodes.client import Client
from tests.web.gateways import Http

JSON = "application/json"


def test_a_stored_key_is_answered_with_what_it_is_now(http: Http, client: Client) -> None:
    """Its value, its version, a node that has it."""
    answer = http.put_json("/v1/kv/color", "blue")
    told = answer.json()
    assert answer.status == 200
    assert {name: told[name] for name in ("key", "value", "status", "node")} == {
        "key": "color",
        "value": "blue",
        "status": "stored",
        "node": "node1",
    }
    entry = client.entry("color")
    assert (entry.value, entry.version) == ("blue", told["version"])
    assert answer.headers["etag"] == f'"{entry.version}"'


def test_a_query_is_answered_with_the_pair(http: Http, client: Client) -> None:
    """As with the version that a client sees."""
    version = client.put("shape", {"sides": 3})
    told = http("GET", "/v1/kv/shape").json()
    assert told == {
        "key": "shape",
        "value": {"sides": 3},
        "version": version,
        "node": "node1",
        "replicas": ["node1"],
    }


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        (JSON, b'{"a": [1, null]}', {"a": [1, None]}),
        ("application/problem+json; charset=utf-8", b"3", 3),
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=latin-1", "é".encode("latin-1"), "é"),
        ("application/octet-stream", b"{}", b"{}"),
        ("image/png", b"\x89PNG", b"\x89PNG"),
        ("application/x-www-form-urlencoded", b"blue", "blue"),
        ("application/x-www-form-urlencoded", b"5", 5),
        ("", b"raw", b"raw"),
        ("application/octet-stream", b"", b""),
    ],
)
def test_a_body_is_what_its_type_says(
    http: Http, client: Client, kind: str, body: bytes, value: Any
) -> None:
    """What curl sends for want of a type is taken as the command line takes it."""
    headers = {"content_type": kind} if kind else {}
    assert http("PUT", "/v1/kv/typed", body, **headers).status == 200
    assert client.get("typed") == value


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        (JSON, b"{", 400, "bad_value"),
        (JSON, b"", 400, "bad_value"),
        ("text/plain", b"\xff", 400, "bad_value"),
        ("text/plain; charset=none", b"x", 400, "bad_value"),
        ("text/plain; charset=idna", b"\xff", 400, "bad_value"),
        ("text/plain; charset=hex", b"00", 400, "bad_value"),
        ("application/octet-stream", b"x" * (2**20 + 1), 413, "too_large"),
        ("application/octet-stream", b"x" * (4 * 2**20 + 1), 413, "too_large"),
    ],
)
def test_a_body_that_is_no_value_is_refused(
    http: Http, kind: str, body: bytes, status: int, code: str
) -> None:
    """With the code that every client knows."""
    answer = http("PUT", "/v1/kv/refused", body, content_type=kind)
    assert (answer.status, answer.code) == (status, code)
    assert http("GET", "/v1/kv/refused").status == 404


def test_a_value_is_given_alone_to_who_accepts_that(http: Http, client: Client) -> None:
    """Bytes as they are, a text as text, the rest as JSON; or all of it by `raw`."""
    client.put_many({"alone/bytes": b"\0\1", "alone/text": "é", "alone/json": [1]})
    for accept, query in (("application/octet-stream", ""), ("*/*", "?raw"), ("text/plain", "")):
        got = http("GET", f"/v1/kv/alone/bytes{query}", accept=accept)
        assert (got.headers["content-type"], got.body) == ("application/octet-stream", b"\0\1")
        got = http("GET", f"/v1/kv/alone/text{query}", accept=accept)
        assert (got.headers["content-type"], got.body.decode()) == (
            "text/plain; charset=utf-8",
            "é",
        )
        got = http("GET", f"/v1/kv/alone/json{query}", accept=accept)
        assert (got.headers["content-type"], got.json()) == (JSON, [1])
    assert http("GET", "/v1/kv/alone/bytes", accept="*/*").json()["value_base64"] == "AAE="


def test_a_version_that_is_known_is_not_sent_again(http: Http, client: Client) -> None:
    """Until there is another."""
    client.put("seen", 1)
    etag = http("GET", "/v1/kv/seen").headers["etag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = http("GET", "/v1/kv/seen", if_none_match=known)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    client.put("seen", 2)
    assert http("GET", "/v1/kv/seen", if_none_match=etag).json()["value"] == 2


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("header", ["if-match", "if-none-match", "if-unmodified-since"])
def test_a_write_on_a_condition_is_not_done_at_all(http: Http, method: str, header: str) -> None:
    """It says so, rather than to write whatever the condition."""
    http.put_json("/v1/kv/condition", 1)
    answer = http(method, "/v1/kv/condition", b"2", **{header: '"x"'})
    assert (answer.status, answer.code) == (501, "not_implemented")
    assert http("GET", "/v1/kv/condition").json()["value"] == 1


KEYS = ["a/b", "a b", "é", "%", "a?b", "a#b", "..", "a/../b", "\0", "\U0010ffff", "k" * 1_024]


@pytest.mark.parametrize("key", KEYS, ids=[repr(key)[:20] for key in KEYS])
def test_any_key_can_be_in_a_path(http: Http, client: Client, key: str) -> None:
    """Percent-encoded, to the byte; slashes may stand as they are."""
    for path in {quote(key, safe=""), quote(key)}:
        assert http.put_json(f"/v1/kv/{path}", key).json()["key"] == key
        assert client.get(key) == key
        assert http("GET", f"/v1/kv/{path}").json()["value"] == key
        assert http("GET", f"/v1/explain/{path}").json()["key"] == key
        assert http("DELETE", f"/v1/kv/{path}").json() == {"key": key, "status": "deleted"}
    assert http("GET", f"/v1/kv/{quote(key)}").code == "not_found"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/kv/%ff", "bad_key"),
        ("/v1/kv/", "bad_key"),
        (f"/v1/kv/{'k' * 1_025}", "bad_key"),
        ("/v1/explain/%ff", "bad_key"),
        ("/v1/kv/a?r=most", "refused"),
        ("/v1/kv/a?raw=perhaps", "refused"),
        ("/v1/kv?limit=0", "refused"),
        ("/v1/kv?limit=1001", "refused"),
        ("/v1/kv?limit=ten", "refused"),
        ("/v1/kv?values=no", "refused"),
    ],
)
def test_what_cannot_be_meant_is_refused(http: Http, path: str, code: str) -> None:
    """In words, and never as a failure of the gateway."""
    answer = http("GET", path)
    assert (answer.status, answer.code) == (400, code)


def test_levels_and_times_are_in_the_query(http: Http, client: Client) -> None:
    """As the command line has them."""
    assert http.put_json("/v1/kv/short?w=all&ttl=1h", 1).status == 200
    [replica] = client.explain("short").replicas
    assert replica.expires is not None
    assert http("GET", "/v1/kv/short?r=one").json()["value"] == 1
    for query in ("ttl=soon", "ttl=0", "w=two"):
        assert http.put_json(f"/v1/kv/short?{query}", 1).code == "refused"


@pytest.mark.parametrize(
    ("method", "path", "there"),
    [
        ("PUT", "/v1/kv/slip?tll=3s", "w and ttl"),
        ("GET", "/v1/kv/slip?level=all", "r and raw"),
        ("DELETE", "/v1/kv/slip?r=all", "there is w"),
        ("POST", "/v1/kv?prefix=a", "w and ttl"),
        ("GET", "/v1/kv?from=a", "prefix and limit and cursor and values"),
        ("PUT", "/v1/files/slip.txt?ttl=3s", "there is none"),
        ("GET", "/v1/files?values=false", "prefix and limit and cursor"),
        ("GET", "/v1/status?raw", "there is none"),
        ("GET", "/v1/events?since=1", "prefix and traffic and after"),
    ],
)
def test_what_the_query_has_for_nothing_is_refused(
    http: Http, method: str, path: str, there: str
) -> None:
    """A slip is not passed over: what was to go by itself would be there for ever."""
    answer = http(method, path, b"x" if method in ("PUT", "POST") else None)
    assert (answer.status, answer.code) == (400, "refused")
    assert there in answer.json()["detail"]
    assert http("GET", "/v1/kv/slip").status == 404


def test_a_pair_may_be_posted(http: Http, client: Client) -> None:
    """Of JSON, or of bytes in base64."""
    posted = http("POST", "/v1/kv", b'{"key": "posted", "value": null}')
    assert posted.json()["status"] == "stored"
    assert client.get("posted") is None
    http("POST", "/v1/kv", b'{"key": "posted", "value_base64": "AAE="}')
    assert client.get("posted") == b"\0\1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"value": 1}',
        b'{"key": 1, "value": 1}',
        b'{"key": "a"}',
        b'{"key": "a", "value": 1, "value_base64": ""}',
        b'{"key": "a", "value_base64": "?"}',
        b'{"key": "a", "value_base64": 1}',
        b'{"key": "a", "value": 1, "more": 2}',
    ],
)
def test_what_is_no_pair_is_refused(http: Http, body: bytes) -> None:
    """Nothing of it is stored."""
    assert http("POST", "/v1/kv", body).code == "bad_value"


def test_keys_are_listed_in_pages_with_their_values(http: Http, client: Client) -> None:
    """Or without them; a page ends early where they are large."""
    pairs = {f"listed/{n:02}": n for n in range(7)}
    client.put_many(pairs)
    found: dict[str, int] = {}
    cursor = ""
    while cursor is not None:
        page = http("GET", f"/v1/kv?prefix=listed/&limit=3&cursor={quote(cursor)}").json()
        assert len(page["items"]) <= 3
        found |= {item["key"]: item["value"] for item in page["items"]}
        cursor = page["cursor"]
    assert found == pairs
    bare = http("GET", "/v1/kv?prefix=listed/&values=false").json()
    assert bare == {"items": [{"key": key} for key in pairs], "cursor": None}
    client.put_many({f"large/{n:02}": b"x" * 500_000 for n in range(20)})
    first = http("GET", "/v1/kv?prefix=large/").json()
    assert 0 < len(first["items"]) < 20
    assert first["cursor"] == first["items"][-1]["key"]


def test_a_head_has_no_body(http: Http, client: Client) -> None:
    """And the headers of the answer to a GET."""
    client.put("head", "x" * 1_000)
    got, head = http("GET", "/v1/kv/head"), http("HEAD", "/v1/kv/head")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]
    assert http("HEAD", "/v1/kv/none").status == 404


def test_to_delete_what_is_not_there_is_done(http: Http) -> None:
    """As everywhere."""
    assert http("DELETE", "/v1/kv/never").json() == {"key": "never", "status": "deleted"}
