"""Which names a file may have, and which extensions are admitted."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import ERRORS
from actors.formats import FORMATS, GROUPS, ON_DEMAND
from actors.names import (
    DEFAULT_EXTENSIONS,
    EXTENSION,
    HEAD_BYTES,
    RESERVED,
    extension_of,
    fault_of_name,
    parse_extensions,
    verdict,
)

LENGTH = "1 to 255 bytes"
DOT_FIRST = "does not begin with a dot"
DOT_LAST = "does not end with a dot"
SPACE = "neither begins nor ends with a space"
UNSEEN = "no control, direction, invisible or unassigned character"
CHARACTER = "has none of"
DEVICE = "a device on Windows"

REFUSED: list[tuple[str, str]] = [
    # Nothing, or too much.
    ("", LENGTH),
    ("a" * 256, LENGTH),
    ("a" * 252 + ".txt", LENGTH),
    ("ä" * 126 + ".txt", LENGTH),  # 256 bytes of 130 characters
    ("\N{GRINNING FACE}" * 64, LENGTH),
    ("\ufdfa" * 20 + ".txt", LENGTH),  # 64 bytes, of which NFKC makes 640
    ("x" * 1_000_000, LENGTH),
    # Dots.
    (".", DOT_FIRST),
    ("..", DOT_FIRST),
    ("...", DOT_FIRST),
    (".txt", DOT_FIRST),
    (".bashrc", DOT_FIRST),
    (".ssh", DOT_FIRST),
    ("..txt", DOT_FIRST),
    ("\u2024bashrc", DOT_FIRST),  # one dot leader
    ("\u2026txt", DOT_FIRST),  # an ellipsis is three dots
    ("\uff0ehtaccess", DOT_FIRST),  # a full-width dot
    ("report.", DOT_LAST),
    ("report.txt.", DOT_LAST),
    ("report.txt..", DOT_LAST),
    ("report\u2026", DOT_LAST),
    # Spaces.
    (" ", SPACE),
    (" report.txt", SPACE),
    ("report.txt ", SPACE),
    ("\u00a0report.txt", SPACE),
    ("report.txt\u3000", SPACE),
    ("report.txt\u1680", SPACE),
    # What cannot be seen, or turns the rest around.
    ("a\0.txt", UNSEEN),
    ("a.txt\0.png", UNSEEN),
    ("a\n.txt", UNSEEN),
    ("a\r\nX-Header: 1.txt", UNSEEN),
    ("a\t.txt", UNSEEN),
    ("a\x1b[31m.txt", UNSEEN),
    ("a\x7f.txt", UNSEEN),
    ("a\x85.txt", UNSEEN),
    ("a\x9b.txt", UNSEEN),
    ("photo\u202egnp.exe", UNSEEN),  # shown as photoexe.png
    ("a\u202d.txt", UNSEEN),
    ("a\u200e.txt", UNSEEN),
    ("a\u200f.txt", UNSEEN),
    ("a\u061c.txt", UNSEEN),
    ("a\u2066b\u2069.txt", UNSEEN),
    ("a\u200b.txt", UNSEEN),  # a space without width
    ("\ufeffa.txt", UNSEEN),  # a byte order mark
    ("a\u00ad.txt", UNSEEN),  # a soft hyphen
    ("a\u2028.txt", UNSEEN),
    ("a\u2029.txt", UNSEEN),
    ("a\U000e0041.txt", UNSEEN),  # a tag
    ("a\u3164.txt", UNSEEN),  # a Hangul filler
    ("\u2800", UNSEEN),  # Braille without dots
    ("a\ud800.txt", UNSEEN),
    ("a\udfff.txt", UNSEEN),
    ("a\udcff.txt", UNSEEN),  # how Python shows a name that is not UTF-8
    ("a\ufdd0.txt", UNSEEN),
    ("a\uffff.txt", UNSEEN),
    ("\U0010ffff.txt", UNSEEN),
    ("a\uf03ab.txt", UNSEEN),  # what Cygwin writes for a colon
    # Paths, streams, patterns and redirections.
    ("a/b.txt", CHARACTER),
    ("/etc/passwd", CHARACTER),
    ("../a.txt", CHARACTER),
    ("..\\a.txt", CHARACTER),
    ("C:\\a.txt", CHARACTER),
    ("\\\\server\\share\\a.txt", CHARACTER),
    ("a.txt:stream", CHARACTER),
    ("a.txt::$DATA", CHARACTER),
    ("a*.txt", CHARACTER),
    ("a?.txt", CHARACTER),
    ('a".txt', CHARACTER),
    ("<a>.txt", CHARACTER),
    ("a|b.txt", CHARACTER),
    ("a\uff0fb.txt", CHARACTER),  # full-width
    ("a\uff3cb.txt", CHARACTER),
    ("a\uff1ab.txt", CHARACTER),
    ("a\uff1fb.txt", CHARACTER),
    ("\u2025\uff0fa.txt", CHARACTER),  # two dots, and a slash
    ("\u2100.txt", CHARACTER),  # "account of" is a/c
    ("a\ufe68b.txt", CHARACTER),  # a small backslash
    # Devices of Windows.
    ("CON", DEVICE),
    ("con.txt", DEVICE),
    ("CoN.tar.gz", DEVICE),
    ("CON .txt", DEVICE),
    ("con\u00a0.txt", DEVICE),
    ("prn.pdf", DEVICE),
    ("AUX.png", DEVICE),
    ("nul.txt", DEVICE),
    ("COM0", DEVICE),
    ("com1.txt", DEVICE),
    ("COM9.txt", DEVICE),
    ("LPT0.txt", DEVICE),
    ("lpt1.txt", DEVICE),
    ("COM\u00b9.txt", DEVICE),
    ("com\u00b2.txt", DEVICE),
    ("LPT\u00b3.txt", DEVICE),
    ("CONIN$.txt", DEVICE),
    ("conout$", DEVICE),
    ("\uff23\uff2f\uff2e.txt", DEVICE),  # full-width
    ("\u24d2on.txt", DEVICE),  # a letter in a circle
]

ADMITTED = [
    "a.txt",
    "A",
    "report 2024 (final), v1.2 [draft] {x} #1 & co. = 50% + ~ ^ ' ` ! @ ; $.txt",
    "-rf.txt",
    "_.txt",
    "a..txt",
    "a. txt",
    "grüße.txt",
    "gru\u0308ße.txt",
    "отчёт.pdf",
    "報告書.pdf",
    "تقرير.pdf",
    "नमस्ते.txt",
    "می\u200cرود.txt",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    "\u2764\ufe0f.png",
    "cone.txt",
    "my con.txt",
    "console.log",
    "com10.txt",
    "com.txt",
    "lpt.txt",
    "null.txt",
    "x.con",
    "100\uff05.txt",
    "e\u0301" * 80 + "x" * 11 + ".txt",
    "a" * 251 + ".txt",
]

NAMES = st.text(st.characters(codec=None), max_size=300) | st.text(
    st.sampled_from([*RESERVED, *". con1txtexe\u00b9\u2024\uff0f\u202e\u00a0\ud800\u1160"]),
    max_size=12,
)


@pytest.mark.parametrize(("name", "why"), REFUSED, ids=[ascii(name)[:30] for name, _ in REFUSED])
def test_a_name_that_is_harmful_somewhere_is_refused(name: str, why: str) -> None:
    """It is told why, in one sentence, and no content or extension makes up for it."""
    fault = fault_of_name(name)
    assert why in fault
    assert "\n" not in fault
    assert verdict(name, b"text") == ("", fault)


@pytest.mark.parametrize("name", ADMITTED, ids=[ascii(name)[:30] for name in ADMITTED])
def test_any_other_name_is_admitted(name: str) -> None:
    """In any script, with any punctuation that no system has a use for of its own."""
    assert fault_of_name(name) == ""


@given(NAMES)
def test_a_name_and_its_plain_form_are_admitted_together(name: str) -> None:
    """Whatever is admitted stays so where a system writes it by NFKC; nothing raises."""
    if not fault_of_name(name):
        assert fault_of_name(normalize("NFKC", name)) == ""
        assert 1 <= len(name.encode()) <= 255


@given(NAMES, st.binary(max_size=64) | st.just(b"text"))
def test_what_is_admitted_has_a_name_that_is(name: str, head: bytes) -> None:
    """A verdict is a type or a reason; a type is given to no file whose name is at fault."""
    for extensions in (None, frozenset({extension_of(name)})):
        type, reason = verdict(name, head, extensions)
        assert bool(type) is not bool(reason)
        if type:
            assert fault_of_name(name) == ""
            assert verdict(normalize("NFKC", name), head, extensions) == (type, "")


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("a.txt", "txt"),
        ("a.TXT", "txt"),
        ("a.tar.gz", "gz"),
        ("x.exe.txt", "txt"),
        ("x.txt.exe", "exe"),
        ("x\u2024exe", "exe"),  # one dot leader
        ("x.\uff45\uff58\uff45", "exe"),  # full-width
        ("x.pdf exe", "pdf exe"),
        ("README", "txt"),
        ("License", "txt"),
        ("Makefile", ""),
        ("passwd", ""),
    ],
)
def test_the_extension_follows_the_last_dot(name: str, extension: str) -> None:
    """By the NFKC form, in lower case; a few names of texts need none."""
    assert extension_of(name) == extension


def test_an_extension_that_is_not_on_the_list_is_refused() -> None:
    """Whatever is in the file; and where a list is given, what is not on that."""
    for name in ("a.exe", "a.sh", "a.html", "a.svg", "a.unheard-of", "a.txt~"):
        assert "are not admitted here" in verdict(name, b"text")[1]
    assert verdict("a.txt", b"text", frozenset({"pdf"}))[0] == ""
    assert verdict("README", b"text", frozenset({"pdf"}))[0] == ""
    assert verdict("README", b"text") == ("text/plain; charset=utf-8", "")
    assert "no extension" in verdict("Makefile", b"text", frozenset({"txt", ""}))[1]


def test_the_formats_are_in_order() -> None:
    """Each extension has one place, can be configured, and what may run is not in the default."""
    places = [extension for group in (*GROUPS.values(), ON_DEMAND) for extension in group]
    assert len(places) == len(set(places)) == len(FORMATS)
    assert all(EXTENSION.fullmatch(extension) for extension in places)
    assert DEFAULT_EXTENSIONS.isdisjoint(ON_DEMAND)
    assert all("/" in of.type and ";" not in of.type for of in FORMATS.values())
    assert HEAD_BYTES == 65_536


@pytest.mark.parametrize(
    ("text", "extensions"),
    [
        ("pdf", {"pdf"}),
        ("pdf,txt,sh", {"pdf", "txt", "sh"}),
        (" PDF , .Txt ", {"pdf", "txt"}),
        ("c++,7z", {"c++", "7z"}),
        ("+sh,+py", DEFAULT_EXTENSIONS | {"sh", "py"}),
        ("+.sh, -zip", (DEFAULT_EXTENSIONS | {"sh"}) - {"zip"}),
        ("+txt", DEFAULT_EXTENSIONS),
        ("+sh,-sh", DEFAULT_EXTENSIONS),
    ],
)
def test_a_person_says_which_extensions_are_admitted(text: str, extensions: set[str]) -> None:
    """A list of their own, or the default with more and less."""
    assert parse_extensions(text) == extensions


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is not a file extension"),
        ("pdf,,txt", "'' is not a file extension"),
        ("pdf,", "'' is not a file extension"),
        ("+", "'' is not a file extension"),
        ("++sh", "'+sh' is not a file extension"),
        ("tar.gz", "'tar.gz' is not a file extension"),
        ("*", "'*' is not a file extension"),
        ("pdf txt", "'pdf txt' is not a file extension"),
        ("é", "'é' is not a file extension"),
        ("x" * 33, "is not a file extension"),
        ("pdf,+sh", "either every extension has a + or - before it, or none has"),
        ("-exe", "-exe: that extension is not admitted anyway"),
    ],
)
def test_what_cannot_be_meant_is_told(text: str, why: str) -> None:
    """A slip of the pen in a configuration is no quiet change of what is admitted."""
    with pytest.raises(ValueError, match="extension") as raised:
        parse_extensions(text)
    assert why in str(raised.value)


@given(st.text(max_size=20))
def test_a_configuration_is_a_set_or_an_error(text: str) -> None:
    """Whatever is written, it is extensions as names have them, or a ValueError."""
    try:
        extensions = parse_extensions(text)
    except ValueError:
        extensions = frozenset()
    assert all(EXTENSION.fullmatch(extension) for extension in extensions)


def test_each_refusal_has_a_code() -> None:
    """Of a name, a type, a size and chunks: with the statuses that people script against."""
    codes = ("bad_name", "bad_type", "file_too_large", "chunks_missing")
    statuses = [(ERRORS[code].exit_status, ERRORS[code].http_status) for code in codes]
    assert statuses == [(6, 400), (6, 415), (6, 413), (5, 503)]
