"""A filter on this process's system calls, in the kernel (seccomp mode 2).

See ``Documentation/userspace-api/seccomp_filter.rst`` in the Linux kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os

from tuneline.evaluation.sandbox.privileges import system_call
from tuneline.evaluation.sandbox.system_calls import ARCHITECTURES, IGNORED, OWN, REFUSED

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS: a word of the call's description
_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # places in struct seccomp_data
_OTHER_ABI = 0x40000000  # x86-64 has the same calls again from this number on
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000  # SECCOMP_RET_ERRNO; the low bits are the error, and 0 is success
_REFUSE = _FAIL | errno.EPERM

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_FILTER = 1

_Instruction = tuple[int, int, int, int]


class _Filter(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("operand", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filters", ctypes.POINTER(_Filter)))


def install() -> None:
    """Filter the calls of this process from here on; it cannot be taken off again.

    Raises:
        OSError: The kernel has no filter, or this processor has no table here.
    """
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}")
    instructions = _instructions(machine, os.getpid())
    filters = (_Filter * len(instructions))(*(_Filter(*each) for each in instructions))
    program = _Program(len(instructions), filters)
    system_call(_SECCOMP[machine], _SET_FILTER, 0, ctypes.byref(program))


def _instructions(machine: str, own: int) -> list[_Instruction]:
    """The filter's program. ``own`` is this process's id, which stays: it cannot fork."""
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _REFUSE),  # a 32-bit call in a 64-bit process
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _OTHER_ABI),
        (_RETURN, 0, 0, _REFUSE),
        *_returning(REFUSED[machine], _REFUSE),
        *_returning(IGNORED[machine], _FAIL),
        *_own_only(OWN[machine], own),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _returning(calls: dict[str, int], value: int) -> list[_Instruction]:
    tests = ([(_EQUAL, 0, 1, number), (_RETURN, 0, 0, value)] for number in calls.values())
    return [instruction for test in tests for instruction in test]


def _own_only(calls: dict[str, int], own: int) -> list[_Instruction]:
    instructions = []
    for number in calls.values():
        instructions += [
            (_EQUAL, 0, 5, number),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_EQUAL, 2, 0, own),
            # 0: this process for limits, and its process group, itself alone, for signals.
            (_EQUAL, 1, 0, 0),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    return instructions
