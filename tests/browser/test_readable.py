"""Who can read the page: on a phone, in the dark, with other eyes, or with none."""

from __future__ import annotations

import pytest

from tests.browser.conftest import World
from tests.browser.pages import Page

WIDE = "return [document.documentElement.scrollWidth, innerWidth]"
NEED_NAMES = frozenset({"button", "textbox", "searchbox", "link", "slider", "progressindicator"})
FAINT = """
const channel = (value) => {
  const part = value / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
};
const colour = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const found = colour(getComputedStyle(at).backgroundColor);
    if (found.length === 3 || found[3] > 0) return found;
  }
};
const faint = [];
for (const element of document.body.querySelectorAll("*")) {
  const isText = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!isText || !element.checkVisibility() || element.matches(":disabled, option")) continue;
  const pair = [light(colour(getComputedStyle(element).color)), light(behind(element))];
  const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  if (ratio < 4.5) faint.push(`${element.textContent.slice(0, 40)}: ${ratio.toFixed(2)}`);
}
return faint;
"""
MEMBERS = """
const style = getComputedStyle(document.documentElement);
const channel = (hex) => {
  const part = parseInt(hex, 16) / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
};
const light = (name) => {
  const hex = style.getPropertyValue(name).trim();
  const [r, g, b] = [1, 3, 5].map((at) => channel(hex.slice(at, at + 2)));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const paper = light("--paper");
return Array.from({length: 12}, (_, n) => light(`--member-${n}`)).map(
  (own) => (Math.max(own, paper) + 0.05) / (Math.min(own, paper) + 0.05));
"""


def fill(page: Page, world: World) -> None:
    """Let it show something of everything."""
    long = "a-key-without-a-space-" * 12
    world.client.put(long, {"text": "x" * 500})
    page.look(long)
    page.wait_text("#shown-agrees", "The owners")
    page.wait("it has keys and a log", lambda: page.listed() and page.all("#log li"))
    page.type("#put-key", "refused")
    page.type("#put-ttl", "soon")
    page.click("#key-put button")
    page.wait("it is refused", lambda: page.all("#put-told[data-kind=error]"))
    page.run("document.getElementById('latency').textContent = '888 ms; 99 %: 888 ms'")


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_screen(page: Page, world: World, width: int) -> None:
    """On a phone as on a desk there is no scrolling sideways."""
    page.emulate(width)
    fill(page, world)
    page.wait("the ring has its width", lambda: page.one("#web-still").size["width"] <= width)
    wide, screen = page.run(WIDE)
    assert wide <= screen == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_contrast(page: Page, world: World, scheme: str) -> None:
    """4.5 for text, and 3 for the colours of members, as WCAG AA has it, in light and in dark."""
    page.emulate(scheme=scheme)
    fill(page, world)
    page.one("#key-prefix").click()
    assert page.run(FAINT) == []
    assert min(page.run(MEMBERS)) >= 3


def test_everything_has_a_name(page: Page, world: World) -> None:
    """Those who do not see are told what each control is for, and find landmarks."""
    fill(page, world)
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})
    nodes = [node for node in tree["nodes"] if not node.get("ignored")]
    roles = [node["role"]["value"] for node in nodes]
    assert {"banner", "main", "contentinfo", "search", "status"} <= set(roles)
    assert NEED_NAMES & set(roles) >= {"button", "textbox", "link", "slider"}
    unnamed = [n for n in nodes if n["role"]["value"] in NEED_NAMES and not n["name"]["value"]]
    assert unnamed == []
    assert page.one("html").get_attribute("lang") == "en"
