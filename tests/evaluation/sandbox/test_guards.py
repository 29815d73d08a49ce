"""Single guards, and what is said of them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tuneline.errors import MachineError
from tuneline.evaluation.sandbox import isolation as module
from tuneline.evaluation.sandbox import process
from tuneline.evaluation.sandbox.isolation import NOBODY, guards, isolation
from tuneline.evaluation.sandbox.limits import Limits
from tuneline.evaluation.sandbox.process import GuardError, Guards, run_process
from tuneline.evaluation.sandbox.system_calls import IGNORED, OWN, REFUSED

_PYTHON = os.path.realpath(sys.executable)
_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def _run(source: str, given: Guards) -> str:
    return run_process(source, "", Limits(wall_s=10.0), given, _PYTHON).status


@pytest.fixture
def fresh():
    module._guards.cache_clear()
    yield
    module._guards.cache_clear()


@pytest.mark.parametrize(
    ("guard", "source"),
    [
        ("files", "open('/etc/passwd')"),
        ("calls", "import socket; socket.socket()"),
    ],
)
def test_each_guard_works_alone(guard, source):
    if not getattr(guards(_PYTHON), guard):
        pytest.skip("this machine does not give it")
    assert _run(source, Guards()) == "passed"
    assert _run(source, Guards(**{guard: True})) == "failed"


@_root
def test_the_network_is_left():
    source = "import socket\nassert [name for _, name in socket.if_nameindex()] == ['lo']\n"
    source += "socket.create_connection(('127.0.0.1', 9), 1)"
    with_network = run_process(source, "", Limits(), Guards(network=True), _PYTHON)
    assert "Network is unreachable" in with_network.detail


@_root
def test_root_becomes_nobody():
    source = "import os; assert os.getuid() == 65534"
    given = guards(_PYTHON)
    assert given.user == NOBODY
    assert _run(source, Guards(user=NOBODY, reading=given.reading)) == "passed"
    assert _run(source, Guards()) == "failed"


_WITHOUT_FILTER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from tuneline.evaluation.sandbox import call_filter, child
def install():
    raise OSError(38, os.strerror(38))
call_filter.install = install
child.main()
"""


def test_a_guard_that_fails_stops_the_program(monkeypatch, tmp_path):
    monkeypatch.setattr(process, "_START", _WITHOUT_FILTER)
    flag = tmp_path / "ran"
    source = f"open({str(flag)!r}, 'w')"
    with pytest.raises(GuardError, match=r"Function not implemented.* Nothing was run"):
        run_process(source, "", Limits(), Guards(calls=True), _PYTHON)
    assert not flag.exists()
    assert _run(source, Guards()) == "passed"
    assert flag.exists()


def test_what_the_machine_lacks_is_said(monkeypatch, fresh):
    monkeypatch.setattr(module, "_works", lambda wanted, interpreter: not wanted.files)
    text = isolation(_PYTHON)
    assert "Not given by this machine: files outside its own folder closed (Landlock)." in text
    module._guards.cache_clear()
    monkeypatch.setattr(module, "_works", lambda wanted, interpreter: wanted.network)
    text = isolation(_PYTHON)
    assert "no network (namespace)" in text
    assert "signals to other processes" in text.partition("Not given")[2]
    module._guards.cache_clear()
    monkeypatch.setattr(module, "_works", lambda wanted, interpreter: False)
    assert "network and other processes" in isolation(_PYTHON).partition("Not given")[2]


def test_a_machine_too_busy_to_tell_is_an_error(monkeypatch, fresh):
    monkeypatch.setattr(module, "_READS_LATE", "import time; time.sleep(60)")
    monkeypatch.setattr(module, "Limits", lambda: Limits(wall_s=0.3))
    with pytest.raises(MachineError, match=r"more than 0\.3 s"):
        guards(_PYTHON)


_HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", _HEADERS)
def test_numbers_of_calls_are_the_kernels(machine):
    if not _HEADERS[machine].exists():
        pytest.skip("no kernel headers here")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", _HEADERS[machine].read_text())
    kernel = {name: int(number) for name, number in found}
    ours = REFUSED[machine] | IGNORED[machine] | OWN[machine]
    known = {name: number for name, number in ours.items() if name in kernel}
    assert known == {name: kernel[name] for name in known}
    # Headers may be older than the newest calls.
    assert set(ours) - set(known) <= {"fchmodat2", "setxattrat"}


def test_every_call_has_one_fate():
    for machine in REFUSED:
        numbers = [
            number for table in (REFUSED, IGNORED, OWN) for number in table[machine].values()
        ]
        assert len(numbers) == len(set(numbers))
