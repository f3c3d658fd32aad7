"""What the page shows and does, in a real browser: keys and files, and what happens to nodes."""

from __future__ import annotations

from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import World
from tests.browser.pages import Page
from tests.networks import start_all

HOSTILE = "<img src=x onerror=document.title='taken'>"
LOADS = """
const done = arguments[arguments.length - 1];
import("/members.js").then(({MembersView}) => {
  const colours = {take: () => {}, property: () => "--member-0"};
  const view = new MembersView(colours, () => {}, () => {});
  view.change({id: "new", name: "new", state: "alive", address: "a"});
  const share = () => document.querySelector("[data-name=new] .share").textContent;
  const before = share();
  view.takeRing({members: []});
  done([before, share()]);
});
"""
DROPS = """
const data = new DataTransfer();
data.items.add(new File([arguments[1]], arguments[0]));
for (const kind of ["dragover", "drop"]) {
  const what = {dataTransfer: data, bubbles: true, cancelable: true};
  document.querySelector("#ring").dispatchEvent(new DragEvent(kind, what));
}
"""


def drawn(page: Page, canvas: str) -> str:
    """What is on a canvas, as an image in an address."""
    return str(page.run("return document.getElementById(arguments[0]).toDataURL()", canvas))


def test_the_page_shows_the_network(page: Page) -> None:
    """The ring, each member with its state and share, and how all is in a sentence."""
    names = [page.text(f"#member-list li:nth-child({n}) .name") for n in (1, 2, 3)]
    assert names == ["node1", "node2", "node3"]
    page.wait_text("[data-name=node1] .share", "33.3 %")
    assert "alive" in page.text("[data-name=node1] .state")
    assert page.text("#sentence") == "3 members: every partition has all its copies."
    before = drawn(page, "web-still")
    page.run("arguments[0].focus()", page.one("[data-name=node2]"))
    page.wait_text("#member-told", "node2 has 33.3 % of all copies, 4,096 partitions")
    page.wait("its arcs light up", lambda: drawn(page, "web-still") != before)


def test_a_member_has_no_data_only_once_that_is_known(page: Page) -> None:
    """Until the ring has come, nothing is said of it."""
    page.wait("it is shown", lambda: page.driver.execute_async_script(LOADS) == ["…", "no data"])


def test_a_key_put_in_the_page_is_read_by_a_client(page: Page, world: World) -> None:
    """JSON as JSON to the last digit, all else as text, as on the command line."""
    page.put("page:json", '{"big": 9007199254740993, "list": [1, {}]}')
    assert world.client.get("page:json") == {"big": 9007199254740993, "list": [1, {}]}
    page.wait_text("#shown-value", '{\n  "big": 9007199254740993,\n  "list": [\n')
    page.put("page:text", "no JSON")
    assert world.client.get("page:text") == "no JSON"
    page.type("#put-value", "18446744073709551616")
    page.wait_text("#put-kind", "18446744073709551616 has more than 64 bits")


def test_what_is_stored_is_told_alike_of_the_value_and_of_its_owners(
    page: Page, world: World
) -> None:
    """A text is JSON where it is stored, with its quotes."""
    for value, kind, size in (("new", "JSON, a text", "5"), ([1], "JSON, a list", "3")):
        world.client.put("alike", value)
        page.look("alike")
        page.wait_text("#shown-about", f"{kind}, {size} bytes, version ")
        rows = "#shown-replicas tbody tr:first-child td"
        cells = [cell.text for cell in page.all(rows)]
        assert (cells[0], cells[-1]) == (kind, size)
    world.client.delete("alike")


def test_what_is_refused_is_seen_and_heard_to_be_an_error(page: Page) -> None:
    """Until it is mended."""
    page.type("#put-key", "refused")
    page.type("#put-value", "1")
    page.type("#put-ttl", "soon")
    page.click("#key-put button")
    page.wait("it is an error", lambda: page.all("#put-told[data-kind=error][role=alert]"))
    said = page.text("#put-told")
    assert (said[0].isupper() or not said[0].isalpha(), said[-1]) == (True, ".")
    page.type("#put-ttl", "1h")
    page.click("#key-put button")
    page.wait_text("#put-told", "refused is stored")
    assert not page.all("#put-told[data-kind=error]")


def test_a_key_put_by_a_client_appears(page: Page, world: World) -> None:
    """In the list, in the log, as a pulse on the ring; and what is looked at is read again."""
    page.type("#key-prefix", "live:")
    page.click("#key-filter button")
    page.wait_text("#key-trouble", "There are no such keys.")
    world.client.put("live:1", b"\x00\x01gossamer")
    page.wait("it is listed", lambda: page.listed() == ["live:1"])
    page.wait_text("#log", "put live:1")
    page.click("#key-list button")
    page.wait_text("#shown-about", "bytes, 10 bytes, version")
    assert "00 01 67 6f" in page.text("#shown-value")
    world.client.put("live:1", "anew")
    page.wait("it is read again", lambda: page.text("#shown-value") == "anew")
    world.client.delete("live:1")
    page.wait("it is not listed", lambda: page.listed() == [])
    page.wait_text("#log", "deleted live:1")


def test_many_keys_come_in_pages(page: Page, world: World) -> None:
    """Fifty at a time, on and back."""
    names = [f"paged:{n:03}" for n in range(120)]
    world.client.put_many(dict.fromkeys(names, 1))
    page.type("#key-prefix", "paged:")
    page.click("#key-filter button")
    page.wait("the first", lambda: page.listed() == names[:50])
    page.click("#key-on")
    page.wait("the second", lambda: page.listed() == names[50:100])
    page.click("#key-on")
    page.wait("the last", lambda: page.listed() == names[100:])
    assert not page.one("#key-on").is_enabled()
    page.click("#key-back")
    page.wait("the second again", lambda: page.listed() == names[50:100])


def test_a_key_is_explained_and_deleted(page: Page, world: World) -> None:
    """Where it is, what each owner holds, and if they agree; it is deleted when asked twice."""
    world.client.put("explained", 1)
    told = world.client.explain("explained")
    before = drawn(page, "web-moving")
    page.look("explained")
    page.wait_text("#shown-place", f"partition {told.partition:,} of 4,096, owned by")
    page.wait_text("#shown-agrees", "The owners agree.")
    assert len(page.all("#shown-replicas tbody tr")) == 3
    page.wait("its place is marked", lambda: drawn(page, "web-moving") != before)
    page.click("#shown-delete")
    page.one("#question [value=no]").send_keys(Keys.ESCAPE)
    page.wait("nobody asks", lambda: not page.one("#question").is_displayed())
    assert world.client.get("explained") == 1
    page.click("#shown-delete")
    page.click("#question-yes")
    page.wait_text("#shown-about", "There is no key 'explained'.")
    page.wait_text("#shown-replicas", "deleted or expired")
    assert world.client.get("explained", default=None) is None


def test_a_file_goes_in_and_out(page: Page, world: World, tmp_path: Path) -> None:
    """By choosing it, with a name that is no path as it is, and by the link of its name."""
    name, data = "100% & #1 '.txt", b"gossamer\n" * 300_000
    (tmp_path / name).write_bytes(data)
    page.one("#file-choose").send_keys(str(tmp_path / name))
    page.wait_text("#uploads", "uploaded, 2.7 MB")
    page.wait("it is listed", lambda: page.text("#file-list a") == name)
    page.click("#file-list a")
    page.wait("it is downloaded", lambda: [p.name for p in page.downloads.iterdir()] == [name])
    assert (page.downloads / name).read_bytes() == data
    page.click("#file-list button")
    page.click("#question-yes")
    page.wait("it is gone", lambda: not page.all("#file-list a"))
    assert list(world.client.files()) == []


def test_files_are_dropped_and_refused(page: Page, world: World, tmp_path: Path) -> None:
    """Dropped anywhere, they are uploaded; a refusal is said in the gateway's words."""
    page.run(DROPS, "dropped.txt", "from a file manager")
    page.wait_text("#uploads [data-name='dropped.txt']", "uploaded, 19 bytes")
    assert [entry.name for entry in world.client.files()] == ["dropped.txt"]
    (tmp_path / "holiday.jpg").write_bytes(b"\x7fELF" + bytes(5_000_000))
    page.one("#file-choose").send_keys(str(tmp_path / "holiday.jpg"))
    refusal = "The file is called .jpg and is a program for Linux."
    page.wait_text("#uploads [data-name='holiday.jpg']", refusal)
    world.client.remove("dropped.txt")


def test_a_death_is_seen_and_a_return(page: Page, world: World) -> None:
    """A node that is killed is dead within seconds, its partitions lack a copy, and both pass."""
    page.put("before", "1")
    world.nodes[1].kill()
    page.wait("it is dead", lambda: page.all("[data-name=node2][data-state=dead]"))
    page.wait_text("#sentence", "4,096 of 4,096 partitions lack a copy, each has a quorum")
    page.wait_text("#count-missing", "lacks a copy: 4,096")
    page.wait_text("#log", "node2: suspect → dead")
    page.look("before")
    page.wait_text("#shown-agrees", "What node2 has is unknown.")
    world.nodes[1].start()
    page.wait_live()
    page.wait("no partition lacks a copy", lambda: page.text("#count-missing") == "lacks a copy")
    page.wait_text("[data-name=node2] .state", "since")


def test_a_gateway_that_is_away_is_told_of(page: Page, world: World) -> None:
    """Since when it is away, and when it is back, with what happened meanwhile."""
    world.gateway.stop()
    page.wait_text("#banner", "The gateway has not answered since ")
    page.wait_text("#connection", "gateway lost")
    assert page.text("#sentence") == "The gateway does not answer."
    world.client.put("meanwhile", 1)
    world.gateway.start()
    page.wait_text("#banner", "All is back since ")
    page.wait("it is listed", lambda: "meanwhile" in page.listed())
    world.client.put("afterwards", 1)
    page.wait_text("#log", "put afterwards")


def test_nodes_that_are_away_are_told_of(page: Page, world: World) -> None:
    """All of them at once: that none answers the gateway, and that they do again."""
    for node in world.nodes:
        node.terminate()
    page.wait_text("#banner", "No node has answered the gateway since ")
    page.wait_text("#connection", "nodes lost")
    assert page.text("#sentence") == "No node answers the gateway."
    start_all(world.nodes)
    page.wait_text("#banner", "All is back since ")
    page.wait_text("#log", "All is back since ")
    page.wait_live()


def test_a_node_that_is_alone_after_a_cold_start_is_not_shown_as_well(
    page: Page, world: World
) -> None:
    """It says that it is not ready, and what it waits for; and nobody else is called alive."""
    for node in world.nodes:
        node.kill()
    world.nodes[0].start()
    page.wait_text("#banner", "No node is ready since ")
    page.wait_text("#banner", "to confirm that this node is still a member")
    page.wait_text("#connection", "not ready")
    page.wait_text("#middle-count", f"1/{len(world.nodes)}")
    page.wait_text("#middle-text", "members alive")
    start_all(world.nodes[1:])
    page.wait_text("#banner", "All is back since ")
    page.wait_text("#middle-text", "members, all alive")
    page.wait_live()


def test_hostile_names_are_text(page: Page, world: World) -> None:
    """Whatever keys and values say, it is shown and nothing else."""
    world.client.put(HOSTILE, HOSTILE)
    world.client.put("..", 1)
    page.wait("it is listed", lambda: HOSTILE in page.listed())
    page.look(HOSTILE)
    page.wait("it is shown", lambda: page.text("#shown-value") == HOSTILE)
    assert page.driver.title == "Gossamer"
    assert not page.all("img[src=x]")
    page.look("..")
    page.wait_text("#shown-about", 'A browser cannot ask for ".."')
    for key in (HOSTILE, ".."):
        world.client.delete(key)


def test_the_keyboard_is_enough(page: Page, world: World) -> None:
    """A key is put without a mouse, and each step of the way can be seen."""

    def focused() -> str:
        return str(page.run("return document.activeElement.id"))

    keyboard = page.driver.switch_to
    page.one("body").send_keys(Keys.TAB)
    for _ in range(400):
        if focused() == "put-key":
            break
        outline = page.run("return getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"{focused()} does not show that it is focused"
        keyboard.active_element.send_keys(Keys.TAB)
    keyboard.active_element.send_keys("by:keyboard", Keys.TAB)
    keyboard.active_element.send_keys("true", Keys.TAB)
    keyboard.active_element.send_keys("1h", Keys.ENTER)
    page.wait_text("#put-told", "by:keyboard is stored")
    assert world.client.get("by:keyboard") is True
