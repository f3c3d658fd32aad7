"""Files over HTTP: whole, in ranges, in forms and as bodies, in constant memory."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from starlette.requests import Request
from starlette.types import Message

from nodes.client import Client
from nodes.web import forms
from tests.networks import DEADLINE_S, wait_until
from tests.web.gateways import GatewayProcess, Http

TEXT = b"0123456789"
BOUNDARY = "a boundary"
FORM = f'multipart/form-data; boundary="{BOUNDARY}"'


def form(*parts: tuple[str, bytes], end: str = "--") -> bytes:
    """A form with these parts, each what its Content-Disposition says more, and its bytes."""
    lines = [
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {told}\r\n\r\n".encode() + data + b"\r\n"
        for told, data in parts
    ]
    return b"".join(lines) + f"--{BOUNDARY}{end}\r\n".encode()


def large() -> Iterator[bytes]:
    """100 MiB of text, in pieces."""
    for n in range(1_600):
        yield (b"%08d " % n) * 7_282


def test_an_upload_is_answered_with_what_it_is_now(http: Http, client: Client) -> None:
    """From a form, as a browser or curl -F sends it."""
    body = form(('name="note"', b"?"), ('name="file"; filename="mydoc.txt"', TEXT))
    told = http("POST", "/v1/files", body, content_type=FORM).json()
    assert (told["filename"], told["status"], told["size_bytes"]) == ("mydoc.txt", "uploaded", 10)
    assert told["sha256"] == hashlib.sha256(TEXT).hexdigest()
    with client.open("mydoc.txt") as file:
        assert file.read() == TEXT


def test_a_body_is_a_file_under_the_name_in_the_path(http: Http, client: Client) -> None:
    """Whatever its type is said to be: that is judged by its bytes."""
    put = http("PUT", "/v1/files/f%C3%BC%C3%9Fe.txt", TEXT, content_type="image/png")
    assert put.json()["type"] == "text/plain; charset=utf-8"
    with client.open("füße.txt") as file:
        assert file.read() == TEXT


def test_a_download_is_something_to_keep_and_never_a_page(http: Http) -> None:
    """Nobody's upload runs in a browser under the gateway's name."""
    http("PUT", "/v1/files/p%C3%A4ge.txt", b"a page of text")
    got = http("GET", "/v1/files/p%C3%A4ge.txt")
    assert got.headers["content-disposition"].startswith("attachment; ")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert got.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("müller brief.txt", "muller brief.txt"),
        ("mydoc.txt", "mydoc.txt"),
        ("100% å.txt", "100_ a.txt"),
        ("日本.txt", "__.txt"),
    ],
)
def test_a_download_has_a_name_for_who_reads_ascii_alone(http: Http, name: str, plain: str) -> None:
    """As curl does; who can takes the name as it is (RFC 6266, appendix D)."""
    http("PUT", f"/v1/files/{quote(name)}", TEXT)
    told = http("GET", f"/v1/files/{quote(name)}").headers["content-disposition"]
    whole = quote(name, safe="")
    assert told == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"
    http("DELETE", f"/v1/files/{quote(name)}")


@pytest.mark.parametrize(
    ("asked", "status", "body", "told"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-4", 206, b"6789", "bytes 6-9/10"),
        ("bytes=-40", 206, TEXT, "bytes 0-9/10"),
        ("bytes=5-500", 206, b"56789", "bytes 5-9/10"),
        ("bytes=9-9", 206, b"9", "bytes 9-9/10"),
        ("bytes=0-1,3-4", 200, TEXT, None),
        ("lines=0-1", 200, TEXT, None),
        ("bytes=x-y", 200, TEXT, None),
        ("bytes=4-2", 200, TEXT, None),
    ],
)
def test_a_range_is_what_is_asked_for(
    http: Http, asked: str, status: int, body: bytes, told: str | None
) -> None:
    """What is none, or several, means the whole."""
    http("PUT", "/v1/files/ranges.txt", TEXT)
    got = http("GET", "/v1/files/ranges.txt", range=asked)
    assert (got.status, got.body, got.headers.get("content-range")) == (status, body, told)
    head = http("HEAD", "/v1/files/ranges.txt", range=asked)
    assert (head.status, head.body) == (status, b"")
    assert head.headers["content-length"] == str(len(body))


def test_a_range_that_is_not_there_is_refused_with_the_size(http: Http) -> None:
    """So who asks can ask better."""
    http("PUT", "/v1/files/ranges.txt", TEXT)
    got = http("GET", "/v1/files/ranges.txt", range="bytes=10-")
    assert (got.status, got.code) == (416, "no_such_range")
    assert got.headers["content-range"] == "bytes */10"


def test_a_range_of_another_version_is_the_whole_of_this_one(http: Http) -> None:
    """If-Range has the ETag of what the rest is wanted of."""
    etag = http("PUT", "/v1/files/ranges.txt", TEXT).headers["etag"]
    asked = {"range": "bytes=5-"}
    assert http("GET", "/v1/files/ranges.txt", if_range=etag, **asked).body == b"56789"
    assert http("GET", "/v1/files/ranges.txt", if_range='"other"', **asked).body == TEXT
    again = http("GET", "/v1/files/ranges.txt", if_none_match=etag)
    assert (again.status, again.body) == (304, b"")


def test_large_files_take_little_memory_both_ways(
    http: Http, gateway: GatewayProcess, client: Client
) -> None:
    """In pieces of unknown number, and in ranges that cross them."""
    before = resident_bytes(gateway.pid)
    put = http("PUT", "/v1/files/large.txt", large())
    whole = b"".join(large())
    assert put.json()["sha256"] == hashlib.sha256(whole).hexdigest()
    assert http("GET", "/v1/files/large.txt").body == whole
    part = http("GET", "/v1/files/large.txt", range=f"bytes={2**20 - 3}-{5 * 2**20}")
    assert part.body == whole[2**20 - 3 : 5 * 2**20 + 1]
    assert resident_bytes(gateway.pid) - before < 64 * 2**20
    client.remove("large.txt")


def resident_bytes(pid: int) -> int:
    """The most memory that a process has had in use."""
    with open(f"/proc/{pid}/status") as status:
        [line] = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1_024


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("run.exe", b"MZ", 415, "bad_type"),
        ("a.pdf", b"no pdf", 415, "bad_type"),
        ("a|b.txt", b"", 400, "bad_name"),
        ("a/b.txt", b"", 400, "bad_name"),
        ("..", b"", 400, "bad_name"),
        ("", b"", 400, "bad_name"),
        ("n" * 256 + ".txt", b"", 400, "bad_name"),
    ],
)
def test_a_file_that_is_not_admitted_is_refused(
    http: Http, name: str, body: bytes, status: int, code: str
) -> None:
    """By its name, or by its content."""
    answer = http("PUT", f"/v1/files/{quote(name, safe='')}", body)
    assert (answer.status, answer.code) == (status, code)
    if name:
        told = form((f'name="file"; filename="{name}"', body))
        assert http("POST", "/v1/files", told, content_type=FORM).code == code


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "", 415, "no_form"),
        (b"", "multipart/form-data", 415, "no_form"),
        (b"", FORM, 400, "bad_form"),
        (b"nothing", FORM, 400, "bad_form"),
        (form(), FORM, 400, "bad_form"),
        (form(('name="file"', b"a text")), FORM, 400, "bad_form"),
        (form(('name="other"; filename="a.txt"', b"")), FORM, 400, "bad_form"),
        (form(('name="file"; filename="a.txt"', b"x"), end=""), FORM, 400, "bad_form"),
        (form(*[('name="file"; filename="a.txt"', b"x")] * 2), FORM, 400, "bad_form"),
        (
            form(*[('name="file"; filename="a.txt"', b"x" * n) for n in (1, 2**20)]),
            FORM,
            400,
            "bad_form",
        ),
        (form(('name="big"', b"x" * 100_000)), FORM, 413, "too_large"),
    ],
)
def test_what_is_no_form_with_one_file_is_refused(
    http: Http, client: Client, body: bytes, kind: str, status: int, code: str
) -> None:
    """Nothing of it is kept."""
    answer = http("POST", "/v1/files", body, **({"content_type": kind} if kind else {}))
    assert (answer.status, answer.code) == (status, code)
    assert [entry.name for entry in client.files("a.txt")] == []


def test_a_form_is_taken_apart_however_much_of_it_comes_at_once() -> None:
    """What bounds a field bounds no file, of which a busy gateway finds much waiting."""
    data = b"x" * (4 * forms.MAX_FIELD_BYTES)
    body = form(('name="note"', b"?"), ('name="file"; filename="a.txt"', data))
    headers = [(b"content-type", FORM.encode())]

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def read() -> tuple[str, bytes]:
        scope = {"type": "http", "method": "POST", "headers": headers}
        name, parts = await forms.file_in_form(Request(scope, receive))
        return name, b"".join([part async for part in parts])

    assert asyncio.run(read()) == ("a.txt", data)


def test_an_upload_that_ends_too_early_is_no_file(
    http: Http, gateway: GatewayProcess, client: Client
) -> None:
    """Its sender has gone: there is nothing of that name, and the gateway goes on."""
    host, port = gateway.address.split(":")
    with socket.create_connection((host, int(port)), DEADLINE_S) as sender:
        head = (
            b"PUT /v1/files/cut.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n"
        )
        sender.sendall(head + b"x" * 2_000_000)
    counted = 'gossamer_gateway_requests_total{operation="put_file",status="499"} 1.0'
    wait_until("it is given up", lambda: counted in http("GET", "/metrics").body.decode())
    assert [entry.name for entry in client.files("cut")] == []


def test_a_download_that_is_abandoned_ends(http: Http, gateway: GatewayProcess) -> None:
    """What was being fetched for it is given up."""
    http("PUT", "/v1/files/left.txt", large())
    host, port = gateway.address.split(":")
    with socket.create_connection((host, int(port)), DEADLINE_S) as reader:
        reader.sendall(b"GET /v1/files/left.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert reader.recv(1_000).startswith(b"HTTP/1.1 200")
    idle = "gossamer_gateway_requests_in_progress 1.0"
    wait_until("nothing is under way", lambda: idle in http("GET", "/metrics").body.decode())
    http("DELETE", "/v1/files/left.txt")


def test_files_are_listed_in_pages_and_removed(http: Http) -> None:
    """To remove what is not there is done, too."""
    names = [f"page{n}.txt" for n in range(5)]
    for name in names:
        http("PUT", f"/v1/files/{name}", TEXT)
    first = http("GET", "/v1/files?prefix=page&limit=3").json()
    rest = http("GET", f"/v1/files?prefix=page&cursor={first['cursor']}").json()
    assert [item["filename"] for item in first["items"] + rest["items"]][:5] == names
    assert rest["cursor"] is None
    for name in [*names, "none.txt"]:
        assert http("DELETE", f"/v1/files/{name}").json()["status"] == "removed"
    missing = http("GET", "/v1/files/page0.txt")
    assert (missing.status, missing.code) == (404, "file_missing")
