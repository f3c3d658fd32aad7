"""What a file is, by its first bytes: rules that say yes or no, and never look further.

A rule is strict where bytes can tell, and content with the family where they cannot: a document
that is a zip archive may be any zip archive, but for those that are known to be another document.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, utf_8_decode, utf_16_decode
from collections.abc import Callable

import filetype

HEAD_BYTES = 65_536
"""So much of the beginning of a file is looked at. One with fewer bytes is looked at as a whole."""

Rule = Callable[[bytes], bool]

KINDS = {kind.extension: kind for kind in filetype.types}
"""The rules of filetype, which are asked one by one: asked for its guess, it takes the first that
fits, and a text that begins with "BM" for a picture."""

PROGRAMS = (
    (b"#!", "a script"),
    (b"MZ", "a program for Windows"),
    (b"\x7fELF", "a program for Linux"),
    (b"\xfe\xed\xfa\xce", "a program for macOS"),
    (b"\xfe\xed\xfa\xcf", "a program for macOS"),
    (b"\xce\xfa\xed\xfe", "a program for macOS"),
    (b"\xcf\xfa\xed\xfe", "a program for macOS"),
    (b"\xca\xfe\xba\xbe", "a program for macOS or Java"),
    (b"\0asm", "a WebAssembly program"),
    (b"dex\n03", "a program for Android"),
    (b"BC\xc0\xde", "a program in LLVM bitcode"),
    (b"\x1bLua", "a Lua program"),
    (b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut"),
    (b"!<arch>\ndebian", "a Debian package"),
    (b"\xed\xab\xee\xdb", "an RPM package"),
    (b"Cr24", "a browser extension"),
)
PACKED_PROGRAM = re.compile(
    rb"PK\x03\x04.{26}(?:AndroidManifest\.xml|META-INF/(?:MANIFEST\.MF|\xfe\xca"
    rb"|PK\x03\x04.{26}META-INF/MANIFEST\.MF))",
    re.DOTALL,
)
"""A zip archive that shows itself to be a jar, or a package for Android, by its first members."""

ZIP = b"PK\x03\x04"
ZIPPED = ("docx", "xlsx", "pptx", "odt", "ods", "odp", "epub")
"""Documents that filetype can often tell from other zip archives."""

# What may stand before the first element. All of it is atomic: with nothing to go back to, the time
# that a search takes grows with the text and no faster.
PROLOGUE = (
    r"(?>\s+|<!--.*?-->|<\?xml.*?\?>|<!doctype(?!\s+(?:html|svg))[^>\[]*+(?:\[[^\]]*+\])?\s*+>)*+"
)
PAGE = re.compile(
    PROLOGUE + r"(?:<!doctype\s+(?:html|svg)|<\?(?:php|=|\s)|<%"
    r"|<(?:[\w.-]+:)?(?:html|head|body|script|iframe|frameset|svg)(?:[\s/>]|\Z))",
    re.IGNORECASE | re.DOTALL,
)
"""The beginning of what a browser or a web server would run, whatever it is called."""

CONTROL = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
"""What no text has: bell, backspace, white space and escape are left, as terminals write them."""

TAR_BLOCK = 512
TAR_CHECKSUM = slice(148, 156)


def text_of(head: bytes) -> tuple[str, str]:
    """The text that it is, and its charset: UTF-8, or UTF-16 where a byte order mark says so. It
    may be cut within a character where there is more of the file. Raises ValueError with why it is
    no text."""
    is_whole = len(head) < HEAD_BYTES
    wide = head.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    charset = "utf-16" if wide else "utf-8"
    try:
        text, _ = (utf_16_decode if wide else utf_8_decode)(head, "strict", is_whole)
    except UnicodeDecodeError as error:
        raise ValueError(f"what begins at byte {error.start:,} is not {charset.upper()}") from None
    if control := CONTROL.search(text):
        raise ValueError(f"text has no control character U+{ord(control[0]):04X}")
    return text.removeprefix("\ufeff"), charset


def script_in(text: str) -> str:
    """What a shell, a browser or a web server would run of a text: "a script", or a page or drawing
    that may hold some; empty if nothing."""
    if text.startswith("#!"):
        return "a script"
    return "a page that may hold scripts" if PAGE.match(text) else ""


def program_in(head: bytes) -> str:
    """Which kind of program, script or page it is, such as "a script"; empty if it is none."""
    for magic, what in PROGRAMS:
        if head.startswith(magic):
            return what
    if PACKED_PROGRAM.match(head):
        return "a program for Java or Android"
    try:
        text, _ = text_of(head)
    except ValueError:
        return ""
    return script_in(text)


def begins(*magic: bytes, at: int = 0) -> Rule:
    """One of these stands there. What stands before it must not make it a program."""
    return lambda head: head.startswith(magic, at) and not (at and program_in(head))


def either(*rules: Rule) -> Rule:
    """One of these says yes."""
    return lambda head: any(rule(head) for rule in rules)


def known(kind: str) -> Rule:
    """filetype's rule for its kind of this extension."""
    found = KINDS[kind]
    return lambda head: bool(found.match(head))


def is_zip(head: bytes) -> bool:
    """A zip archive, also an empty or a split one, and not a packed program."""
    return head.startswith((ZIP, b"PK\x05\x06", b"PK\x07\x08")) and not program_in(head)


def zipped(kind: str) -> Rule:
    """A document that is a zip archive. The order of its members is free, so that it need not show
    which; if it shows another, it is not this."""
    others = [known(other) for other in ZIPPED if other != kind]
    return lambda head: (
        head.startswith(ZIP) and not program_in(head) and not any(other(head) for other in others)
    )


def is_tar(head: bytes) -> bool:
    """A tar archive of any age: the checksum of its first header holds, or it is an empty one."""
    block = head[:TAR_BLOCK]
    if len(block) < TAR_BLOCK or program_in(head):
        return False
    if not any(block):
        return len(head) > TAR_BLOCK and not any(head[TAR_BLOCK:])
    digits = block[TAR_CHECKSUM].strip(b" \0")
    if not digits or not set(digits).issubset(b"01234567"):
        return False
    blank = block[: TAR_CHECKSUM.start] + b" " * 8 + block[TAR_CHECKSUM.stop :]
    return int(digits, 8) == sum(blank)


def brands_of(head: bytes) -> list[bytes]:
    """The brands of a file of the MPEG-4 family (ISO base media), the major one first; or none."""
    size = int.from_bytes(head[:4])
    if head[4:8] != b"ftyp" or not 16 <= size <= len(head):
        return []
    return [head[8:12], *[head[i : i + 4] for i in range(16, size - 3, 4)]]


def major(*prefixes: bytes) -> Rule:
    """Of the MPEG-4 family, and its major brand begins so."""
    return lambda head: any(brand.startswith(prefixes) for brand in brands_of(head)[:1])


def branded(*prefixes: bytes, unless: Rule) -> Rule:
    """Of the MPEG-4 family, and one of its brands begins so, unless it is something else of it."""
    return lambda head: (
        any(brand.startswith(prefixes) for brand in brands_of(head)) and not unless(head)
    )


def is_mpeg_audio(head: bytes) -> bool:
    """An ID3 tag, or the header of a frame of MPEG audio: the version and the rates exist, and the
    layer is 3 or 2."""
    if head.startswith(b"ID3"):
        return True
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    return version != 1 and layer in (1, 2) and head[2] >> 4 != 15 and head[2] >> 2 & 3 != 3


def is_bmp(head: bytes) -> bool:
    """A bitmap: "BM", and then one of the sizes that its second header may have."""
    sizes = (12, 16, 40, 52, 56, 64, 108, 124)
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in sizes


def is_wave(head: bytes) -> bool:
    """A RIFF file of sound, or one of its forms: of the other byte order, or beyond 4 GiB."""
    return head.startswith((b"RIFF", b"RIFX", b"RF64", b"BW64")) and head[8:12] == b"WAVE"


def is_opus(head: bytes) -> bool:
    """Ogg with Opus in its first page."""
    return head.startswith(b"OggS") and b"OpusHead" in head[:512]
