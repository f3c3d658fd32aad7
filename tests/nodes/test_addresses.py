"""Where a node listens, as far as it was told."""

from __future__ import annotations

import pytest

from nodes.addresses import BadAddress, HostPort, listen_address


def test_the_file_port_is_above_the_request_port() -> None:
    """By 2,000, unless it is set; where that port is free, this one is too."""
    listen = HostPort("127.0.0.1", 7_100)
    assert listen_address("files", listen, "") == HostPort("127.0.0.1", 9_100)
    assert listen_address("files", listen, "10.0.0.1:5") == HostPort("10.0.0.1", 5)
    assert listen_address("files", listen._replace(port=0), "").port == 0
    with pytest.raises(BadAddress, match="the port for files would be 66000: set it with --files"):
        listen_address("files", listen._replace(port=64_000), "")
