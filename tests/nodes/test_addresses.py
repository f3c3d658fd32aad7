"""Where a node listens, as far as it was told."""

from __future__ import annotations

import pytest

from nodes.addresses import BadAddress, HostPort, listen_address, parse_address


def test_the_file_port_is_above_the_request_port() -> None:
    """By 2,000, unless it is set; where that port is free, this one is too."""
    listen = HostPort("127.0.0.1", 7_100)
    assert listen_address("files", listen, "") == HostPort("127.0.0.1", 9_100)
    assert listen_address("files", listen, "10.0.0.1:5") == HostPort("10.0.0.1", 5)
    assert listen_address("files", listen._replace(port=0), "").port == 0
    with pytest.raises(BadAddress, match="the port for files would be 66000: set it with --files"):
        listen_address("files", listen._replace(port=64_000), "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("7100", "'7100' has no host: HOST:PORT is wanted, such as 127.0.0.1:7100"),
        (" 7100 ", "has no host: HOST:PORT is wanted, such as 127.0.0.1:7100"),
        ("7100:7200", "'7100:7200' has no host: HOST:PORT is wanted"),
        ("[7100]", "'\\[7100\\]' has no host: HOST:PORT is wanted"),
    ],
)
def test_a_port_alone_is_no_address(text: str, why: str) -> None:
    """Else it would be the name of a machine, at the default port, that nobody has."""
    with pytest.raises(BadAddress, match=why):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("7.1.0.0", HostPort("7.1.0.0", 7_100)),
        ("node7", HostPort("node7", 7_100)),
        ("[::1]", HostPort("::1", 7_100)),
        ("*:0", HostPort("*", 0)),
    ],
)
def test_a_host_alone_has_the_default_port(text: str, at: HostPort) -> None:
    """Be it a name or an address."""
    assert parse_address(text) == at
