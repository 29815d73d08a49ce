"""Numbers of the system calls that untrusted programs are refused, by processor and name.

From the kernel's tables ``arch/x86/entry/syscalls/syscall_64.tbl`` and
``include/uapi/asm-generic/unistd.h``. From 424 on, a number is the same on every processor.
"""

from __future__ import annotations

_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "pidfd_open": 434,
    "clone3": 435,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "setxattrat": 463,
}

# fmt: off
_X86_64 = {
    "shmget": 29, "socket": 41, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "semget": 64,
    "msgget": 68, "truncate": 76, "chown": 92, "fchown": 93, "lchown": 94, "ptrace": 101,
    "setpriority": 141, "sched_setparam": 142, "sched_setscheduler": 144, "pivot_root": 155,
    "chroot": 161, "mount": 165, "umount2": 166, "setxattr": 188, "lsetxattr": 189,
    "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199, "tkill": 200,
    "sched_setaffinity": 203, "mq_open": 240, "add_key": 248, "request_key": 249, "keyctl": 250,
    "ioprio_set": 251, "migrate_pages": 256, "fchownat": 260, "unshare": 272, "move_pages": 279,
    "perf_event_open": 298, "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310,
    "process_vm_writev": 311, "kcmp": 312, "sched_setattr": 314, "bpf": 321, "execveat": 322,
    "userfaultfd": 323,
}
_X86_64_IGNORED = {
    "chmod": 90, "fchmod": 91, "utime": 132, "utimes": 235, "futimesat": 261, "fchmodat": 268,
    "utimensat": 280,
}
_X86_64_OWN = {
    "kill": 62, "rt_sigqueueinfo": 129, "tgkill": 234, "rt_tgsigqueueinfo": 297, "prlimit64": 302,
}
_AARCH64 = {
    "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15,
    "fremovexattr": 16, "ioprio_set": 30, "umount2": 39, "mount": 40, "pivot_root": 41,
    "truncate": 45, "chroot": 51, "fchownat": 54, "fchown": 55, "unshare": 97, "ptrace": 117,
    "sched_setparam": 118, "sched_setscheduler": 119, "sched_setaffinity": 122, "tkill": 130,
    "setpriority": 140, "mq_open": 180, "msgget": 186, "semget": 190, "shmget": 194,
    "socket": 198, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221,
    "migrate_pages": 238, "move_pages": 239, "perf_event_open": 241, "open_by_handle_at": 265,
    "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
    "sched_setattr": 274, "bpf": 280, "execveat": 281, "userfaultfd": 282,
}
_AARCH64_IGNORED = {"fchmod": 52, "fchmodat": 53, "utimensat": 88}
_AARCH64_OWN = {
    "kill": 129, "tgkill": 131, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "prlimit64": 261,
}
# fmt: on

_IGNORED_EVERYWHERE = {"fchmodat2": 452}


ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What the kernel calls each processor, ``AUDIT_ARCH_*``, by machine name of ``os.uname``."""

REFUSED = {"x86_64": _X86_64 | _EVERYWHERE, "aarch64": _AARCH64 | _EVERYWHERE}
"""Fail with "operation not permitted": sockets, processes, mounts, other processes' memory, what
outlives the program."""

IGNORED = {
    "x86_64": _X86_64_IGNORED | _IGNORED_EVERYWHERE,
    "aarch64": _AARCH64_IGNORED | _IGNORED_EVERYWHERE,
}
"""Succeed and do nothing: modes and times of files. Copying a file sets them, and file rules cannot
confine them."""

OWN = {"x86_64": _X86_64_OWN, "aarch64": _AARCH64_OWN}
"""Go through where their first argument is the program itself."""
