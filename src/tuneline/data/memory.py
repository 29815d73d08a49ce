"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Return what Arrow's and the C library's allocators hold for later.

    Batches come and go here, and the steps follow one another: without it the peak of one step adds
    to that of the next, which was measured as 30 to 100 MiB. The C library's part is glibc's.
    """
    pa.default_memory_pool().release_unused()
    if _TRIM is not None:
        _TRIM(0)


@contextmanager
def no_garbage() -> Iterator[None]:
    """Stop looking for cycles while the block lasts.

    Rows and examples hold none, and there are hundreds of thousands of them to look through.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
