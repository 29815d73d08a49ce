"""Programs that would cheat, take the machine, or leave something behind."""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tuneline.evaluation.sandbox.limits import Limits
from tuneline.evaluation.sandbox.process import Guards, run_process
from tuneline.evaluation.sandbox.run import isolation, run_python

# Time enough, so that another limit ends a program however slow the machine is.
_LIMITS = Limits(wall_s=30.0, cpu_s=30)
_LITTLE_TIME = Limits(wall_s=2.0, cpu_s=1)
_SLACK_S = 5.0  # a busy machine, and folders to remove
_TESTS = "assert add(1, 2) == 3"
_WRONG = "def add(a, b): return a - b\n"

_guarded = pytest.mark.skipif(
    "Not given" in isolation(), reason="this machine does not give every guard"
)


def _run(source, tests=_TESTS, limits=_LIMITS):
    started = time.monotonic()
    outcome = run_python(source, limits, tests)
    assert time.monotonic() - started < limits.wall_s + _SLACK_S
    return outcome


_CHEATS = {
    "exits": "import sys; sys.exit(0)",
    "exits at once": "import os; os._exit(0)",
    "exits in the test": "import os\ndef add(a, b): os._exit(0)",
    "raises SystemExit in the test": "def add(a, b): raise SystemExit(0)",
    "prints": _WRONG + "print('passed'); import sys; print('passed', file=sys.stderr)",
    "writes to every descriptor": (
        "import os\nfor fd in range(64):\n    try: os.write(fd, b'passed\\n')\n"
        "    except OSError: pass\nos._exit(0)"
    ),
    "patches AssertionError": _WRONG + "import builtins; builtins.AssertionError = Exception",
    "patches exec": _WRONG + "import builtins; builtins.exec = lambda *given: None",
    "patches compile": _WRONG + "import builtins; builtins.compile = lambda *given, **named: ''",
    "exits at the end": _WRONG + "import atexit, os; atexit.register(os._exit, 0)",
    "hides its error": (
        "class Odd(BaseException):\n    def __str__(self): raise self\ndef add(a, b): raise Odd"
    ),
    "exits while its error is shown": (
        "import os\nclass Odd(BaseException):\n    def __str__(self): os._exit(0)\n"
        "def add(a, b): raise Odd"
    ),
    "defines the tests first": _WRONG + "def test_add(): pass",
    "closes everything": "import os; os.closerange(0, 64)",
}


@pytest.mark.parametrize("source", _CHEATS.values(), ids=_CHEATS)
def test_a_cheat_does_not_pass(source):
    assert _run(source).status in ("failed", "ended early")


def test_patched_builtins_do_not_reach_the_tests():
    cheat = "import builtins; builtins.abs = lambda number: 0\ndef near(): return 7"
    assert _run(cheat, "assert abs(near() - 1) < 1e-9").status == "failed"
    assert _run(cheat, "def test_near():\n    assert abs(near() - 1) < 1e-9").status == "failed"


_HOGS = {
    "while True: pass": ("timeout",),
    "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass": (
        "timeout",
        "ended early",
    ),
    "import time; time.sleep(1000)": ("timeout",),
    "while True: print('x' * 1000)": ("timeout",),
    "import sys\nwhile True: sys.stderr.write('x' * 1000)": ("timeout",),
    "kept = 'x' * 10**10": ("failed",),
    "kept = []\nwhile True: kept.append(bytearray(10**6))": ("failed",),
    "def deeper(): deeper()\ndeeper()": ("failed",),
    "number = 10 ** 10 ** 10": ("timeout", "failed"),
    "(" * 100_000: ("syntax",),
    "-" * 1_000_000 + "1": ("syntax", "ended early"),
    "x = '\0'": ("syntax",),
    "x = '\ud800'": ("syntax", "failed"),
    "with open('big', 'wb') as file:\n    while True: file.write(bytes(10**6))": ("failed",),
    "import os\nfor n in range(10**9): open(str(n), 'wb').write(bytes(10**6))": ("too many files",),
    "n = 0\nwhile True:\n    n += 1\n    open(str(n), 'wb').close()": ("too many files",),
    "import os\nwhile True:\n    os.mkdir('d'); os.chdir('d')": ("too many files",),
    "kept = [open('/dev/null') for _ in range(100)]": ("failed",),
    "import sys; sys.stdin.readline().index('x')": ("failed",),
    "input()": ("failed",),
}


@pytest.mark.parametrize(("source", "statuses"), _HOGS.items())
def test_a_hog_is_stopped(source, statuses, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tmp_path.chmod(0o777)
    limits = _LITTLE_TIME if "timeout" in statuses else _LIMITS
    assert _run(source, limits=limits).status in statuses
    assert list(tmp_path.iterdir()) == []


def test_output_is_kept_in_part():
    outcome = _run("import sys\nprint('a' * 10**6)\nsys.stderr.write('b' * 10**6)", tests="")
    assert outcome.status == "passed"
    assert outcome.stdout == "a" * _LIMITS.output_bytes
    assert outcome.stderr == "b" * _LIMITS.output_bytes


_REFUSED = {
    "fork": "import os; os.fork()",
    "forkpty": "import os; os.forkpty()",
    "program": "import subprocess; subprocess.run(['/bin/true'])",
    "shell": "import os\nassert os.system('true') == 0",
    "exec": "import os; os.execv('/bin/true', ['true'])",
    "thread": "import threading; threading.Thread(target=print).start()",
    "kills its parent": "import os; os.kill(os.getppid(), 9)",
    "kills all": "import os; os.kill(-1, 9)",
    "kills the first": "import os; os.kill(1, 0)",
    "limits its parent": "import os, resource; resource.prlimit(os.getppid(), 0, (1, 1))",
    "traces": (
        "import ctypes, os\nc = ctypes.CDLL(None, use_errno=True)\n"
        "assert c.ptrace(16, os.getppid(), 0, 0) == 0"
    ),
    "tcp": "import socket; socket.socket()",
    "udp": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "unix": "import socket; socket.socket(socket.AF_UNIX)",
    "name": "import socket; socket.getaddrinfo('localhost', 80)",
    "mount": ("import ctypes\nassert ctypes.CDLL(None).mount(b'x', b'.', b'tmpfs', 0, None) == 0"),
    "namespace": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "is root": "import os; os.setuid(0)\nassert os.getuid() == 0",
    "shared memory": "import ctypes\nassert ctypes.CDLL(None).shmget(0, 4096, 0o1600) >= 0",
    "owner": "import os; open('f', 'w').close(); os.chown('f', 0, 0)",
    "root folder": "import os; os.listdir('/')",
    "home": "import os; os.listdir('/root')",
    "password file": "open('/etc/passwd').read()",
    "processes": "open('/proc/self/environ').read()",
    "a neighbour's folder": "import os; os.listdir('..')",
    "this package": "open('{package}').read()",
    "written outside": "open('{outside}/new', 'w')",
    "written over": "open('{outside}/kept', 'r+')",
    "cut": "import os; os.truncate('{outside}/kept', 0)",
    "removed": "import os; os.remove('{outside}/kept')",
    "moved": "import os; os.rename('{outside}/kept', 'mine')",
    "linked": "import os; os.link('{outside}/kept', 'mine')",
    "through a link": "import os; os.symlink('{outside}/kept', 'link'); open('link', 'r+')",
    "memory of others": "open('/proc/%d/mem' % __import__('os').getppid(), 'rb')",
}


@_guarded
@pytest.mark.parametrize("source", _REFUSED.values(), ids=_REFUSED)
def test_what_leaves_the_sandbox_is_refused(source, tmp_path):
    tmp_path.chmod(0o777)
    kept = tmp_path / "kept"
    kept.write_text("kept")
    kept.chmod(0o666)
    filled = source.replace("{outside}", str(tmp_path)).replace("{package}", __file__)
    outcome = _run(filled, tests="")
    assert outcome.status in ("failed", "ended early"), outcome
    assert kept.read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def _left() -> list[Path]:
    """Processes that still are in a program's folder, once the kernel had time to end them."""
    deadline = time.monotonic() + _SLACK_S
    while (found := _in_programs_folders()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _in_programs_folders() -> list[Path]:
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if "tuneline-program-" in str(link.readlink()):
                found.append(link)
    return found


def test_a_fork_bomb_leaves_no_process():
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    assert _run(bomb, limits=_LITTLE_TIME).status == "timeout"
    assert _left() == []


def test_a_daemon_ends_with_its_program_where_no_filter_refuses_it():
    daemon = "import os, time\nif os.fork() == 0:\n    time.sleep(60)"
    interpreter = os.path.realpath(sys.executable)
    outcome = run_process(daemon, "", Limits(wall_s=1.0), Guards(), interpreter)
    assert outcome.status in ("timeout", "failed")  # root may fork, others may not
    assert _left() == []


@_guarded
def test_a_program_cannot_reach_a_server_of_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        source = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
        assert _run(source, tests="").status == "failed"
        with pytest.raises(TimeoutError):
            server.accept()


@_guarded
def test_modes_and_times_of_files_outside_stay(tmp_path):
    tmp_path.chmod(0o777)
    kept = tmp_path / "kept"
    kept.write_text("kept")
    before = kept.stat()
    _run(f"import os; os.chmod({str(kept)!r}, 0); os.utime({str(kept)!r}, (0, 0))", tests="")
    after = kept.stat()
    assert (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime)


def test_the_environment_is_empty(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hidden")
    source = "import os\nprint(dict(os.environ))"
    outcome = _run(source, tests="")
    assert outcome.status == "passed"
    assert outcome.stdout.strip() == "{}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_program_of_root_is_nobody():
    source = "import os; print(os.getresuid(), os.getresgid(), os.getgroups())"
    assert _run(source, tests="").stdout == f"{(65534,) * 3} {(65534,) * 3} []\n"
