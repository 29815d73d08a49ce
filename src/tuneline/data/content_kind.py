"""What a file's first bytes look like, whatever its name says."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

import orjson

from tuneline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

Format = Literal["jsonl", "csv", "parquet"]

_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
_NAMES: dict[Format, str] = {"jsonl": "JSON lines", "csv": "CSV", "parquet": "Parquet"}
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "Parquet"),
    (b"ARROW1", "an Arrow file"),
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
_TEXT = {_NAMES["csv"], _PLAIN}
_ADVICE = "Give JSON lines (.jsonl), CSV (.csv) or Parquet (.parquet)."
_HEAD_BYTES = 64 * 1024
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")
_MAX_CONTROL_SHARE = 0.05
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def format_of(path: Path, name: str) -> Format:
    """The format to read a file in: by its suffix, or by its content where the suffix says nothing.

    Args:
        path: The local file.
        name: The name that the user knows; its suffix counts and messages start with it.

    Raises:
        DataError: The file is empty, is not what its suffix says, or cannot be recognised.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).removeprefix(BYTE_ORDER_MARK)
    if not head.strip():
        raise DataError(f"{name}: is empty. Give a file with one example in each row.")
    kind = _kind(head)
    suffix = PurePosixPath(name).suffix.lower()
    wanted = _SUFFIXES.get(suffix)
    if wanted is None:
        found = next((form for form, known in _NAMES.items() if known == kind), None)
        if found is None or suffix == ".tsv":
            raise DataError(f"{name}: looks like {kind}. {_ADVICE}")
        return found
    if kind == _NAMES[wanted] or (kind in _TEXT and _may_be(wanted, head)):
        return wanted
    raise DataError(
        f"{name}: the name says {_NAMES[wanted]}, but the content looks like {kind}. {_ADVICE}"
    )


def _kind(head: bytes) -> str:
    for signature, kind in _SIGNATURES:
        if head[: len(signature)].lower() == signature.lower():
            return kind
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in head)
    if controls > _MAX_CONTROL_SHARE * len(head):
        return "binary data"
    first = head.lstrip().split(b"\n", 1)[0].strip()
    if first == b"[" or first.startswith((b"[{", b"[ {")):
        return "a JSON array; write one object per line"
    if _is_object(first):
        return _NAMES["jsonl"]
    return _NAMES["csv"] if b"," in first else _PLAIN


def _is_object(line: bytes) -> bool:
    """Whether a line is a JSON object, or starts as one and is longer than what was read."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return line.startswith(b'{"') and len(line) >= _HEAD_BYTES // 2


def _may_be(wanted: Format, head: bytes) -> bool:
    """Whether text is the wanted format with a broken first line, or a CSV of one column."""
    if wanted == "jsonl":
        return any(line.lstrip().startswith(b"{") for line in head.splitlines())
    return wanted == "csv"
