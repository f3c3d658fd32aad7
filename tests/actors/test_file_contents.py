"""The content of a file has to agree with its extension, judged by the first bytes."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.contents import PROGRAMS
from actors.formats import FORMATS, GROUPS, Binary
from actors.names import HEAD_BYTES, verdict
from tests.actors import samples as s

ALL = frozenset(FORMATS)
UTF_8, UTF_16 = "; charset=utf-8", "; charset=utf-16"

ADMITTED: list[tuple[str, bytes, str]] = [
    # Text.
    ("a.txt", s.TEXT, "text/plain" + UTF_8),
    ("a.txt", b"", "text/plain" + UTF_8),
    ("a.txt", s.WITH_BOM, "text/plain" + UTF_8),
    ("a.txt", s.UTF_16, "text/plain" + UTF_16),
    ("a.txt", s.UTF_16_BE, "text/plain" + UTF_16),
    ("a.txt", s.CUT, "text/plain" + UTF_8),
    ("a.txt", s.CUT_16, "text/plain" + UTF_16),
    ("a.txt", s.TEXT * 10_000 + b"\0", "text/plain" + UTF_8),  # nobody looks that far
    ("a.TXT", s.TEXT, "text/plain" + UTF_8),
    ("x.exe.txt", s.TEXT, "text/plain" + UTF_8),
    ("a.txt", b"BMW, GIF, MZ, PK and %! may begin a text", "text/plain" + UTF_8),
    ("a.txt", b"MZ is how programs begin", "text/plain" + UTF_8),
    ("a.txt", b"<hello> world", "text/plain" + UTF_8),
    ("a.txt", b"a page begins with <html>", "text/plain" + UTF_8),
    ("a.log", b"\x1b[32mgreen\x1b[0m\x07\x08\x0c\x0b\r\n", "text/plain" + UTF_8),
    ("README", s.TEXT, "text/plain" + UTF_8),
    ("README.md", b'<p align="center">Title</p>\n', "text/markdown" + UTF_8),
    ("a.md", b"# PHP\n\n```\n<?php\n```\n", "text/markdown" + UTF_8),
    ("a.tex", b"\\documentclass{article}", "text/x-tex" + UTF_8),
    ("a.ics", b"BEGIN:VCALENDAR\r\n", "text/calendar" + UTF_8),
    ("a.vcf", b"BEGIN:VCARD\r\n", "text/vcard" + UTF_8),
    ("a.vtt", b"WEBVTT\n", "text/vtt" + UTF_8),
    ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nhi\n", "application/x-subrip"),
    # Data.
    ("a.csv", b"a,b\n1,2\n", "text/csv" + UTF_8),
    ("a.csv", s.UTF_16, "text/csv" + UTF_16),
    ("a.json", b' {"a": 1}', "application/json"),
    ("a.json", b"-1.5", "application/json"),
    ("a.json", b"null\n", "application/json"),
    ("a.json", b"// with comments\n{}", "application/json"),
    ("a.json", b"", "application/json"),
    ("a.xml", s.XML, "application/xml"),
    ("a.xml", b"<!-- x --><note/>", "application/xml"),
    ("a.xml", b"<!DOCTYPE note [<!ENTITY a 'b'>]><note/>", "application/xml"),
    ("a.yaml", b"a: 1\n", "application/yaml"),
    ("a.sqlite", s.database(), "application/vnd.sqlite3"),
    ("a.parquet", b"PAR1\x15\x04", "application/vnd.apache.parquet"),
    ("a.npy", b"\x93NUMPY\x01\0v\0", "application/x-npy"),
    ("a.npz", s.zip_of("a.npy"), "application/x-npz"),
    ("a.h5", b"\x89HDF\r\n\x1a\n\0", "application/x-hdf5"),
    ("a.dcm", s.at(128, b"DICM"), "application/dicom"),
    ("a.bin", s.NOISE, "application/octet-stream"),
    ("a.dat", s.TEXT, "application/octet-stream"),
    ("a.bin", b"", "application/octet-stream"),
    # Documents.
    ("a.pdf", s.PDF, "application/pdf"),
    ("a.rtf", rb"{\rtf1\ansi hello}", "application/rtf"),
    ("a.doc", s.OLE2, "application/msword"),
    ("a.xls", s.OLE2, "application/vnd.ms-excel"),
    ("a.docx", s.DOCX, FORMATS["docx"].type),
    ("a.docx", s.ZIP, FORMATS["docx"].type),  # bytes cannot tell
    ("a.xlsx", s.XLSX, FORMATS["xlsx"].type),
    ("a.pptx", s.PPTX, FORMATS["pptx"].type),
    ("a.odt", s.ODT, s.ODF + "text"),
    ("a.ods", s.ODS, s.ODF + "spreadsheet"),
    ("a.odg", s.zip_of("x", first=s.ODF + "graphics"), s.ODF + "graphics"),
    ("a.epub", s.EPUB, "application/epub+zip"),
    ("a.mobi", s.at(60, b"BOOKMOBI"), "application/x-mobipocket-ebook"),
    # Images.
    ("a.png", s.PNG, "image/png"),
    ("A.PNG", s.PNG, "image/png"),
    ("a.jpg", s.JPEG, "image/jpeg"),
    ("a.jpeg", s.JPEG, "image/jpeg"),
    ("a.gif", s.GIF, "image/gif"),
    ("a.bmp", s.BMP, "image/bmp"),
    ("a.webp", s.WEBP, "image/webp"),
    ("a.tif", s.TIFF, "image/tiff"),
    ("a.ico", b"\0\0\x01\0\x01\0", "image/x-icon"),
    ("a.heic", s.ftyp(b"heic", b"mif1", b"heic"), "image/heic"),
    ("a.heic", s.ftyp(b"mif1", b"mif1", b"heic"), "image/heic"),
    ("a.avif", s.ftyp(b"avif", b"avif", b"mif1", b"miaf"), "image/avif"),
    # Audio and video.
    ("a.mp3", s.MP3, "audio/mpeg"),
    ("a.mp3", b"ID3\x04\0\0\0\0\0\0", "audio/mpeg"),
    ("a.m4a", s.ftyp(b"M4A ", b"M4A ", b"mp42", b"isom"), "audio/mp4"),
    ("a.ogg", b"OggS\0\x02" + bytes(20), "audio/ogg"),
    ("a.opus", b"OggS\0\x02" + bytes(22) + b"OpusHead", "audio/opus"),
    ("a.flac", b"fLaC\0\0\0\x22", "audio/flac"),
    ("a.wav", s.wav(), "audio/wav"),
    ("a.wav", b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
    ("a.mid", b"MThd\0\0\0\x06", "audio/midi"),
    ("a.amr", b"#!AMR\n" + s.NOISE, "audio/amr"),
    ("a.mp4", s.ftyp(b"isom", b"isom", b"avc1", b"mp41"), "video/mp4"),
    ("a.mp4", s.ftyp(b"XAVC", b"XAVC", b"mp42", b"iso2"), "video/mp4"),
    ("a.mov", s.ftyp(b"qt  ", b"qt  "), "video/quicktime"),
    ("a.mov", b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
    ("a.mkv", s.MKV, "video/x-matroska"),
    ("a.webm", s.WEBM, "video/webm"),
    ("a.avi", b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
    # Archives and fonts.
    ("a.zip", s.ZIP, "application/zip"),
    ("a.zip", s.zip_of(), "application/zip"),
    ("a.zip", s.DOCX, "application/zip"),
    ("a.tar", s.TAR, "application/x-tar"),
    ("a.tar", s.tar_of(), "application/x-tar"),
    ("a.tar", s.old_tar_of("a.txt"), "application/x-tar"),
    ("a.tar.gz", s.GZIP, "application/gzip"),
    ("a.bz2", s.BZIP2, "application/x-bzip2"),
    ("a.xz", s.XZ, "application/x-xz"),
    ("a.zst", s.ZSTD, "application/zstd"),
    ("a.zst", s.SKIPPABLE, "application/zstd"),
    ("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04", "application/x-7z-compressed"),
    ("a.rar", b"Rar!\x1a\x07\x01\0", "application/vnd.rar"),
    ("a.iso", s.ISO, "application/x-iso9660-image"),
    ("a.img", s.at(510, b"\x55\xaa"), "application/octet-stream"),
    ("a.ttf", b"\0\x01\0\0\0\x0f", "font/ttf"),
    ("a.woff2", b"wOF2\0\x01\0\0", "font/woff2"),
]

REFUSED: list[tuple[str, bytes, str]] = [
    # Text that is not.
    ("a.txt", s.LATIN_1, "what begins at byte 2 is not UTF-8"),
    ("a.txt", s.CUT[-2:-1], "what begins at byte 0 is not UTF-8"),
    ("a.txt", s.UTF_16[:-1], "what begins at byte 12 is not UTF-16"),
    ("a.txt", s.UTF_16[2:], "not text"),
    ("a.txt", b"a\0b", "no control character U+0000"),
    ("a.txt", b"a\x01b", "no control character U+0001"),
    ("a.txt", b"a\x7fb", "no control character U+007F"),
    ("a.txt", b"\xff\xfe\0\0a\0\0\0", "no control character U+0000"),  # UTF-32
    ("a.txt", s.PNG, "not text"),
    ("a.txt", s.EXE, "not text"),
    ("a.csv", s.XLSX, "not text"),
    ("a.csv", s.LATIN_1, "not UTF-8"),
    ("README", s.ELF, "not text"),
    # Scripts and pages under another name.
    ("a.txt", s.SHELL, "is a script"),
    ("a.txt", b"\xef\xbb\xbf" + s.SHELL, "is a script"),
    ("a.txt", s.SHELL.decode().encode("utf-16"), "is a script"),
    ("README", s.SHELL, "is a script"),
    ("a.json", s.SHELL, "is a script"),
    ("a.txt", s.PHP, "is a page"),
    ("a.txt", b"\n <?= system($_GET['c']) ?>", "is a page"),
    ("a.txt", b"<? phpinfo(); ?>", "is a page"),
    ("a.txt", b'<%@ page language="java" %>', "is a page"),
    ("a.txt", s.HTML, "is a page"),
    ("a.txt", s.HTML.upper(), "is a page"),
    ("a.md", s.HTML, "is a page"),
    ("a.txt", b"\xef\xbb\xbf\r\n\t" + s.HTML, "is a page"),
    ("a.txt", s.HTML.decode().encode("utf-16"), "is a page"),
    ("a.txt", b"<!-- x --> <!-- y --><html>", "is a page"),
    ("a.txt", b"<script>alert(1)</script>", "is a page"),
    ("a.csv", b'<iframe src="//x"></iframe>', "is a page"),
    ("a.xml", b'<?xml version="1.0"?><!DOCTYPE html><html>', "is a page"),
    ("a.xml", b'<?xml version="1.0"?><x:html xmlns:x="">', "is a page"),
    ("a.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><html>", "is a page"),
    ("a.xml", s.SVG, "is a page"),
    ("a.bin", s.HTML, "is a page"),
    ("a.bin", s.SHELL, "is a script"),
    # Programs under another name.
    ("a.png", s.EXE, "is a program for Windows"),
    ("a.pdf", s.ELF, "is a program for Linux"),
    ("a.bin", s.ELF, "is a program for Linux"),
    ("a.dat", s.EXE, "is a program for Windows"),
    ("a.img", s.MACH_O, "is a program for macOS"),
    ("a.bin", s.WASM, "is a WebAssembly program"),
    ("a.iso", b"MZ" + s.ISO[2:], "is a program for Windows"),
    ("a.dcm", s.EXE + bytes(20) + b"DICM", "is a program for Windows"),
    ("a.tar", b"MZ" + s.TAR[2:], "is a program for Windows"),
    ("a.zip", s.JAR, "is a program for Java or Android"),
    ("a.zip", s.JAR_WITH_FOLDER, "is a program for Java or Android"),
    ("a.zip", s.APK, "is a program for Java or Android"),
    ("a.docx", s.JAR, "is a program for Java or Android"),
    # One thing under the name of another.
    ("a.png", s.ZIP, "does not begin as such a file does"),
    ("a.png", s.JPEG, "does not begin as such a file does"),
    ("a.png", s.PNG[:4], "does not begin as such a file does"),
    ("a.png", s.HTML, "is a page"),
    ("a.png", s.SVG, "is a page"),
    ("a.jpg", s.PNG, "does not begin as such a file does"),
    ("a.gif", b"GIF is a format", "does not begin as such a file does"),
    ("a.bmp", b"BMW is a brand", "does not begin as such a file does"),
    ("a.pdf", s.TEXT, "does not begin as such a file does"),
    ("a.pdf", b"x" + s.PDF, "does not begin as such a file does"),
    ("a.docx", s.XLSX, "does not begin as such a file does"),
    ("a.docx", s.ODT, "does not begin as such a file does"),
    ("a.docx", s.OLE2, "does not begin as such a file does"),
    ("a.doc", s.DOCX, "does not begin as such a file does"),
    ("a.odg", s.ODT, "does not begin as such a file does"),
    ("a.epub", s.ODT, "does not begin as such a file does"),
    ("a.heic", s.ftyp(b"avif", b"mif1"), "does not begin as such a file does"),
    ("a.avif", s.ftyp(b"heic", b"mif1"), "does not begin as such a file does"),
    ("a.mp4", s.ftyp(b"heic", b"iso8"), "does not begin as such a file does"),
    ("a.mp4", s.ftyp(b"avis", b"msf1", b"iso8"), "does not begin as such a file does"),
    ("a.mp4", s.ftyp(b"isom")[:15], "does not begin as such a file does"),
    ("a.mp4", s.MKV, "does not begin as such a file does"),
    ("a.mkv", s.WEBM, "does not begin as such a file does"),
    ("a.mp3", b"\xff\xf1\x50\x80", "does not begin as such a file does"),  # AAC
    ("a.mp3", s.UTF_16, "does not begin as such a file does"),
    ("a.wav", s.WEBP, "does not begin as such a file does"),
    ("a.opus", b"OggS" + bytes(100), "does not begin as such a file does"),
    ("a.sqlite", b"SQLite is a library", "does not begin as such a file does"),
    ("a.tar", s.GZIP, "does not begin as such a file does"),
    ("a.tar", s.NOISE, "does not begin as such a file does"),
    ("a.gz", s.TAR, "does not begin as such a file does"),
    ("a.iso", bytes(1_000), "does not begin as such a file does"),
    ("a.json", b"hello", "does not begin as such a file does"),
    ("a.json", b"nothing", "does not begin as such a file does"),
    ("a.xml", s.TEXT, "does not begin as such a file does"),
    ("a.ics", s.TEXT, "does not begin as such a file does"),
    ("a.png", b"", "the file is empty"),
    ("a.zip", b"", "the file is empty"),
]

ASKED_FOR: list[tuple[str, bytes, str]] = [
    ("a.sh", s.SHELL, "text/plain" + UTF_8),
    ("a.py", s.TEXT, "text/plain" + UTF_8),
    ("a.php", s.PHP, "text/plain" + UTF_8),
    ("a.html", s.HTML, "text/html" + UTF_8),
    ("a.svg", s.SVG, "image/svg+xml"),
    ("a.exe", s.EXE, FORMATS["exe"].type),
    ("a.so", s.ELF, "application/x-elf"),
    ("a.jar", s.JAR, "application/zip"),
    ("a.wasm", s.WASM, "application/wasm"),
    ("a.deb", b"!<arch>\ndebian-binary   ", FORMATS["deb"].type),
    ("a.sh", s.ELF, ""),
    ("a.html", s.PNG, ""),
    ("a.svg", s.TEXT, ""),
    ("a.exe", s.SHELL, ""),
    ("a.exe", b"", ""),
    ("a.jar", s.ELF, ""),
]

SAMPLES = [value for value in vars(s).values() if isinstance(value, bytes)]
HEADS = st.binary(max_size=600) | st.builds(
    lambda begin, rest, offset: rest[:offset] + begin + rest[offset:],
    st.sampled_from(SAMPLES),
    st.binary(max_size=40),
    st.sampled_from([0, 0, 0, 4, 8]),
)


def ids(rows: list[tuple[str, bytes, str]]) -> list[str]:
    """Of the rows of a table: the name, and how the content begins."""
    return [
        f"{name} {re.sub(r'[^ -~]', '.', head[:16].decode('latin-1'))}" for name, head, _ in rows
    ]


@pytest.mark.parametrize(("name", "head", "type"), ADMITTED, ids=ids(ADMITTED))
def test_a_content_that_agrees_is_admitted(name: str, head: bytes, type: str) -> None:
    """The file is of the type that its extension stands for."""
    assert verdict(name, head) == (type, "")


@pytest.mark.parametrize(("name", "head", "why"), REFUSED, ids=ids(REFUSED))
def test_a_content_that_does_not_agree_is_refused(name: str, head: bytes, why: str) -> None:
    """It is told in a sentence what the file is, or is not."""
    type, reason = verdict(name, head)
    assert type == ""
    assert why in reason


@pytest.mark.parametrize(("name", "head", "type"), ASKED_FOR, ids=ids(ASKED_FOR))
def test_what_may_run_is_admitted_only_where_asked_for(name: str, head: bytes, type: str) -> None:
    """Then its content has to agree as well."""
    assert "not admitted here" in verdict(name, head)[1]
    assert verdict(name, head, ALL)[0] == type


def test_an_extension_that_nobody_here_knows_takes_all_but_programs() -> None:
    """Whoever puts it on the list gets raw bytes; what may run still needs a name of its own."""
    extensions = frozenset({"unheard"})
    assert verdict("a.unheard", s.NOISE, extensions) == ("application/octet-stream", "")
    assert verdict("a.unheard", s.TEXT, extensions) == ("application/octet-stream", "")
    assert verdict("a.unheard", s.ELF, extensions)[0] == ""


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_an_empty_file_is_text_or_raw(extension: str) -> None:
    """What is judged by its bytes has some."""
    refused = verdict(f"a.{extension}", b"", ALL)[1] != ""
    assert refused is isinstance(FORMATS[extension], Binary)


@pytest.mark.parametrize(("magic", "what"), PROGRAMS, ids=[ascii(magic) for magic, _ in PROGRAMS])
def test_no_program_is_admitted_by_default(magic: bytes, what: str) -> None:
    """Under no extension: not where the bytes show a program, however they go on."""
    for group in GROUPS.values():
        for extension in group:
            name = f"a.{extension}"
            if isinstance(FORMATS[extension], Binary) or magic == b"#!":
                assert verdict(name, magic + b" " * 40_000)[0] == "", what
            assert verdict(name, magic + bytes(300))[0] == "", what


@given(st.sampled_from(sorted(FORMATS)), HEADS)
@example("zst", s.SKIPPABLE)
def test_every_content_has_a_verdict(extension: str, head: bytes) -> None:
    """A type or a reason, whatever the bytes; no more than the head counts, and nothing raises."""
    name = f"a.{extension}"
    type, reason = verdict(name, head, ALL)
    assert bool(type) is not bool(reason)
    assert type.partition(";")[0] in ("", FORMATS[extension].type)
    full = (head + bytes(HEAD_BYTES))[:HEAD_BYTES]
    assert verdict(name, full, ALL) == verdict(name, full + b"\xff", ALL)


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_every_rule_answers_every_sample(extension: str) -> None:
    """No beginning of a file, whole or cut anywhere near, makes the rule of another raise."""
    for sample in SAMPLES:
        for head in (sample, sample[:1], sample[:10], sample[:40], sample[1:], sample[:-1]):
            type, reason = verdict(f"a.{extension}", head, ALL)
            assert bool(type) is not bool(reason)


@pytest.mark.parametrize(
    "piece", ["<!--", "<!---->", "<?xml", "<?xml?>", " ", "<!doctype ", "<!doctype a []>", "<x:"]
)
def test_no_text_takes_long_to_judge(piece: str) -> None:
    """The search for a page takes time in proportion to the text, whatever it is made of."""
    head = (piece * HEAD_BYTES)[:HEAD_BYTES].encode()
    begun = process_time()
    verdict("a.txt", head)
    assert process_time() - begun < 0.5
