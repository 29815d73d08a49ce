"""Metrics of programs."""

from __future__ import annotations

import math
import pickle
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.errors import ConfigurationError, DataError
from tuneline.evaluation.metrics import code as module
from tuneline.evaluation.metrics.code import Compiles, PassAtK, code_of, pass_at_k
from tuneline.evaluation.rows import Rows
from tuneline.evaluation.sandbox.code_tests import CodeTests
from tuneline.evaluation.sandbox.limits import Limits
from tuneline.evaluation.sandbox.run import run_python

_LIMITS = Limits(wall_s=10.0, cpu_s=5)
_RIGHT = "```python\ndef add(a, b):\n    return a + b\n```"
_WRONG = "```python\ndef add(a, b):\n    return a - b\n```"
_TESTS = CodeTests(
    Path("tests.jsonl"), {"Add.": "assert add(1, 2) == 3", "Double.": "assert double(4) == 8"}
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(module, "_OUTCOMES", module._Outcomes())


def _rows(prompts, predictions, samples=()):
    return Rows.of([""] * len(prompts), predictions, prompts=prompts, samples=samples)


def test_answers_are_run_with_the_tests_of_their_prompt():
    metric = pickle.loads(pickle.dumps(PassAtK(1, _TESTS, _LIMITS)))
    rows = _rows(
        ["Add.", " Add.\n", "Double.", "Double."],
        [_RIGHT, _WRONG, _RIGHT, "def double(number): return 2 * number"],
    )
    assert metric.scores(rows) == [1.0, 0.0, 0.0, 1.0]
    assert metric.value(metric.measure(rows).sum(axis=0)) == 0.5
    assert (metric.name, metric.title, metric.right_or_wrong) == ("pass_at_1", "pass@1", True)


def test_samples_count_where_they_were_asked_for():
    rows = _rows(
        ["Add.", "Add.", "Add."],
        [_RIGHT, _RIGHT, _RIGHT],
        samples=[[_RIGHT, _WRONG, "def add(", _WRONG], [_WRONG] * 4, [_WRONG, _RIGHT] * 2],
    )
    drawn = [PassAtK(k, _TESTS, _LIMITS, samples=4).scores(rows) for k in (1, 2, 4)]
    assert drawn[0] == pytest.approx([0.25, 0.0, 0.5])
    assert drawn[1] == pytest.approx([0.5, 0.0, 5 / 6])
    assert drawn[2] == [1.0, 0.0, 1.0]
    first = PassAtK(1, _TESTS, _LIMITS, samples=1)
    assert first.scores(rows) == [1.0, 0.0, 0.0]
    assert PassAtK(1, _TESTS, _LIMITS).scores(rows) == [1.0, 1.0, 1.0]


def test_a_row_that_was_not_asked_fails_as_often_as_the_others_are_asked():
    rows = _rows(["Add.", "Add."], ["", ""], samples=[[], [_RIGHT, _RIGHT]])
    for k in (1, 2):
        assert PassAtK(k, _TESTS, _LIMITS, samples=2).scores(rows) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("k", "samples", "title", "right_or_wrong"),
    [
        (1, 0, "pass@1", True),
        (1, 1, "pass@1 of 1 sample", True),
        (1, 5, "pass@1 of 5 samples", False),
        (5, 5, "pass@5 of 5 samples", False),
    ],
)
def test_the_title_says_what_it_is_estimated_from(k, samples, title, right_or_wrong):
    metric = PassAtK(k, _TESTS, _LIMITS, samples=samples)
    assert (metric.title, metric.right_or_wrong) == (title, right_or_wrong)


def test_the_remark_says_why_the_greedy_program_failed():
    metric = PassAtK(1, _TESTS, _LIMITS)
    programs = [
        _RIGHT,
        _WRONG,
        "def add(",
        "import sys; sys.exit(0)",
        "raise ValueError('x' * 999)",
    ]
    assert metric.remark("Add.", "", _WRONG) == ""  # it was not run yet
    metric.scores(_rows(["Add."] * len(programs), programs))
    right, *wrong = [metric.remark("Add.", "", program) for program in programs]
    assert right == ""
    begins = [
        "failed: AssertionError",
        "syntax: ",
        "failed: SystemExit: 0",
        "failed: ValueError: xxx",
    ]
    for remark, begin in zip(wrong, begins, strict=True):
        assert remark.startswith(begin)
        assert len(remark) <= 200
        assert "\n" not in remark


def test_no_program_runs_twice(monkeypatch):
    ran = []

    def counted(source, *given):
        ran.append(source)
        return run_python(source, *given)

    monkeypatch.setattr(module, "run_python", counted)
    rows = _rows(["Add."] * 2, ["", ""], samples=[[_RIGHT, _WRONG], [_RIGHT, _RIGHT]])
    for k in (1, 2, 1):
        PassAtK(k, _TESTS, _LIMITS, samples=2).scores(rows)
    assert sorted(ran) == sorted({code_of(_RIGHT), code_of(_WRONG)})
    PassAtK(1, _TESTS, Limits(wall_s=9.0), samples=2).scores(rows)
    assert len(ran) == 4  # other limits may give another outcome


def test_what_is_remembered_has_a_bound(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 1)
    rows = _rows(["Add.", "Add."], [_RIGHT, _WRONG])
    assert PassAtK(1, _TESTS, _LIMITS).scores(rows) == [1.0, 0.0]
    assert len(module._OUTCOMES._known) == 1


@pytest.mark.parametrize(("k", "samples"), [(2, 0), (2, 1), (6, 5)])
def test_more_than_there_are_answers_cannot_be_taken(k, samples):
    with pytest.raises(ConfigurationError, match=rf"pass@{k} needs {k} samples .* are {samples}"):
        PassAtK(k, _TESTS, _LIMITS, samples=samples)


def test_rows_of_fewer_samples_are_an_error():
    rows = _rows(["Add."], [_RIGHT], samples=[[_RIGHT]])
    with pytest.raises(DataError, match=r"pass@1 of 2 samples: 'Add\.' has 1 samples"):
        PassAtK(1, _TESTS, _LIMITS, samples=2).scores(rows)


def test_a_prompt_without_tests_is_an_error():
    with pytest.raises(DataError, match=r"tests\.jsonl: has no tests for the prompt 'Halve\.'"):
        PassAtK(1, _TESTS, _LIMITS).scores(_rows(["Halve."], [_RIGHT]))


@given(st.integers(1, 9), st.data())
def test_the_estimate_is_the_share_of_draws_with_a_passing_answer(count, data):
    passed = data.draw(st.integers(0, count))
    k = data.draw(st.integers(1, count))
    draws = list(combinations([True] * passed + [False] * (count - passed), k))
    expected = sum(any(draw) for draw in draws) / len(draws)
    assert pass_at_k(count, passed, k) == pytest.approx(expected, abs=1e-12)


def test_the_estimate_is_the_formula_of_the_paper():
    for count, passed, k in ((200, 13, 10), (200, 1, 100), (100, 0, 1), (50, 50, 50)):
        formula = 1 - math.comb(count - passed, k) / math.comb(count, k)
        assert pass_at_k(count, passed, k) == pytest.approx(formula, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "parses"),
    [
        (_RIGHT, True),
        ("x = 1", True),
        ("def add(a, b)", False),
        ("I cannot do that.", False),
        ("", False),
        ("# nothing\n", False),
        ("(" * 100_000 + ")" * 100_000, False),
        ("x = '\0'", False),
        ("x = '\ud800'", False),
        ("x = '\\d'", True),
        (".".join(["a"] * 100_000), False),
        ("```python\nx = (1,\n```", False),
    ],
)
def test_code_that_parses(text, parses):
    assert Compiles().scores(_rows(["a"], [text])) == [float(parses)]


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("x = 1", "x = 1"),
        ("    return 1\n", "    return 1\n"),
        ("Sure:\n```python\nx = 1\n```\nor\n```python\nx = 2\n```", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```Python3\nx = 1\n", "x = 1\n"),
        ("```py\n    x = 1\n    ```", "    x = 1\n"),
        ("Run:\n```bash\npip install x\n```\nthen\n```python\nx = 1\n```", "x = 1\n"),
        ("text = '```'", "text = '```'"),
        ("", ""),
    ],
)
def test_the_program_is_taken_from_the_answer(text, program):
    assert code_of(text) == program
