"""Which files are admitted: by their names, by an allow-list of extensions, and by whether the
first bytes agree with the extension. Nothing here opens a file.

A name has to be harmless on every system that a file may be copied to, also where such a system
writes it with plainer characters: a name and its NFKC form keep the same rules. The name is kept as
it is all the same; this form only judges.
"""

from __future__ import annotations

import re
from unicodedata import category, normalize

from actors.contents import HEAD_BYTES, program_in, script_in, text_of
from actors.formats import DEFAULT_EXTENSIONS, FORMATS, Binary, Raw, Text

__all__ = ["DEFAULT_EXTENSIONS", "HEAD_BYTES", "fault_of_name", "parse_extensions", "verdict"]

MAX_NAME_BYTES = 255
"""Of UTF-8, as on most file systems."""

RESERVED = '\\/:*?"<>|'
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (what turns the direction of text is among them), surrogate, private, unassigned,
and separators of lines and paragraphs."""

JOINERS = frozenset("\u200c\u200d")
"""Format characters that Persian, the scripts of India and emoji are written with."""

BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""What Unicode takes for letters or symbols, and nobody sees."""

DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)
"""Of Windows, in every folder. Superscript digits become plain ones by NFKC."""

PLAIN_TEXTS = frozenset(
    {"authors", "changelog", "changes", "contributors", "copying", "credits", "history", "install"}
    | {"licence", "license", "maintainers", "news", "notice", "readme", "thanks", "todo", "version"}
)
"""Names without an extension that are those of texts: as if `.txt` stood behind them."""

EXTENSION = re.compile(r"[a-z0-9][a-z0-9_+#-]{0,31}")


def fault_of_name(name: str) -> str:
    """Why no file may be called so, in a sentence for a person; empty if one may."""
    # No character has less than a byte. What is longer is not looked at any further.
    if len(name) > MAX_NAME_BYTES:
        return _LENGTH
    if fault := _fault_of_form(name):
        return fault
    fault = _fault_of_form(normalize("NFKC", name))
    return f"with plain characters (NFKC) in place of others, {fault}" if fault else ""


_LENGTH = f"a file name has 1 to {MAX_NAME_BYTES} bytes of UTF-8"


def _fault_of_form(name: str) -> str:
    for character in name:
        if character in RESERVED:
            return f"a file name has none of {' '.join(RESERVED)}"
        if (category(character) in UNSEEN and character not in JOINERS) or character in BLANK:
            return (
                "a file name has no control, direction, invisible or unassigned character: "
                f"U+{ord(character):04X}"
            )
    if not 1 <= len(name.encode()) <= MAX_NAME_BYTES:
        return _LENGTH
    if name.startswith("."):
        return "a file name does not begin with a dot"
    if name != name.strip():
        return "a file name neither begins nor ends with a space"
    if name.endswith("."):
        return "a file name does not end with a dot"
    stem = name.partition(".")[0].rstrip()
    if stem.casefold() in DEVICES:
        return f"{stem} is the name of a device on Windows, whatever stands behind it"
    return ""


def verdict(name: str, head: bytes, extensions: frozenset[str] | None = None) -> tuple[str, str]:
    """Is a file of this name that begins with `head`, which is all of it or at least HEAD_BYTES, to
    be admitted? Its content type, such as `image/png`, and nothing; or nothing, and why it is
    refused, in a sentence. `extensions` are those that are admitted, in lower case and without
    their dots, None for the default."""
    if fault := fault_of_name(name):
        return "", fault
    admitted = DEFAULT_EXTENSIONS if extensions is None else extensions
    extension = extension_of(name)
    if not extension:
        return "", "the name has no extension, so nobody can tell what the file is"
    if extension not in admitted:
        return "", f"files with the extension .{extension} are not admitted here"
    return _judge(extension, head[:HEAD_BYTES])


def extension_of(name: str) -> str:
    """What follows the last dot of an admitted name, in lower case, by its NFKC form; `txt` for the
    names of texts that have none; else empty."""
    form = normalize("NFKC", name).lower()
    if form in PLAIN_TEXTS:
        return "txt"
    return form.rpartition(".")[2] if "." in form else ""


def _judge(extension: str, head: bytes) -> tuple[str, str]:
    """The verdict on the content, of an extension that is admitted."""
    match FORMATS.get(extension, Raw()):
        case Binary(type, agrees):
            return (type, "") if agrees(head) else ("", _other_than(extension, head))
        case Text(type, opening, may_run):
            try:
                text, charset = text_of(head)
            except ValueError as error:
                return "", f"the file is called .{extension} and is not text: {error}"
            if not may_run and (script := script_in(text)):
                return "", f"the file is called .{extension} and is {script}"
            if opening and text.strip() and not opening.match(text):
                return "", _other_than(extension, head)
            is_named = type.startswith("text/") or charset != "utf-8"
            return f"{type}; charset={charset}" if is_named else type, ""
        case Raw(type):
            return ("", _other_than(extension, head)) if program_in(head) else (type, "")


def _other_than(extension: str, head: bytes) -> str:
    """What is wrong with a content that does not agree with its extension."""
    if not head:
        return f"the file is empty, and no .{extension} file is"
    if program := program_in(head):
        return f"the file is called .{extension} and is {program}"
    return f"the file is called .{extension} and does not begin as such a file does"


def parse_extensions(text: str) -> frozenset[str]:
    """The extensions that a person wants admitted: `pdf,txt` are these alone, `+sh,-zip` the
    default with one more and one less. Dots before them, capitals and spaces do not matter. Raises
    ValueError, in a sentence, for what cannot be meant."""
    entries = [entry.strip().lower() for entry in text.split(",")]
    signs = [entry[:1] if entry[:1] in ("+", "-") else "" for entry in entries]
    named = [
        entry.removeprefix(sign).strip().removeprefix(".")
        for entry, sign in zip(entries, signs, strict=True)
    ]
    for extension in named:
        if not EXTENSION.fullmatch(extension):
            raise ValueError(f"{extension!r} is not a file extension, such as pdf")
    if not any(signs):
        return frozenset(named)
    if not all(signs):
        raise ValueError("either every extension has a + or - before it, or none has")
    extensions = set(DEFAULT_EXTENSIONS)
    for sign, extension in zip(signs, named, strict=True):
        if sign == "+":
            extensions.add(extension)
        elif extension in extensions:
            extensions.remove(extension)
        else:
            raise ValueError(f"-{extension}: that extension is not admitted anyway")
    return frozenset(extensions)
