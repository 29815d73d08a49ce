"""Takes rights from this process, for good: its user, its capabilities, its resources."""

from __future__ import annotations

import ctypes
import os
import resource

_C = ctypes.CDLL(None, use_errno=True)
_KEEP_CAPABILITIES, _NO_NEW_PRIVILEGES = 8, 38  # prctl
_CAPABILITIES_VERSION = 0x20080522
_READ_ANY_FILE = 1 << 2  # CAP_DAC_READ_SEARCH
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # unshare


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("process", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def system_call(number: int, *arguments: object) -> int:
    """Call the kernel by number.

    Raises:
        OSError: It refused.
    """
    longs = [ctypes.c_long(given) if isinstance(given, int) else given for given in arguments]
    result: int = _C.syscall(ctypes.c_long(number), *longs)
    if result < 0:
        _fail()
    return result


def limit_resources(*, cpu_s: int, memory_bytes: int, file_bytes: int, open_files: int) -> None:
    """Set limits on what this process may use, that it cannot raise; it can start no other."""
    for kind, limit, last in (
        # At the first limit on time comes a signal that says so; a program can ignore it.
        (resource.RLIMIT_CPU, cpu_s, cpu_s + 1),
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes, file_bytes),
        (resource.RLIMIT_NOFILE, open_files, open_files),
        (resource.RLIMIT_NPROC, 0, 0),  # does not bind root: the call filter does
        (resource.RLIMIT_CORE, 0, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = last if hard == resource.RLIM_INFINITY else min(last, hard)
        resource.setrlimit(kind, (min(limit, most), most))


def become(user: int, *, reading: bool) -> None:
    """Become an unprivileged user and group.

    Args:
        user: Number of both.
        reading: Keep the right to read any file, where the interpreter is in a folder that only
            root may enter.

    Raises:
        OSError: This process may not.
    """
    if reading:
        _control(_KEEP_CAPABILITIES, 1)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    kept = _READ_ANY_FILE if reading else 0
    sets = (_CapabilitySets * 2)(_CapabilitySets(kept, kept, 0))
    header = _CapabilityHeader(_CAPABILITIES_VERSION, 0)
    if _C.capset(ctypes.byref(header), sets):
        _fail()


def refuse_new_privileges() -> None:
    """Let no program that this process starts gain rights; rules and filters ask for it."""
    _control(_NO_NEW_PRIVILEGES, 1)


def leave_network() -> None:
    """Move into a network without interfaces; needs root or namespaces open to users."""
    if _C.unshare(_NEW_NETWORK if os.geteuid() == 0 else _NEW_NETWORK | _NEW_USER):
        _fail()


def _control(option: int, value: int) -> None:
    if _C.prctl(option, ctypes.c_long(value), ctypes.c_long(0), ctypes.c_long(0), ctypes.c_long(0)):
        _fail()


def _fail() -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))
