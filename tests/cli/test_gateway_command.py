"""gateway and token: what they are given, and what they refuse, in a sentence each."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result

from nodes.cli import main
from nodes.secret_file import new_client_keys, write_client_keys
from nodes.web.tokens import tokens_of
from tests.networks import DEADLINE_S
from tests.nodes.secured import Secrets
from tests.web.gateways import GatewayProcess


def gossamer(*arguments: str, **env: str) -> Result:
    """What a command line comes to."""
    return CliRunner(env=env).invoke(main, arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "0.0.0.0:0"], "0.0.0.0 can be reached from other machines"),
        (["--listen", "[::]:0"], ":: can be reached from other machines"),
        (["--token-needed"], "tokens are made of keys"),
        (["--insecure", "--token-needed"], "contradict each other"),
        (["--tls-cert", "a.pem"], "--tls-cert and --tls-key go together"),
        (["--listen", "nonsense:port"], "has no port"),
        (["--endpoint", "a b"], "is not host:port"),
        (["--timeout", "0"], "is not between"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments: list[str], said: str) -> None:
    """Nothing is opened to strangers by mistake."""
    result = gossamer("gateway", *arguments)
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (2, True), result.stderr


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    """With status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = gossamer("gateway", "--listen", address)
    assert result.exit_code == 1
    assert result.stderr == f"gossamer: cannot listen on {address}: Address already in use\n"


def test_a_certificate_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Whichever of the two files it is."""
    for name in ("cert", "key"):
        (tmp_path / name).write_text("nonsense")
    files = ("--tls-cert", str(tmp_path / "cert"), "--tls-key", str(tmp_path / "key"))
    result = gossamer("gateway", "--listen", "127.0.0.1:0", *files)
    assert result.exit_code == 1
    assert result.stderr.startswith(
        f"gossamer: cannot use the certificate {tmp_path}/cert with the key {tmp_path}/key: "
    )
    for name in ("cert", "key"):
        (tmp_path / name).unlink()
        result = gossamer("gateway", "--listen", "127.0.0.1:0", *files)
        assert result.exit_code == 1
        why = f"gossamer: cannot read {tmp_path}/{name}: No such file or directory\n"
        assert result.stderr == why
        (tmp_path / name).write_text("nonsense")


def test_a_secret_that_may_not_be_used_is_refused(tmp_path: Path) -> None:
    """As by every command."""
    secrets = Secrets(tmp_path)
    secrets.file.chmod(0o644)
    for command in (["gateway", "--listen", "127.0.0.1:0"], ["token"]):
        result = gossamer(*command, "--secret", str(secrets.file))
        assert (result.exit_code, "is open to others" in result.stderr) == (6, True)


def test_tokens_that_travel_in_the_clear_are_warned_of(tmp_path: Path) -> None:
    """Once, where they leave this machine."""
    options = ("--secret", str(Secrets(tmp_path).file), "--token-needed")
    for listen, count in (("0.0.0.0:0", 1), ("127.0.0.1:0", 0)):
        with GatewayProcess(tmp_path, ["127.0.0.1:1"], *options, listen=listen) as gateway:
            assert gateway.said().count("not_encrypted") == count


def test_the_token_of_a_key_is_printed(tmp_path: Path) -> None:
    """By --json too, with the fingerprint of the secret that it comes of."""
    secrets = Secrets(tmp_path)
    key = secrets.client("reader", 5)
    printed = gossamer("token", "--secret", str(key))
    assert (printed.stdout, printed.stderr) == (f"{next(iter(tokens_of(key).values()))}\n", "")
    told = gossamer("token", "--json", GOSSAMER_SECRET_FILE=str(key)).stdout
    of = secrets.secret.fingerprint
    assert told == f'{{"token":"{next(iter(tokens_of(key).values()))}","fingerprint":"{of}"}}\n'
    nothing = gossamer("token")
    assert (nothing.exit_code, "name the file with the key" in nothing.stderr) == (2, True)


def test_each_line_has_a_token(tmp_path: Path) -> None:
    """In their order, while there are two secrets; one can be had by itself."""
    former, new = Secrets(tmp_path), Secrets(tmp_path, "new")
    both = tmp_path / "both"
    write_client_keys(both, new_client_keys([former.secret, new.secret], "writer", 17))
    each = [next(iter(tokens_of(made.client("writer")).values())) for made in (former, new)]
    fingerprints = [made.secret.fingerprint for made in (former, new)]
    printed = gossamer("token", "--secret", str(both))
    assert printed.stdout.splitlines() == each
    assert (
        f"2 tokens, in the same order, of secrets with the fingerprints {', '.join(fingerprints)}"
        in (printed.stderr)
    )
    told = gossamer("token", "--secret", str(both), "--json")
    assert [json.loads(line) for line in told.stdout.splitlines()] == [
        {"token": token, "fingerprint": of} for token, of in zip(each, fingerprints, strict=True)
    ]
    for token, of in zip(each, fingerprints, strict=True):
        one = gossamer("token", "--secret", str(both), "--fingerprint", of)
        assert (one.stdout, one.stderr) == (f"{token}\n", "")
    none = gossamer("token", "--secret", str(both), "--fingerprint", "0" * 16)
    assert none.exit_code == 6
    assert all(of in none.stderr for of in fingerprints)


def test_a_gateway_speaks_https_with_a_certificate(tmp_path: Path) -> None:
    """Its address says so."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    make += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*make, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=DEADLINE_S
    )
    options = ("--tls-cert", str(cert), "--tls-key", str(key))
    with GatewayProcess(tmp_path, ["127.0.0.1:1"], *options) as gateway:
        assert f"url=https://{gateway.address}/" in gateway.said()
        trusted = ssl.create_default_context(cafile=str(cert))
        with urlopen(f"https://{gateway.address}/livez", context=trusted) as answer:
            assert answer.status == 200


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """In a sentence; all other commands do without."""
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError('uvicorn')")
    command = [sys.executable, "-m", "nodes.cli", "gateway"]
    ended = subprocess.run(
        command,
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "gossamer: the gateway needs more than was installed: pip install 'gossamer[http]'\n"
    )
