"""Programs that are run with their tests."""

from __future__ import annotations

import pytest

from tuneline.errors import MachineError
from tuneline.evaluation.sandbox.limits import Limits
from tuneline.evaluation.sandbox.run import run_python

_LIMITS = Limits(wall_s=10.0, cpu_s=5)
_ADD = "def add(a, b):\n    return a + b\n"
_WRONG = "def add(a, b):\n    return a - b\n"

_TESTS = {
    "assertions": "assert add(1, 2) == 3\nassert add(-1, 1) == 0",
    "a check that is called": "def check(f):\n    assert f(1, 2) == 3\ncheck(add)",
    "test functions": "def test_add():\n    assert add(1, 2) == 3",
    "test functions with defaults": "def test_add(a=1, *, b=2):\n    assert add(a, b) == 3",
    "coroutines": "import asyncio\nasync def test_add():\n    await asyncio.sleep(0)\n"
    "    assert add(1, 2) == 3",
    "cases": "import unittest\nclass Add(unittest.TestCase):\n    def test_add(self):\n"
    "        self.assertEqual(add(1, 2), 3)",
    "a main block": "if __name__ == '__main__':\n    assert add(1, 2) == 3",
    "an import of the program": "from answer import add as plus\nassert plus(1, 2) == 3",
    "future annotations": "from __future__ import annotations\nassert add(1, 2) == 3",
}


@pytest.mark.parametrize("tests", _TESTS.values(), ids=_TESTS)
def test_right_programs_pass_and_wrong_ones_do_not(tests):
    assert run_python(_ADD, _LIMITS, tests).passed
    outcome = run_python(_WRONG, _LIMITS, tests)
    assert outcome.status == "failed"
    assert "AssertionError" in outcome.detail


@pytest.mark.parametrize(
    "source",
    [
        "from dataclasses import dataclass\n@dataclass\nclass P: x: 'int' = 3\n" + _ADD,
        "import asyncio\nasync def f(): return 3\ndef add(a, b): return asyncio.run(f())",
        "import json, re, math, collections, itertools, decimal, random, sqlite3\n" + _ADD,
        "import shutil, tempfile, pathlib\np = pathlib.Path(tempfile.mkdtemp(dir='.'))\n"
        "(p / 'a').write_text('x'); shutil.copy(p / 'a', p / 'b'); shutil.rmtree(p)\n" + _ADD,
        "import pickle\nclass C: pass\npickle.loads(pickle.dumps(C()))\n" + _ADD,
        "count = 0\ndef add(a, b):\n    global count\n    count += 3\n    return count",
        _ADD + "if __name__ == '__main__':\n    print(add(*map(int, input().split())))",
        "import sys; sys.stdout.close()\n" + _ADD,
        "import os, signal\ngot = []\nsignal.signal(signal.SIGUSR1, lambda *_: got.append(1))\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\nassert got\n" + _ADD,
    ],
)
def test_what_honest_programs_do_works(source):
    outcome = run_python(source, _LIMITS, "assert add(1, 2) == 3")
    assert outcome.passed, outcome


def test_the_same_program_prints_the_same_each_time():
    source = "print({str(number) for number in range(50)})"
    assert len({run_python(source, _LIMITS).stdout for _ in range(3)}) == 1


@pytest.mark.parametrize(
    ("source", "tests", "status", "detail"),
    [
        ("def add(", "", "syntax", "SyntaxError"),
        (_ADD, "assert add(", "syntax", "SyntaxError: .*<tests>"),
        ("1 / 0", "", "failed", "ZeroDivisionError: division by zero"),
        ("", "add(1, 2)", "failed", "NameError: name 'add' is not defined"),
        ("import numpy", "", "failed", "ModuleNotFoundError"),
    ],
)
def test_the_error_is_told(source, tests, status, detail):
    outcome = run_python(source, _LIMITS, tests)
    assert outcome.status == status
    assert outcome.detail.startswith(detail.split(":")[0])


def test_what_it_prints_is_kept():
    outcome = run_python("import sys\nprint('out')\nprint('err', file=sys.stderr)", _LIMITS)
    assert (outcome.stdout, outcome.stderr) == ("out\n", "err\n")
    assert 0 < outcome.wall_s < _LIMITS.wall_s


def test_a_large_program_is_handed_over_whole():
    source = f"text = {'x' * 1_000_000!r}\n"
    assert run_python(source, _LIMITS, "assert len(text) == 1_000_000").passed


def test_an_interpreter_that_is_not_there_is_named():
    with pytest.raises(MachineError, match="/no/python"):
        run_python("", _LIMITS, interpreter="/no/python")
