"""Closes the file system to this process but for some folders (Landlock, Linux 5.13 and newer).

See ``Documentation/userspace-api/landlock.rst`` in the Linux kernel. Its calls have the same
numbers on every processor.
"""

from __future__ import annotations

import ctypes
import os

from tuneline.evaluation.sandbox.privileges import system_call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1, 2, 4, 8
_READ = _READ_FILE | _READ_FOLDER
_BITS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # kinds of access to files each can refuse
_NETWORK_VERSION, _SCOPE_VERSION = 4, 6
_NETWORK = 0b11  # bind and connect
_SCOPE = 0b11  # abstract Unix sockets and signals to processes outside
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scope", ctypes.c_uint64),
    )


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


def confine(folder: str, readable: list[str]) -> None:
    """Leave this process ``folder`` to write in and ``readable`` to read; all else is closed.

    Args:
        folder: Where it may do all but execute.
        readable: Folders and files; those that do not exist are passed over.

    Raises:
        OSError: The kernel has no such rules, or they are switched off.
    """
    version = system_call(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    every = (1 << _BITS_BY_VERSION.get(version, 16)) - 1
    attributes = _Ruleset(
        every,
        _NETWORK if version >= _NETWORK_VERSION else 0,
        _SCOPE if version >= _SCOPE_VERSION else 0,
    )
    ruleset = system_call(_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    try:
        _allow(ruleset, folder, every & ~_EXECUTE)
        for path in readable:
            if os.path.exists(path):  # noqa: PTH110 pathlib costs a third of the start-up
                _allow(ruleset, path, _READ if os.path.isdir(path) else _READ_FILE)  # noqa: PTH112
        for device in _DEVICES:
            _allow(ruleset, device, _READ_FILE | _WRITE_FILE)
        system_call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathRule(access, descriptor)
        system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
