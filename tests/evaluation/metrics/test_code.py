"""Metrics of programs."""

from __future__ import annotations

import math
import pickle
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.errors import DataError
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
    metric = pickle.loads(pickle.dumps(PassAtK(1, _TESTS, _LIMITS, right_or_wrong=True)))
    rows = _rows(
        ["Add.", " Add.\n", "Double.", "Double."],
        [_RIGHT, _WRONG, _RIGHT, "def double(number): return 2 * number"],
    )
    assert metric.scores(rows) == [1.0, 0.0, 0.0, 1.0]
    assert metric.value(metric.measure(rows).sum(axis=0)) == 0.5
    assert (metric.name, metric.title, metric.right_or_wrong) == ("pass_at_1", "pass@1", True)


def test_samples_count_where_there_are_any():
    rows = _rows(
        ["Add.", "Add."],
        [_RIGHT, _RIGHT],
        samples=[[_RIGHT, _WRONG, "def add(", _WRONG], [_WRONG] * 4],
    )
    assert PassAtK(1, _TESTS, _LIMITS).scores(rows) == pytest.approx([0.25, 0.0])
    assert PassAtK(2, _TESTS, _LIMITS).scores(rows) == pytest.approx([0.5, 0.0])
    assert PassAtK(4, _TESTS, _LIMITS).scores(rows) == [1.0, 0.0]
    assert not PassAtK(2, _TESTS, _LIMITS).right_or_wrong


def test_no_program_runs_twice(monkeypatch):
    ran = []

    def counted(source, *given):
        ran.append(source)
        return run_python(source, *given)

    monkeypatch.setattr(module, "run_python", counted)
    rows = _rows(["Add."] * 2, ["", ""], samples=[[_RIGHT, _WRONG], [_RIGHT, _RIGHT]])
    for k in (1, 2, 1):
        PassAtK(k, _TESTS, _LIMITS).scores(rows)
    assert sorted(ran) == sorted({code_of(_RIGHT), code_of(_WRONG)})
    PassAtK(1, _TESTS, Limits(wall_s=9.0)).scores(rows)
    assert len(ran) == 4  # other limits may give another outcome


def test_what_is_remembered_has_a_bound(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 1)
    rows = _rows(["Add.", "Add."], [_RIGHT, _WRONG])
    assert PassAtK(1, _TESTS, _LIMITS).scores(rows) == [1.0, 0.0]
    assert len(module._OUTCOMES._known) == 1


def test_too_few_answers_are_an_error():
    with pytest.raises(DataError, match=r"pass@2 needs 2 answers of every row, and 'Add.' has 1"):
        PassAtK(2, _TESTS, _LIMITS).scores(_rows(["Add."], [_RIGHT]))


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
