"""A client of Gossamer with nothing but pyzmq, orjson and what docs/protocol.md says.

python examples/thirty_lines.py 127.0.0.1:7100 put color blue   (get color, delete color, list co)
"""

import itertools
import sys
import time
from typing import Any

import orjson
import zmq

TIMEOUT_MS = 5_000
numbers = itertools.count(1)


def ask(dealer: zmq.Socket[bytes], body: bytes = b"", **fields: Any) -> tuple[Any, bytes]:
    header = {"to": "router", "id": next(numbers), **fields, "timeout_ms": TIMEOUT_MS}
    dealer.send_multipart([orjson.dumps({"v": 1, "batch": [header]}), *([body] if body else [])])
    deadline = time.monotonic() + TIMEOUT_MS / 1_000
    while dealer.poll(max(0, int((deadline - time.monotonic()) * 1_000))):
        frame, *rest = dealer.recv_multipart()
        reply = orjson.loads(frame)["batch"][0]
        if reply["id"] == header["id"]:
            failures = [code for code in reply.get("codes", []) if code != "ok"]
            if reply["type"] == "failed" or failures:
                sys.exit(reply.get("reason") or failures[0])
            return reply, b"".join(rest)
    sys.exit("no answer in time; a write may have happened")


def main(endpoint: str, command: str, key: str = "", text: str = "") -> None:
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.linger = 0
    dealer.connect(f"tcp://{endpoint}")
    write: dict[str, Any] = {"type": "write", "keys": [key], "w": "quorum", "ttl_ms": 0}
    if command == "put":
        value = orjson.dumps(text)
        ask(dealer, value, **write, kinds=["json"], values=[len(value)])
    elif command == "delete":
        ask(dealer, **write, kinds=["absent"], values=[0])
    elif command == "get":
        reply, value = ask(dealer, type="get", keys=[key], details=False, r="quorum")
        print(orjson.loads(value) if reply["kinds"] == ["json"] else value)
    elif command == "list":
        after, more = "", True
        while more:
            reply, _ = ask(dealer, type="list", prefix=key, after=after, limit=1_000)
            print("".join(f"{name}\n" for name in reply["keys"]), end="")
            after = reply["cursor"]
            more = after != ""


if __name__ == "__main__":
    main(*sys.argv[1:])
