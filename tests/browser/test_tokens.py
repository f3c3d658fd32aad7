"""Where a gateway wants tokens: the page asks for one, and says what it may not do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from nodes.web.tokens import tokens_of
from tests.browser.pages import Page
from tests.networks import Processes
from tests.nodes.secured import Secrets
from tests.web.gateways import GatewayProcess


@pytest.fixture
def guarded(processes: Processes, tmp_path: Path) -> Iterator[tuple[GatewayProcess, Secrets]]:
    """A gateway of a network that has a secret, and that."""
    secrets = Secrets(tmp_path)
    secret = ("--secret", str(secrets.file))
    node = processes.node("guarded", (), "", *secret)
    node.start()
    node.wait_ready()
    with GatewayProcess(tmp_path, [node.listen], *secret, "--token-needed") as gateway:
        yield gateway, secrets


def sign_in(page: Page, token: str) -> None:
    """By the form."""
    page.type("#token-text", token)
    page.click("#token-form .primary")


def test_a_token_is_asked_for(
    browser: tuple[Chrome, Path], guarded: tuple[GatewayProcess, Secrets]
) -> None:
    """A wrong one is refused in words, a right one lets in, and what it may not do is said."""
    gateway, secrets = guarded
    page = Page(*browser)
    page.open(gateway.address)
    page.wait("a token is asked for", lambda: page.one("#token").is_displayed())
    page.wait_text("#token-why", "A bearer token is needed")
    sign_in(page, "gossamer-reader-17-" + "0" * 64)
    page.wait_text("#token-trouble", "That is no token of this network.")
    assert "no token" not in page.text("#token-why")
    [token] = tokens_of(secrets.client("reader")).values()
    sign_in(page, token)
    page.wait_live()
    page.wait_text("#token-name", "reader-17, may read")
    assert not page.one("#token").is_displayed()
    assert not page.one("#banner").is_displayed()
    assert "All is back" not in page.text("#log")
    assert token not in page.run("return JSON.stringify([localStorage, document.cookie])")
    page.type("#put-key", "a")
    page.click("#key-put button")
    page.wait_text("#put-told", "may not")
    page.click("#sign-out")
    page.wait("a token is asked for again", lambda: page.one("#token").is_displayed())
    assert page.complaints() == []
    assert page.strangers() == []
