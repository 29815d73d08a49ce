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

from tuneline.errors import ConfigurationError, DataError
from tuneline.evaluation.metrics.metric import MeanMetric
from tuneline.evaluation.sandbox.run import isolation, run_python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.rows import Rows
    from tuneline.evaluation.sandbox.code_tests import CodeTests
    from tuneline.evaluation.sandbox.limits import Limits
    from tuneline.evaluation.sandbox.process import Outcome

_FENCED = re.compile(
    r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*```[^\n]*|\Z)", re.DOTALL | re.MULTILINE
)
_LANGUAGES = ("", "py", "python", "python3")
_REMEMBERED = 200_000
_REASON_CHARACTERS = 200

Program = tuple[str, str]
"""Code and the tests that it is to pass."""


class PassAtK(MeanMetric):
    """Chance that one of k answers passes the tests, estimated from n answers, mean over rows.

    The estimate is unbiased: 1 - C(n - c, k) / C(n, k) for c of n that pass (Chen et al. 2021,
    "Evaluating Large Language Models Trained on Code", equation 1). Every row has the same n,
    whatever a candidate drew: rows that were not asked, or whose answer was withheld, fail n times.

    Args:
        k: Answers that a user would take.
        tests: The tests of every prompt.
        limits: What a program may use.
        samples: Answers drawn for each row, n; 0: its one greedy answer.

    Raises:
        ConfigurationError: k is more than the answers of a row.
    """

    uses_all_cores = True

    def __init__(self, k: int, tests: CodeTests, limits: Limits, *, samples: int = 0) -> None:
        if k > max(1, samples):
            raise ConfigurationError(
                f"pass@{k} needs {k} samples of every row, and there are {samples}. Predict with "
                "more samples, or choose a smaller k."
            )
        self.k = k
        self.tests = tests
        self.limits = limits
        self.samples = samples
        self.right_or_wrong = samples <= 1
        self.name = f"pass_at_{k}"
        drawn = "1 sample" if samples == 1 else f"{samples} samples"
        self.title = f"pass@{k} of {drawn}" if samples else f"pass@{k}"
        self.source = f"Chen et al. 2021; the user's tests. {isolation()}"

    def scores(self, rows: Rows) -> list[float]:
        """The estimate of each row.

        Raises:
            DataError: A prompt has no tests, or a row has some samples, but too few.
            MachineError: Programs cannot be run here.
        """
        programs = [
            [(code_of(answer), tests) for answer in given]
            for given, tests in zip(
                self._answers(rows), map(self.tests.of, rows.prompts), strict=True
            )
        ]
        failed = _OUTCOMES.failures([program for row in programs for program in row], self.limits)
        passed = [sum(not failed[program] for program in row) for row in programs]
        return [pass_at_k(max(1, self.samples), count, self.k) for count in passed]

    def remark(self, prompt: str, reference: str, prediction: str) -> str:
        """Why the greedy program failed; empty where it was not run, as where samples count."""
        del reference
        return _OUTCOMES.known((code_of(prediction), self.tests.of(prompt)), self.limits)

    def _answers(self, rows: Rows) -> Sequence[Sequence[str]]:
        """What counts of each row; nothing where it was not asked for samples."""
        if not self.samples:
            return [[prediction] for prediction in rows.predictions]
        for prompt, given in zip(rows.prompts, rows.samples, strict=True):
            if 0 < len(given) < self.samples:
                raise DataError(
                    f"{self.title}: {prompt[:_REASON_CHARACTERS]!r} has {len(given)} samples. "
                    "Predict every candidate with the same number of samples."
                )
        return [given[: self.samples] for given in rows.samples]


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
    """How programs failed, remembered so that several k do not run one twice."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[bytes, str] = OrderedDict()

    def failures(self, programs: Sequence[Program], limits: Limits) -> dict[Program, str]:
        """Why each program failed, empty where it passed; those not known are run."""
        digests = {program: _digest(program, limits) for program in programs}
        with self._lock:
            known = {p: self._known[d] for p, d in digests.items() if d in self._known}
        fresh = [program for program in digests if program not in known]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            outcomes = pool.map(lambda p: _failure(run_python(p[0], limits, p[1])), fresh)
            known.update(zip(fresh, outcomes, strict=True))
        with self._lock:
            self._known.update((digests[program], known[program]) for program in fresh)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known

    def known(self, program: Program, limits: Limits) -> str:
        """Why a program failed; empty where it passed or was not run."""
        with self._lock:
            return self._known.get(_digest(program, limits), "")


_OUTCOMES = _Outcomes()


def _failure(outcome: Outcome) -> str:
    """Why a program failed, in one line; empty where it passed."""
    if outcome.passed:
        return ""
    first = next(iter(outcome.detail.splitlines()), "")
    return f"{outcome.status}: {first}".rstrip(": ")[:_REASON_CHARACTERS]


def _digest(program: Program, limits: Limits) -> bytes:
    text = repr((program, astuple(limits)))
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _parses(code: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            return bool(ast.parse(code).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
