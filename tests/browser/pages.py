"""The page of a gateway in a browser, as a test sees it: by its elements, its words, and what a
browser finds wrong.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.networks import DEADLINE_S

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = "" if CHROMIUM and DRIVER else "there is no chromium, or no chromedriver"

_LOOK_EVERY_S = 0.05
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def start_browser(folder: Path) -> webdriver.Chrome:
    """Chromium, which keeps all that it keeps in this folder: downloads in `downloads`."""
    options = webdriver.ChromeOptions()
    assert CHROMIUM is not None
    options.binary_location = CHROMIUM
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(DRIVER))


class Page:
    """The page at this address, opened anew by `open`."""

    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        self.driver = driver
        self.downloads = downloads
        self.url = ""

    def open(self, address: str) -> None:
        """Load it, as somebody who has never been here."""
        self.url = f"http://{address}/"
        self.emulate()
        self.driver.get("about:blank")
        self.driver.delete_all_cookies()
        for kind in ("browser", "performance"):
            self._log(kind)
        self.driver.get(self.url)

    def emulate(self, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """A screen of this width and height, in a light or dark scheme."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        wants = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wants})

    def one(self, css: str) -> WebElement:
        """The element; NoSuchElementException if there is none."""
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        """Those that there are."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        """The text of an element, as it is written, seen or not; empty if there is none."""
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", css))

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, what: str, holds: Callable[[], Any]) -> None:
        """Return once it holds; TimeoutException with `what` past the deadline."""
        ignored = (StaleElementReferenceException,)
        waiting = WebDriverWait(self.driver, DEADLINE_S, _LOOK_EVERY_S, ignored)
        waiting.until(lambda _: holds(), f"still not so: {what}")

    def wait_text(self, css: str, part: str) -> None:
        """Return once the text of an element has this in it."""
        self.wait(f"{css} says {part!r}", lambda: part in self.text(css))

    def wait_live(self) -> None:
        """Return once it shows a network in which all is well."""
        self.wait_text("#connection", "live")
        self.wait_text("#sentence", "every partition has all its copies")
        self.wait("all are alive", lambda: not self.all(".member:not([data-state=alive])"))

    def click(self, css: str) -> None:
        """As a person does, once it can be."""
        self.wait(f"{css} can be clicked", lambda: self.one(css).is_enabled())
        self.run("arguments[0].scrollIntoView({block: 'center'})", self.one(css))
        self.one(css).click()

    def type(self, css: str, text: str) -> None:
        """In the place of what is there."""
        self.one(css).clear()
        self.one(css).send_keys(text)

    def put(self, key: str, value: str) -> None:
        """By the form."""
        self.type("#put-key", key)
        self.type("#put-value", value)
        self.click("#key-put button")
        self.wait_text("#put-told", f"{key} is stored")

    def look(self, key: str) -> None:
        """By the form; returns when the key is shown."""
        self.type("#key-name", key)
        self.click("#key-open button")
        self.wait_text("#shown-key", key)

    def listed(self) -> list[str]:
        """The keys that are."""
        return [str(e.get_attribute("data-item")) for e in self.all("#key-list button")]

    def complaints(self) -> list[str]:
        """What the browser's console has said, but for answers with the status of an error, which
        a browser puts down however well a page takes them."""
        return [entry["message"] for entry in self._log("browser") if entry["source"] != "network"]

    def strangers(self) -> list[str]:
        """Addresses of other origins that were asked since the page was opened."""
        asked = []
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(str(message["params"]["request"]["url"]))
        assert asked, "the browser tells what it asks for"
        ours = (self.url, f"blob:{self.url}", "data:", "about:")
        return [url for url in asked if not url.startswith(ours)]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        """What the browser has put down since it was asked last."""
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries
