"""Takes the pictures of docs/page.md, of a network in which one node has just died:

python -m tests.browser.screenshots [FOLDER, or docs]
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image

from nodes.client import Client
from nodes.free_ports import Ports
from tests.browser.pages import MISSING, Page, start_browser
from tests.networks import ROOT, Processes, client_of
from tests.web.gateways import GatewayProcess

NODES = 5
LOOKED_AT = "user:ada"
COLOURS = 200


def fill(client: Client, folder: Path) -> None:
    """What there is to see."""
    client.put(LOOKED_AT, {"name": "Ada", "born": 1815, "notes": ["engine", "loom"]})
    client.put_many({f"user:{name}": {"name": name.title()} for name in ("alan", "grace", "joan")})
    client.put_many({f"sensor:{n:02}": n / 10 for n in range(40)})
    for name in ("numbers.txt", "words.txt"):
        (folder / name).write_text(f"{name}\n" * 200_000)
        client.upload(folder / name)


def stir(page: Page, client: Client) -> None:
    """Let something flow, and return while it does."""
    before = page.text("#log")
    for n in range(7):
        client.put(f"sensor:{n:02}", n)
    page.run("for (const n of [1, 2, 3]) fetch(`/v1/kv/sensor:0${n}`)")
    page.wait("something flows", lambda: page.text("#log") != before)


def take(page: Page, path: Path, width: int, height: int, scale: float) -> None:
    """What is seen in so many pixels, from the top."""
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
    options = {"format": "png", "captureBeyondViewport": True, "clip": clip}
    shot = page.driver.execute_cdp_cmd("Page.captureScreenshot", options)
    image = Image.open(io.BytesIO(base64.b64decode(shot["data"])))
    # A page has few colours, and a picture in a repository is to be small.
    image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
    print(path, f"{path.stat().st_size:,} bytes")


def is_within(page: Page, width: int) -> bool:
    """Has the ring room in this width?"""
    return bool(page.one("#web").size["width"] < width)


def take_all(page: Page, client: Client, to: Path) -> None:
    """The page in the light, in the dark, and on a phone."""
    for name, width, height, scheme, scale in (
        ("light", 1280, 1180, "light", 1.0),
        ("dark", 1280, 760, "dark", 1.0),
        ("phone", 360, 1180, "light", 1.0),
    ):
        page.emulate(width, height, scheme)
        page.wait("it has its width", partial(is_within, page, width))
        stir(page, client)
        take(page, to / f"page-{name}.png", width, height, scale)


def main(to: Path) -> None:
    """Start all that it takes, and end it again."""
    ports = Ports()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processes = Processes(folder, ports)
        driver = start_browser(folder / "browser")
        try:
            nodes = processes.nodes_that_list_each_other(NODES)
            endpoints = [node.listen for node in nodes]
            with GatewayProcess(folder, endpoints) as gateway, client_of(*endpoints) as client:
                fill(client, folder)
                page = Page(driver, folder)
                page.open(gateway.address)
                page.wait_live()
                page.look(LOOKED_AT)
                nodes[3].kill()
                page.wait("it is dead", lambda: page.all("[data-name=node4][data-state=dead]"))
                page.wait_text("#count-missing", "lacks a copy: ")
                take_all(page, client, to)
        finally:
            driver.quit()
            processes.close()
            ports.close()


if __name__ == "__main__":
    if MISSING:
        sys.exit(MISSING)
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
