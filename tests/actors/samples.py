"""Beginnings of files: what the standard library writes, and bytes that others begin with."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import wave
import zipfile
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from actors.names import HEAD_BYTES


def zip_of(*members: str, first: str = "") -> bytes:
    """A zip archive of members of these names; the first is a `mimetype` that says this."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        if first:
            archive.writestr(zipfile.ZipInfo("mimetype"), first)
        for member in members:
            archive.writestr(zipfile.ZipInfo(member), "" if member.endswith("/") else "<x/>")
    return file.getvalue()


def tar_of(*members: str, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive of empty members of these names."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for member in members:
            archive.addfile(tarfile.TarInfo(member))
    return file.getvalue()


def old_tar_of(member: str) -> bytes:
    """A tar archive as Unix version 7 wrote it: without the word "ustar"."""
    block = bytearray(tar_of(member, form=tarfile.USTAR_FORMAT))
    block[257:265] = bytes(8)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


def wav() -> bytes:
    """A second of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(16_000))
    return file.getvalue()


def database() -> bytes:
    """An SQLite database with a table."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("create table t (x)")
        return connection.serialize()
    finally:
        connection.close()


def ftyp(major: bytes, *others: bytes) -> bytes:
    """The beginning of a file of the MPEG-4 family with these brands."""
    size = 16 + 4 * len(others)
    return size.to_bytes(4) + b"ftyp" + major + bytes(4) + b"".join(others) + b"\0\0\0\x08moov"


def at(offset: int, magic: bytes) -> bytes:
    """Zeros, and this at an offset."""
    return bytes(offset) + magic + bytes(512)


CONTENT_TYPES, RELS = "[Content_Types].xml", "_rels/.rels"
ODF = "application/vnd.oasis.opendocument."

TEXT = b"Plain text, and no more.\n"
LATIN_1 = "Grüße\n".encode("latin-1")
UTF_16 = BOM_UTF16_LE + "Grüße\n".encode("utf-16-le")
UTF_16_BE = BOM_UTF16_BE + "Grüße\n".encode("utf-16-be")
WITH_BOM = BOM_UTF8 + "Grüße\n".encode()
CUT = b"x" * (HEAD_BYTES - 1) + "ü".encode()
CUT_16 = BOM_UTF16_LE + ("x" * (HEAD_BYTES // 2 - 2) + "\N{GRINNING FACE}").encode("utf-16-le")
HTML = b"<!DOCTYPE html>\n<html><body>hello</body></html>\n"
PHP = b"<?php phpinfo(); ?>\n"
SHELL = b"#!/bin/sh\nrm -rf /\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
XML = b'<?xml version="1.0"?>\n<note/>\n'
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\2\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01"
GIF = b"GIF89a\x01\0\x01\0"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
BMP = b"BM" + bytes(12) + (40).to_bytes(4, "little") + bytes(40)
WEBP = b"RIFF\x24\0\0\0WEBPVP8 "
TIFF = b"II*\0\x08\0\0\0\0\0\0\0"
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1_000)
MKV = b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska"
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm"
MP3 = b"\xff\xfb\x90\x64" + bytes(100)
ISO = at(32_769, b"CD001\x01")
ZIP = zip_of("a.txt")
DOCX = zip_of(CONTENT_TYPES, RELS, "word/document.xml")
XLSX = zip_of(CONTENT_TYPES, RELS, "xl/workbook.xml")
PPTX = zip_of(CONTENT_TYPES, RELS, "ppt/presentation.xml")
ODT = zip_of("content.xml", first=ODF + "text")
ODS = zip_of("content.xml", first=ODF + "spreadsheet")
EPUB = zip_of("META-INF/container.xml", first="application/epub+zip")
JAR = zip_of("META-INF/MANIFEST.MF", "Main.class")
JAR_WITH_FOLDER = zip_of("META-INF/", "META-INF/MANIFEST.MF", "Main.class")
APK = zip_of("AndroidManifest.xml", "classes.dex")
TAR = tar_of("a.txt")
GZIP = gzip.compress(TAR, mtime=0)
BZIP2 = bz2.compress(TEXT)
XZ = lzma.compress(TEXT)
ZSTD = b"\x28\xb5\x2f\xfd\x04\x00"
SKIPPABLE = (b"\x50\x2a\x4d\x18" + bytes(4)) * 2_000
EXE = b"MZ\x90\0\x03\0\0\0" + bytes(100)
ELF = b"\x7fELF\x02\x01\x01" + bytes(60)
MACH_O = b"\xcf\xfa\xed\xfe\x07\0\0\x01"
WASM = b"\0asm\x01\0\0\0"
NOISE = bytes(range(256)) * 4
