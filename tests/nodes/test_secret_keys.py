"""All keys come from one secret, always the same ones, and none of them shows another."""

from __future__ import annotations

import zmq

from actors.roles import CLIENT_ROLES, KEYS_PER_ROLE
from nodes.keys import ClientKey, NetworkSecret, NodeKeys, client_dials, client_key, fingerprint

SECRET = NetworkSecret(bytes(range(32)))
OTHER = NetworkSecret(bytes(32))


def test_the_keys_of_a_secret_never_change() -> None:
    """Or a network would be two after an upgrade, and no client's key would fit."""
    assert SECRET.server.public == b"=AURTGR+ZhSd#$D/Ao(]90eW!c-)UGIRNxew<O=)"
    assert SECRET.dial("node").own.public == b"iF]yQhGC#+Vl/LB*p8I]aHR@nB^hHX+tk.7]*fw}"
    assert SECRET.dial("writer-17").own.public == b"8L&4UV%rr>v.{Z:.N&%N:-GE4vH-9vwiIQxiFb)V"
    assert SECRET.dial("writer-17").own.secret == b">.SOV3*#g!mZ3N%(+8uvBtR1*jo!LWeRE*=cw*lT"
    assert SECRET.fingerprint == "fe562f39ba1628ae"


def test_a_pair_belongs_together() -> None:
    """The public half follows from the secret one, as ZeroMQ has it."""
    for pair in (SECRET.server, SECRET.dial("node").own, SECRET.dial("reader-1").own):
        assert zmq.curve_public(pair.secret) == pair.public


def test_no_two_keys_are_the_same() -> None:
    """Of a secret nor of two, that of the port included."""
    public = [key for key, _ in SECRET.public_keys()]
    assert len({*public, SECRET.server.public}) == 3 + len(CLIENT_ROLES) * KEYS_PER_ROLE
    assert not {OTHER.server.public, OTHER.dial("node").own.public} & {*public}


def test_a_clients_key_is_what_nodes_look_for() -> None:
    """Under the name that it has for people."""
    listed = dict(SECRET.public_keys())
    for role, number in (("reader", 1), ("writer", 4_096), ("admin", 17)):
        key = client_key(SECRET, role, number)  # type: ignore[arg-type]
        assert listed[key.own.public] == key.name == f"{role}-{number}"
        assert key.dial().server == SECRET.server.public


def test_who_has_the_secret_is_a_client_that_may_do_everything() -> None:
    """And connects with a key that cannot be denied."""
    [dial] = client_dials([SECRET])
    assert dict(SECRET.public_keys())[dial.own.public] == "admin-0"


def test_with_several_secrets_each_is_tried_and_the_first_is_listened_with() -> None:
    """The order is that of the file; who tries several takes its time."""
    keys = NodeKeys((SECRET, OTHER))
    assert keys.server == SECRET.server
    assert [dial.server for dial in keys.dials()] == [SECRET.server.public, OTHER.server.public]
    assert [dial.is_only for dial in keys.dials()] == [False, False]
    assert [dial.is_only for dial in NodeKeys((SECRET,)).dials()] == [True]


def test_nothing_shows_a_secret() -> None:
    """However it is printed: what ends up in a log or a traceback has none."""
    key = client_key(SECRET, "writer", 17)
    secrets = [SECRET.secret, SECRET.server.secret, SECRET.dial("node").own.secret, key.own.secret]
    shown = [SECRET, SECRET.server, SECRET.dial("node"), NodeKeys((SECRET,)), key, key.dial()]
    for thing in shown:
        for text in (repr(thing), str(thing), f"{thing!r:}", repr([thing])):
            for secret in secrets:
                assert secret.hex() not in text
                assert repr(secret)[2:-1] not in text
                assert secret.decode("latin-1") not in text
    assert isinstance(key, ClientKey)


def test_a_fingerprint_is_of_what_is_public() -> None:
    """Who has a client's key tells the network by the same one as who has the secret."""
    assert fingerprint(client_key(SECRET, "reader", 1).server) == SECRET.fingerprint
    assert SECRET.fingerprint != OTHER.fingerprint
