"""Where nodes listen: `host:port`, read from a person's hand and checked before anything starts."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from actors.errors import Refused

DEFAULT_PORT = 7_100
PORT_STEPS = {"gossip": 1_000, "files": 2_000}
"""How far above the request port the others are, unless they are told otherwise."""


class HostPort(NamedTuple):
    """A host (an IPv6 address without brackets) and a port; port 0 picks a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class BadAddress(Refused, ValueError):
    """That is no address, or none that may be used so."""


def parse_address(text: str, default_port: int = DEFAULT_PORT) -> HostPort:
    """Read "host:port", "host", "[v6]:port" or "[v6]"; a number alone is no host. Raises BadAddress
    with a sentence."""
    host, separator, port = text.strip().rpartition(":")
    if not separator or (host.startswith("[") and not host.endswith("]")):
        host, port = text.strip(), str(default_port)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise BadAddress(f"{text!r} is not host:port (an IPv6 address is written [address]:port)")
    if host.isdecimal():
        such = "" if separator else f", such as 127.0.0.1:{host}"
        raise BadAddress(f"{text!r} has no host: HOST:PORT is wanted{such}")
    if not host or any(c.isspace() or c in "/@,;" for c in host):
        raise BadAddress(f"{text!r} is not host:port")
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise BadAddress(f"{text!r} has no port from 0 to 65535")
    return HostPort(host, int(port))


def is_loopback(host: str) -> bool:
    """Can this address only be reached from this machine?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_wildcard(host: str) -> bool:
    """Does this stand for all of the machine's addresses?"""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == "*"


def listen_address(kind: str, listen: HostPort, given: str) -> HostPort:
    """Where the port for "gossip" or "files" is: as given, else beside the request port. Raises
    BadAddress."""
    if given:
        return parse_address(given, 0)
    port = listen.port + PORT_STEPS[kind] if listen.port else 0
    if port > 65_535:
        raise BadAddress(f"the port for {kind} would be {port}: set it with --{kind}-listen")
    return HostPort(listen.host, port)


def advertised_host(listen: HostPort, advertise: str, *, anywhere: bool) -> HostPort:
    """What others are told, port 0 standing for the port that is bound. Raises BadAddress where
    the node would be open to strangers, who may not be reached from `anywhere`, or could not be
    found."""
    if not is_loopback(listen.host) and not anywhere:
        raise BadAddress(
            f"{listen.host} can be reached from other machines: give the node the network's "
            "--secret FILE (gossamer keygen makes one), or say --insecure to let whoever reaches "
            "it read and write everything"
        )
    if advertise:
        told = parse_address(advertise, listen.port)
        if is_wildcard(told.host):
            raise BadAddress(f"{advertise!r} cannot be advertised: others cannot connect to it")
        return told
    if is_wildcard(listen.host):
        raise BadAddress(f"{listen.host} stands for every address: say which with --advertise")
    return listen
