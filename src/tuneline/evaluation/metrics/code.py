"""Metrics of programs: whether they pass the user's tests, and whether they parse."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import warnings
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from tuneline.errors import DataError
from tuneline.evaluation.metrics.metric import MeanMetric
from tuneline.evaluation.sandbox.run import isolation, run_python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.rows import Rows
    from tuneline.evaluation.sandbox.code_tests import CodeTests
    from tuneline.evaluation.sandbox.limits import Limits

_FENCED = re.compile(
    r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*```[^\n]*|\Z)", re.DOTALL | re.MULTILINE
)
_LANGUAGES = ("", "py", "python", "python3")
_REMEMBERED = 200_000


class PassAtK(MeanMetric):
    """Chance that one of k answers passes the tests, estimated from n answers, mean over rows.

    The estimate is unbiased: 1 - C(n - c, k) / C(n, k) for c of n that pass (Chen et al. 2021,
    "Evaluating Large Language Models Trained on Code", equation 1). A row's samples count where
    it has any, else its one answer.

    Args:
        k: Answers that a user would take.
        tests: The tests of every prompt.
        limits: What a program may use.
        right_or_wrong: Whether every row has one answer, so that it scores 0 or 1.
    """

    uses_all_cores = True

    def __init__(
        self, k: int, tests: CodeTests, limits: Limits, *, right_or_wrong: bool = False
    ) -> None:
        self.k = k
        self.tests = tests
        self.limits = limits
        self.right_or_wrong = right_or_wrong
        self.name = f"pass_at_{k}"
        self.title = f"pass@{k}"
        self.source = f"Chen et al. 2021; the user's tests. {isolation()}"

    def scores(self, rows: Rows) -> list[float]:
        """The estimate of each row.

        Raises:
            DataError: A prompt has no tests, or a row has fewer than k answers.
            MachineError: Programs cannot be run here.
        """
        answers = [
            list(samples) or [prediction]
            for samples, prediction in zip(rows.samples, rows.predictions, strict=True)
        ]
        self._require_enough(rows.prompts, answers)
        programs = [
            [(code_of(answer), test) for answer in given]
            for given, test in zip(answers, map(self.tests.of, rows.prompts), strict=True)
        ]
        passed = _OUTCOMES.passed([program for row in programs for program in row], self.limits)
        counts = [(len(row), sum(passed[program] for program in row)) for row in programs]
        return [pass_at_k(count, right, self.k) for count, right in counts]

    def _require_enough(self, prompts: Sequence[str], answers: Sequence[Sequence[str]]) -> None:
        for prompt, given in zip(prompts, answers, strict=True):
            if len(given) < self.k:
                raise DataError(
                    f"{self.title} needs {self.k} answers of every row, and {prompt[:200]!r} has "
                    f"{len(given)}. Predict with more samples, or choose a smaller k."
                )


class Compiles(MeanMetric):
    """Share of answers whose code Python can parse."""

    name = "compiles"
    title = "code that parses"
    source = "Python's ast module"
    right_or_wrong = True

    def scores(self, rows: Rows) -> list[float]:
        """1 where the answer parses and is not empty."""
        return [float(_parses(code_of(text))) for text in rows.predictions]


def code_of(text: str) -> str:
    r"""The program in an answer: the first Python block where there is one, else all of it.

    Example:
        >>> code_of("Sure:\n```python\nx = 1\n```\nThat is all.")
        'x = 1\n'
    """
    blocks = (block for block in _FENCED.finditer(text) if block[1].lower() in _LANGUAGES)
    first = next(blocks, None)
    return first[2] if first else text


def pass_at_k(count: int, passed: int, k: int) -> float:
    """Unbiased estimate of pass@k from ``count`` answers of which ``passed`` pass.

    Example:
        >>> pass_at_k(2, 1, 1), pass_at_k(4, 1, 2)
        (0.5, 0.5)
    """
    if count - passed < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(count - passed + 1, count + 1)))


class _Outcomes:
    """Which programs passed, remembered so that several k do not run one twice."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[bytes, bool] = OrderedDict()

    def passed(
        self, programs: Sequence[tuple[str, str]], limits: Limits
    ) -> dict[tuple[str, str], bool]:
        """Whether each program, code and tests, passed; those not known are run."""
        digests = {program: _digest(program, limits) for program in programs}
        with self._lock:
            known = {p: self._known[d] for p, d in digests.items() if d in self._known}
        fresh = [program for program in digests if program not in known]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            outcomes = pool.map(lambda p: run_python(p[0], limits, p[1]).passed, fresh)
            known.update(zip(fresh, outcomes, strict=True))
        with self._lock:
            self._known.update((digests[program], known[program]) for program in fresh)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known


_OUTCOMES = _Outcomes()


def _digest(program: tuple[str, str], limits: Limits) -> bytes:
    text = repr((program, astuple(limits)))
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _parses(code: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            return bool(ast.parse(code).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
