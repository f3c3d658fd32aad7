"""Files with secrets: for their owner alone, never overwritten, and refused in one sentence."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from actors.errors import Refused
from nodes.keys import NodeKeys
from nodes.secret_file import (
    BadSecret,
    new_client_keys,
    new_secret,
    read_client_dials,
    read_node_keys,
    secret_line,
    write_client_keys,
    write_secret,
)
from tests.nodes.secured import Secrets, several

SECRET_LINE = "gossamer-secret-1 " + "ab" * 32 + " e6224e60"
CLIENT_LINE = f"gossamer-client-1 reader 7 {'cd' * 32} {'ef' * 32} 651d2298"


def written(tmp_path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    """A file with this in it."""
    file = tmp_path / "file"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(mode)
    return file


def test_a_secret_is_read_as_it_was_written(tmp_path: Path) -> None:
    """By a node, and by a client that has it."""
    net = Secrets(tmp_path)
    assert read_node_keys(net.file).secrets[0].secret == net.secret.secret
    assert read_client_dials(str(net.file)) == (net.secret.dial("admin-0"),)


def test_a_clients_key_is_read_as_it_was_written(tmp_path: Path) -> None:
    """It has nothing in it that would make more of it."""
    net = Secrets(tmp_path)
    file = net.client("writer", 17)
    assert read_client_dials(file) == (net.secret.dial("writer-17"),)
    assert net.secret.secret.hex() not in file.read_text()


def test_two_secrets_are_different() -> None:
    """Each is drawn anew."""
    assert new_secret().secret != new_secret().secret


def test_a_number_is_drawn_where_none_is_given() -> None:
    """The same one with each secret of a file."""
    numbers = set()
    for _ in range(40):
        first, second = new_client_keys([new_secret(), new_secret()], "reader")
        assert first.number == second.number
        numbers.add(first.number)
    assert len(numbers) > 30
    assert all(1 <= number <= 4_096 for number in numbers)


@pytest.mark.parametrize("mask", [0, 0o077, 0o777])
def test_a_file_is_made_for_its_owner_alone(tmp_path: Path, mask: int) -> None:
    """Whatever the umask is."""
    before = os.umask(mask)
    try:
        net = Secrets(tmp_path)
        files = [net.file, net.client("reader")]
    finally:
        os.umask(before)
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]


def test_a_secret_is_not_overwritten(tmp_path: Path) -> None:
    """Neither by another nor by a client's key, nor is a link followed."""
    file = tmp_path / "s"
    write_secret(file, new_secret())
    before = file.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (file, tmp_path / "link"):
        with pytest.raises(BadSecret, match="is there already"):
            write_secret(path, new_secret())
        with pytest.raises(BadSecret, match="is there already"):
            write_client_keys(path, new_client_keys([new_secret()], "reader"))
    assert file.read_bytes() == before
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """And that a file is not."""
    with pytest.raises(BadSecret, match="No such file"):
        write_secret(tmp_path / "no" / "s", new_secret())
    with pytest.raises(BadSecret, match=r"cannot read the secret in .*: No such file"):
        read_node_keys(tmp_path / "no")
    with pytest.raises(BadSecret, match="Is a directory"):
        read_client_dials(tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o602, 0o610, 0o666, 0o777, 0o440])
@pytest.mark.parametrize("line", [SECRET_LINE, CLIENT_LINE])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int, line: str) -> None:
    """With the command that mends it."""
    file = written(tmp_path, line, mode)
    with pytest.raises(BadSecret, match=f"mode {mode:04o}: chmod 600 {file}"):
        read_client_dials(file)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_that_only_its_owner_may_use_is_read(tmp_path: Path, mode: int) -> None:
    """However little that is."""
    assert read_client_dials(written(tmp_path, SECRET_LINE, mode))


def test_empty_lines_and_comments_mean_nothing(tmp_path: Path) -> None:
    """Nor do spaces around a line, nor how it ends."""
    file = written(tmp_path, f"\n# ours\r\n  {SECRET_LINE}\t\r\n\n#gossamer-secret-1 x")
    assert [s.secret.hex() for s in read_node_keys(file).secrets] == ["ab" * 32]


def test_a_file_may_have_several_secrets(tmp_path: Path) -> None:
    """While a network changes them; they keep their order."""
    secrets = [new_secret() for _ in range(4)]
    keys = read_node_keys(several(tmp_path / "s", secrets))
    assert [s.fingerprint for s in keys.secrets] == [s.fingerprint for s in secrets]
    assert isinstance(keys, NodeKeys)


WRONG: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "has 0 secrets"),
    "comments alone": ("# one\n", "has 0 secrets"),
    "too many": ("\n".join(map(secret_line, [new_secret() for _ in range(5)])), "has 5 secrets"),
    "one twice": (f"{SECRET_LINE}\n{SECRET_LINE}", "has a secret, or keys of one, twice"),
    "both kinds": (f"{SECRET_LINE}\n{CLIENT_LINE}", "both a secret and a client's key"),
    "cut short": (SECRET_LINE[:-1], "line 1: this was changed"),
    "too long": (f"# ours\n{SECRET_LINE}0", "line 2: this was changed"),
    "damaged": (SECRET_LINE.replace("abab", "abac", 1), "line 1: this was changed"),
    "with another role": (CLIENT_LINE.replace("reader", "admin"), "line 1: this was changed"),
    "with another number": (CLIENT_LINE.replace(" 7 ", " 8 "), "line 1: this was changed"),
    "without its check": (SECRET_LINE[:-9], "no secret of Gossamer"),
    "no hex": (SECRET_LINE.replace("ab", "xy"), "no secret of Gossamer"),
    "capitals": (SECRET_LINE.upper(), "no secret of Gossamer"),
    "of the future": (SECRET_LINE.replace("-1 ", "-2 "), "no secret of Gossamer"),
    "another role": (CLIENT_LINE.replace("reader", "root"), "no secret of Gossamer"),
    "a node's": (CLIENT_LINE.replace("reader", "node"), "no secret of Gossamer"),
    "a number too high": (CLIENT_LINE.replace(" 7 ", " 4097 "), "line 1: this was changed"),
    "number zero": (CLIENT_LINE.replace(" 7 ", " 0 "), "no secret of Gossamer"),
    "binary": (b"\xff\x00\xfe" * 30, "no secret of Gossamer"),
    "large": (SECRET_LINE + "\n" + "x" * 10_000_000, "no secret of Gossamer"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_secret_is_refused(tmp_path: Path, name: str) -> None:
    """In a sentence that names the file and shows nothing of what is in it."""
    text, reason = WRONG[name]
    file = written(tmp_path, text)
    for read in (read_node_keys, read_client_dials):
        with pytest.raises(BadSecret, match=reason) as refused:
            read(file)
        assert str(file) in str(refused.value)
        assert "ab" * 32 not in str(refused.value)
        assert len(str(refused.value)) < 300
        assert isinstance(refused.value, Refused)


def test_a_node_does_not_take_the_key_of_a_client(tmp_path: Path) -> None:
    """It could do nothing with it."""
    with pytest.raises(BadSecret, match="has the key of a client"):
        read_node_keys(written(tmp_path, CLIENT_LINE))
