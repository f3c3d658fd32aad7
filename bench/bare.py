"""Both ends of a bare ZeroMQ connection, each in a process of its own, encrypted or not. Keys are
made anew each time, and nobody asks whose they are.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractContextManager
from typing import Final

import zmq

from bench.process import python

ENCRYPTED: Final = "--encrypted"

Socket = zmq.Socket[bytes]


def listening(module: str, *, encrypted: bool) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run a module that listens."""
    flags = [ENCRYPTED] if encrypted else []
    return python("-m", module, *flags, output=subprocess.PIPE)


def listen(socket: Socket) -> None:
    """In that process: listen on a free port, and print it, and the public key if there is one."""
    public = b""
    if ENCRYPTED in sys.argv:
        public, secret = zmq.curve_keypair()
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, secret)
    print(socket.bind_to_random_port("tcp://127.0.0.1"), public.decode(), flush=True)


def connect(socket: Socket, process: subprocess.Popen[bytes]) -> None:
    """In this one: connect to what it has printed."""
    assert process.stdout is not None
    port, *public = process.stdout.readline().split()
    for server in public:
        own, secret = zmq.curve_keypair()
        socket.set(zmq.CURVE_SERVERKEY, server)
        socket.set(zmq.CURVE_PUBLICKEY, own)
        socket.set(zmq.CURVE_SECRETKEY, secret)
    socket.connect(f"tcp://127.0.0.1:{int(port)}")
