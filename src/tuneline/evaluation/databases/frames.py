"""Messages between the caller and a worker: a length, then plain values.

Both sides refuse everything but plain values, so that a message can neither name a class nor
call anything.
"""

from __future__ import annotations

import io
import pickle
import struct
from typing import IO, Any, NoReturn

_LENGTH = struct.Struct("!Q")


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"a message names {module}.{name}")


def send(stream: IO[bytes], message: object) -> None:
    """Write one message of plain values."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message.

    Raises:
        EOFError: The other side has gone.
    """
    head = _read(stream, _LENGTH.size)
    content = _read(stream, _LENGTH.unpack(head)[0])
    return _PlainUnpickler(io.BytesIO(content)).load()


def _read(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content
