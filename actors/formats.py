"""Of each file extension, what its files are called on the web and how their content is judged.

Those in GROUPS are admitted unless somebody says otherwise. Those in ON_DEMAND are programs,
scripts and what may hold them: they are admitted only where somebody asked for them, and are judged
then too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from actors.contents import (
    KINDS,
    ZIP,
    Rule,
    begins,
    branded,
    either,
    is_bmp,
    is_mpeg_audio,
    is_opus,
    is_tar,
    is_wave,
    is_zip,
    known,
    major,
    zipped,
)


@dataclass(frozen=True, slots=True)
class Binary:
    """Its bytes show what it is: the rule tells."""

    type: str
    agrees: Rule


@dataclass(frozen=True, slots=True)
class Text:
    """Any text that begins so, or has nothing but white space. Scripts and pages are texts too, but
    admitted only as what `may_run`."""

    type: str = "text/plain"
    opening: re.Pattern[str] | None = None
    may_run: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """Anything but a program, a script or a page: the extension claims nothing that bytes could
    show."""

    type: str = "application/octet-stream"


Format = Binary | Text | Raw


def opening(pattern: str) -> re.Pattern[str]:
    """How a text begins, after white space, in capitals or not."""
    return re.compile(r"\s*" + pattern, re.IGNORECASE)


def document(kind: str) -> Binary:
    """A document that is a zip archive, of a kind that filetype knows."""
    return Binary(KINDS[kind].mime, zipped(kind))


OLE2 = begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""Old office documents. Which, is told by a directory that may be anywhere in the file."""

PLAIN = Text()
JSON = opening(r'(?:[{\["/]|-?\d|true\b|false\b|null\b)')
XML = opening("<")
SQLITE = Binary("application/vnd.sqlite3", begins(b"SQLite format 3\0"))
HDF5 = begins(b"\x89HDF\r\n\x1a\n")
PNG = begins(b"\x89PNG\r\n\x1a\n")
OGG = begins(b"OggS")
AVIF = major(b"avif", b"avis")
HEIF = branded(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", unless=AVIF)
PICTURE = either(AVIF, HEIF, major(b"mif1", b"msf1"))
MP4 = branded(b"iso", b"mp4", b"avc1", b"dash", b"M4", b"MSNV", b"cmf", b"3g", unless=PICTURE)
QUICKTIME = either(major(b"qt  "), begins(b"moov", b"mdat", b"wide", b"free", b"skip", at=4))
ASF = known("wmv")
GZIP, BZIP2, XZ = known("gz"), known("bz2"), known("xz")
ZSTD = begins(b"\x28\xb5\x2f\xfd", *[bytes([0x50 + i]) + b"\x2a\x4d\x18" for i in range(16)])
# The first word of a volume, 32 KiB in: ISO 9660, or UDF alone.
DISC = begins(b"CD001", b"BEA01", at=32_769)

DOCUMENTS: dict[str, Format] = {
    "pdf": Binary("application/pdf", known("pdf")),
    "rtf": Binary("application/rtf", known("rtf")),
    "doc": Binary("application/msword", OLE2),
    "xls": Binary("application/vnd.ms-excel", OLE2),
    "ppt": Binary("application/vnd.ms-powerpoint", OLE2),
    "docx": document("docx"),
    "xlsx": document("xlsx"),
    "pptx": document("pptx"),
    "odt": document("odt"),
    "ods": document("ods"),
    "odp": document("odp"),
    "odg": Binary("application/vnd.oasis.opendocument.graphics", zipped("odg")),
    "epub": document("epub"),
    "mobi": Binary("application/x-mobipocket-ebook", begins(b"BOOKMOBI", at=60)),
    "djvu": Binary("image/vnd.djvu", begins(b"AT&TFORM")),
}

TEXT: dict[str, Format] = {
    "txt": PLAIN,
    "text": PLAIN,
    "log": PLAIN,
    "md": Text("text/markdown"),
    "markdown": Text("text/markdown"),
    "rst": PLAIN,
    "adoc": PLAIN,
    "tex": Text("text/x-tex"),
    "bib": Text("text/x-bibtex"),
    "ini": PLAIN,
    "cfg": PLAIN,
    "conf": PLAIN,
    "diff": Text("text/x-diff"),
    "patch": Text("text/x-diff"),
    "eml": Text("message/rfc822"),
    "ics": Text("text/calendar", opening("BEGIN:VCALENDAR")),
    "vcf": Text("text/vcard", opening("(?:BEGIN:VCARD|##fileformat=VCF)")),
    "srt": Text("application/x-subrip"),
    "vtt": Text("text/vtt", opening("WEBVTT")),
    "po": Text("text/x-gettext-translation"),
    "pem": Text("application/x-pem-file"),
}

DATA: dict[str, Format] = {
    "csv": Text("text/csv"),
    "tsv": Text("text/tab-separated-values"),
    "json": Text("application/json", JSON),
    "jsonl": Text("application/x-ndjson", JSON),
    "ndjson": Text("application/x-ndjson", JSON),
    "geojson": Text("application/geo+json", JSON),
    "xml": Text("application/xml", XML),
    "gpx": Text("application/gpx+xml", XML),
    "kml": Text("application/vnd.google-earth.kml+xml", XML),
    "yaml": Text("application/yaml"),
    "yml": Text("application/yaml"),
    "toml": Text("application/toml"),
    "sqlite": SQLITE,
    "sqlite3": SQLITE,
    "db": SQLITE,
    "parquet": Binary("application/vnd.apache.parquet", begins(b"PAR1", b"PARE")),
    "arrow": Binary("application/vnd.apache.arrow.file", begins(b"ARROW1")),
    "feather": Binary("application/vnd.apache.arrow.file", begins(b"ARROW1", b"FEA1")),
    "avro": Binary("application/avro", begins(b"Obj\x01")),
    "orc": Binary("application/x-orc", begins(b"ORC")),
    "npy": Binary("application/x-npy", begins(b"\x93NUMPY")),
    "npz": Binary("application/x-npz", is_zip),
    "h5": Binary("application/x-hdf5", HDF5),
    "hdf5": Binary("application/x-hdf5", HDF5),
    "nc": Binary("application/x-netcdf", either(HDF5, begins(b"CDF\x01", b"CDF\x02", b"CDF\x05"))),
    "fits": Binary("application/fits", begins(b"SIMPLE  =")),
    "dcm": Binary("application/dicom", begins(b"DICM", at=128)),
    "pcap": Binary(
        "application/vnd.tcpdump.pcap",
        begins(b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"),
    ),
    "pcapng": Binary("application/x-pcapng", begins(b"\n\r\r\n")),
    "safetensors": Binary("application/octet-stream", begins(b"{", at=8)),
    "gguf": Binary("application/octet-stream", begins(b"GGUF")),
    "bin": Raw(),
    "dat": Raw(),
}

IMAGES: dict[str, Format] = {
    "png": Binary("image/png", PNG),
    "apng": Binary("image/apng", PNG),
    "jpg": Binary("image/jpeg", known("jpg")),
    "jpeg": Binary("image/jpeg", known("jpg")),
    "gif": Binary("image/gif", begins(b"GIF87a", b"GIF89a")),
    "webp": Binary("image/webp", known("webp")),
    "bmp": Binary("image/bmp", is_bmp),
    "tif": Binary("image/tiff", known("tif")),
    "tiff": Binary("image/tiff", known("tif")),
    "ico": Binary("image/x-icon", known("ico")),
    "heic": Binary("image/heic", HEIF),
    "heif": Binary("image/heif", HEIF),
    "avif": Binary("image/avif", branded(b"avif", b"avis", unless=HEIF)),
    "jp2": Binary("image/jp2", begins(b"\0\0\0\x0cjP  \r\n\x87\n")),
    "jxl": Binary("image/jxl", begins(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")),
    "psd": Binary("image/vnd.adobe.photoshop", known("psd")),
    "xcf": Binary("image/x-xcf", known("xcf")),
    "cr2": Binary("image/x-canon-cr2", known("cr2")),
    "dng": Binary("image/x-adobe-dng", known("tif")),
}

AUDIO: dict[str, Format] = {
    "mp3": Binary("audio/mpeg", is_mpeg_audio),
    "m4a": Binary("audio/mp4", MP4),
    "m4b": Binary("audio/mp4", MP4),
    "aac": Binary("audio/aac", known("aac")),
    "ogg": Binary("audio/ogg", OGG),
    "oga": Binary("audio/ogg", OGG),
    "opus": Binary("audio/opus", is_opus),
    "flac": Binary("audio/flac", known("flac")),
    "wav": Binary("audio/wav", is_wave),
    "aif": Binary("audio/aiff", known("aiff")),
    "aiff": Binary("audio/aiff", known("aiff")),
    "mid": Binary("audio/midi", known("midi")),
    "midi": Binary("audio/midi", known("midi")),
    "amr": Binary("audio/amr", known("amr")),
    "wma": Binary("audio/x-ms-wma", ASF),
}

VIDEO: dict[str, Format] = {
    "mp4": Binary("video/mp4", MP4),
    "m4v": Binary("video/x-m4v", MP4),
    "mov": Binary("video/quicktime", QUICKTIME),
    "mkv": Binary("video/x-matroska", known("mkv")),
    "webm": Binary("video/webm", known("webm")),
    "avi": Binary("video/x-msvideo", known("avi")),
    "wmv": Binary("video/x-ms-wmv", ASF),
    "mpg": Binary("video/mpeg", known("mpg")),
    "mpeg": Binary("video/mpeg", known("mpg")),
    "flv": Binary("video/x-flv", known("flv")),
    "3gp": Binary("video/3gpp", branded(b"3g", unless=PICTURE)),
    "ogv": Binary("video/ogg", OGG),
}

ARCHIVES: dict[str, Format] = {
    "zip": Binary("application/zip", is_zip),
    "tar": Binary("application/x-tar", is_tar),
    "gz": Binary("application/gzip", GZIP),
    "tgz": Binary("application/gzip", GZIP),
    "bz2": Binary("application/x-bzip2", BZIP2),
    "tbz2": Binary("application/x-bzip2", BZIP2),
    "xz": Binary("application/x-xz", XZ),
    "txz": Binary("application/x-xz", XZ),
    "zst": Binary("application/zstd", ZSTD),
    "tzst": Binary("application/zstd", ZSTD),
    "lz4": Binary("application/x-lz4", known("lz4")),
    "7z": Binary("application/x-7z-compressed", known("7z")),
    "rar": Binary("application/vnd.rar", known("rar")),
    "iso": Binary("application/x-iso9660-image", DISC),
    "img": Raw(),
}

FONTS: dict[str, Format] = {
    "ttf": Binary("font/ttf", begins(b"\0\x01\0\0", b"true")),
    "otf": Binary("font/otf", begins(b"OTTO", b"\0\x01\0\0")),
    "ttc": Binary("font/collection", begins(b"ttcf")),
    "woff": Binary("font/woff", begins(b"wOFF")),
    "woff2": Binary("font/woff2", begins(b"wOF2")),
}

GROUPS: dict[str, dict[str, Format]] = {
    "documents": DOCUMENTS,
    "text": TEXT,
    "data": DATA,
    "images": IMAGES,
    "audio": AUDIO,
    "video": VIDEO,
    "archives": ARCHIVES,
    "fonts": FONTS,
}

DEFAULT_EXTENSIONS = frozenset(ext for group in GROUPS.values() for ext in group)

PAGE = Text("text/html", may_run=True)
SCRIPT = Text("text/plain", may_run=True)
WINDOWS = Binary("application/vnd.microsoft.portable-executable", begins(b"MZ"))
LINUX = Binary("application/x-elf", begins(b"\x7fELF"))
PACKED = Binary("application/zip", begins(ZIP))

SOURCES = (
    "asm awk bash bat c cc cjs cmd coffee cpp cs css csh cxx dart el erl ex fish fs go groovy h "
    "hpp hs java jl js jsx kt ksh less lua m mjs ml nim pas php pl pm ps1 psm1 py pyi pyw r rb rs "
    "scala scss sh sql swift tcl tsx vb vbs vue zig zsh"
)
"""Of programs. The text of some is run as it is, and of none is it told here which."""

ON_DEMAND: dict[str, Format] = {
    **dict.fromkeys(SOURCES.split(), SCRIPT),
    **dict.fromkeys(("html", "htm"), PAGE),
    "xhtml": Text("application/xhtml+xml", XML, may_run=True),
    "svg": Text("image/svg+xml", XML, may_run=True),
    "ipynb": Text("application/x-ipynb+json", JSON, may_run=True),
    "ps": Binary("application/postscript", begins(b"%!")),
    "eps": Binary("application/postscript", begins(b"%!", b"\xc5\xd0\xd3\xc6")),
    **dict.fromkeys(("docm", "xlsm", "pptm"), PACKED),
    **dict.fromkeys(("jar", "war", "apk", "aar", "whl", "xpi"), PACKED),
    **dict.fromkeys(("exe", "dll", "sys", "scr", "cpl", "ocx", "efi"), WINDOWS),
    "msi": Binary("application/x-msi", OLE2),
    **dict.fromkeys(("elf", "so", "ko", "o", "appimage"), LINUX),
    "class": Binary("application/java-vm", begins(b"\xca\xfe\xba\xbe")),
    "wasm": Binary("application/wasm", known("wasm")),
    "deb": Binary("application/vnd.debian.binary-package", known("deb")),
    "rpm": Binary("application/x-rpm", known("rpm")),
    "crx": Binary("application/x-chrome-extension", begins(b"Cr24")),
    "swf": Binary("application/vnd.adobe.flash.movie", begins(b"FWS", b"CWS", b"ZWS")),
}

FORMATS: dict[str, Format] = {ext: of for group in GROUPS.values() for ext, of in group.items()}
FORMATS |= ON_DEMAND
