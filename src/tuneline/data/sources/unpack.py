"""Compressed files, recognised by content and unpacked as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tuneline.errors import DataError, MachineError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_SIGNATURES: dict[bytes, str] = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bz2",
}
_BLOCK_BYTES = 1024 * 1024


def compression_of(path: Path) -> str | None:
    """How a file is compressed, whatever its name says; None: it is not."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((kind for mark, kind in _SIGNATURES.items() if head.startswith(mark)), None)


def unpacked(path: Path, name: str, target: Path) -> Path:
    """Unpack ``path`` to ``target`` if it is compressed.

    Args:
        path: The local file.
        name: What messages call it.
        target: Where to write.

    Returns:
        The file to read: ``path`` or ``target``.

    Raises:
        DataError: It is cut off or damaged.
        MachineError: It cannot be written here.
    """
    compression = compression_of(path)
    if compression is None:
        return path
    try:
        with target.open("wb") as output:
            _copy(path, compression, name, output)
    except OSError as error:
        raise MachineError(f"{target}: cannot be written ({error.strerror}).") from error
    return target


def _copy(path: Path, compression: str, name: str, output: BinaryIO) -> None:
    try:
        stream = pa.CompressedInputStream(pa.OSFile(str(path)), compression)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: cannot be unpacked ({error}).") from error
    with stream:
        while block := _block(stream, name):
            output.write(block)


def _block(stream: pa.CompressedInputStream, name: str) -> bytes:
    try:
        block: bytes = stream.read(_BLOCK_BYTES)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{name}: is cut off or damaged ({error}). Compress it again, or give it unpacked."
        ) from error
    return block
