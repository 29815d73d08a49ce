"""What one untrusted program may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use; it is ended where it wants more.

    Programs can start neither threads nor processes, whatever the limits.

    Attributes:
        wall_s: Seconds from its start to its end.
        cpu_s: Seconds of processor time.
        memory_bytes: Address space.
        file_bytes: Size of each file, and of all that it leaves in its folder.
        files: Files and folders that it leaves there.
        open_files: Files open at a time.
        output_bytes: What is kept of its output and of its errors, each; the rest is dropped.
    """

    wall_s: float = 10.0
    cpu_s: int = 5
    memory_bytes: int = 512 * 1024 * 1024
    file_bytes: int = 16 * 1024 * 1024
    files: int = 1000
    open_files: int = 64
    output_bytes: int = 16 * 1024
