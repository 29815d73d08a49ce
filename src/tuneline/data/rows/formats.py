"""The format of a file: what its name says, held against what its first bytes look like."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

import orjson

from tuneline.data.rows.json_errors import BYTE_ORDER_MARK
from tuneline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow"]

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
ARROW_FILE = b"ARROW1"
"""First bytes of an Arrow file; an Arrow stream has none of its own."""

COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2")

_NAMES: dict[Format, str] = {
    "jsonl": "JSON lines",
    "json": "a JSON array",
    "csv": "CSV",
    "tsv": "TSV",
    "parquet": "Parquet",
    "arrow": "Arrow",
}
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "Parquet"),
    (ARROW_FILE, "Arrow"),
    (b"\xff\xff\xff\xff", "Arrow"),  # a stream
    (b"FEA1", "Feather version 1; write version 2"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or an Office document)"),
    (b"\x1f\x8b", "gzip; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd; unpack it first"),
    (b"BZh", "bzip2; unpack it first"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
)
_PLAIN = "plain text"
_TEXT = {_NAMES["csv"], _NAMES["tsv"], _PLAIN}
_ONE_OBJECT = "one JSON object; give the list of examples in it alone, or one object per line"
_ADVICE = (
    "Give JSON lines (.jsonl), a JSON array (.json), CSV (.csv), TSV (.tsv), Parquet (.parquet) or "
    "Arrow (.arrow), under the name that its content has."
)
_HEAD_BYTES = 64 * 1024
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")
_MAX_CONTROL_SHARE = 0.05
_ARRAY = re.compile(rb"\[\s*([{\]]|$)")
_WRAPPED_LIST = re.compile(rb'\{\s*"([^"\\]*)"\s*:\s*\[')
_CHAT_FIELDS = {b"messages", b"contents", b"conversations"}


def data_format(name: str) -> Format | None:
    """The format that a file's name says, without looking at the file; compressed ones too."""
    return SUFFIXES.get(_suffix(name))


def format_of(path: Path, name: str) -> Format:
    """The format to read a file in: by its suffix, or by its content where the suffix says nothing.

    A ``.json`` file may hold an array or JSON lines.

    Args:
        path: The local file, not compressed.
        name: The name that the user knows; its suffix counts, a compression's is skipped, and
            messages start with it.

    Raises:
        DataError: The file is empty, is not what its suffix says, or cannot be recognised.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).removeprefix(BYTE_ORDER_MARK)
    if not head.strip():
        raise DataError(f"{name}: is empty. Give a file with one example in each row.")
    kind = _kind(head)
    wanted = data_format(name)
    if wanted == "json":
        return _json_or_lines(head, kind, name)
    if wanted is None:
        found = next((form for form, known in _NAMES.items() if known == kind), None)
        if found is None:
            raise DataError(f"{name}: looks like {kind}. {_ADVICE}")
        return found
    if kind == _NAMES[wanted] or (kind in _TEXT and _may_be(wanted, head)):
        return wanted
    raise DataError(
        f"{name}: the name says {_NAMES[wanted]}, but the content looks like {kind}. {_ADVICE}"
    )


def _suffix(name: str) -> str:
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in COMPRESSED_SUFFIXES else path.suffix


def _kind(head: bytes) -> str:
    for signature, kind in _SIGNATURES:
        if head[: len(signature)].lower() == signature.lower():
            return kind
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in head)
    if controls > _MAX_CONTROL_SHARE * len(head):
        return "binary data"
    if _ARRAY.match(head.lstrip()):
        return _NAMES["json"]
    first = head.lstrip().split(b"\n", 1)[0].strip()
    if _is_object(first):
        return _NAMES["jsonl"]
    if b"\t" in first:
        return _NAMES["tsv"]
    return _NAMES["csv"] if b"," in first else _PLAIN


def _json_or_lines(head: bytes, kind: str, name: str) -> Format:
    text = head.lstrip()
    if kind == _NAMES["json"] or (kind in _TEXT and text.startswith(b"[")):
        return "json"
    if text.startswith(b"{") and kind in {*_TEXT, _NAMES["jsonl"]}:
        lines = text.splitlines()
        wrapped = _WRAPPED_LIST.match(text)
        if wrapped and len(lines) == 1 and wrapped[1] not in _CHAT_FIELDS:
            kind = _ONE_OBJECT
        elif kind == _NAMES["jsonl"] or any(
            line.startswith(b"{") and _is_object(line) for line in lines[1:]
        ):
            return "jsonl"
        else:
            kind = _ONE_OBJECT
    raise DataError(f"{name}: the name says JSON, but the content looks like {kind}. {_ADVICE}")


def _is_object(line: bytes) -> bool:
    """Whether a line is a JSON object, or starts as one and is longer than what was read."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return line.startswith(b'{"') and len(line) >= _HEAD_BYTES // 2


def _may_be(wanted: Format, head: bytes) -> bool:
    """Whether text is the wanted format with a broken first line, or a table of one column."""
    if wanted == "jsonl":
        return any(line.lstrip().startswith(b"{") for line in head.splitlines())
    return wanted in {"csv", "tsv"}
