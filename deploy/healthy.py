#!/usr/bin/env python3
"""Asks the node or gateway of this container whether it lives: exit status 0 if it says so.

    healthy.py [PATH]

PATH is /livez where none is given. Where to ask is the port of GOSSAMER_HTTP, else 8080. What is
wrong is said in one sentence.
"""

from __future__ import annotations

import os
import sys
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

TIMEOUT_S = 2.0


def main() -> int:
    """The exit status."""
    path = sys.argv[1] if len(sys.argv) > 1 else "/livez"
    port = (os.environ.get("GOSSAMER_HTTP") or "0.0.0.0:8080").rpartition(":")[2]
    # Containers are often given a proxy, which has nothing to do with this.
    opener = build_opener(ProxyHandler({}))
    try:
        opener.open(f"http://127.0.0.1:{port}{path}", timeout=TIMEOUT_S).close()
    except HTTPError as error:
        error.close()
        print(f"{path} was answered with {error.code}", file=sys.stderr)
        return 1
    except (URLError, OSError, ValueError) as error:
        print(f"{path} was not answered: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
