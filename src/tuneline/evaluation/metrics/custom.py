"""A metric that the user wrote: a Python function that scores one row."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.machinery import SourceFileLoader
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_args

from tuneline.errors import ConfigurationError, DataError
from tuneline.evaluation.metrics.metric import MeanMetric, Unit

if TYPE_CHECKING:
    from tuneline.evaluation.rows import Rows

SHOWN_CHARACTERS = 80
EXAMPLE = "my_package.metrics:politeness or my_metrics.py:politeness"

Score = Callable[..., object]


def custom_metric(reference: str) -> CustomMetric:
    """Load a metric by the import path of its function.

    The function is called as ``function(prompt=..., reference=..., prediction=...)`` with the
    row's texts and returns a number; the metric is the mean over rows. It is named after the
    function. Two attributes of the function may be set: ``unit``, ``"share"`` for numbers between
    0 and 1 that read as per cent or ``"ratio"`` (the default) for any others, and
    ``higher_is_better``, which is True unless set. Rows are scored in several processes: the
    function has to give the same number for the same row wherever it runs.

    Args:
        reference: ``package.module:function`` or ``path/to/file.py:function``.

    Raises:
        ConfigurationError: There is no such function, or it cannot be called so.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        raise ConfigurationError(f"metric {reference!r}: write it as {EXAMPLE}.")
    if place.endswith(".py"):
        place = str(Path(place).expanduser().resolve())  # other processes may run elsewhere
    return CustomMetric(place, name)


class CustomMetric(MeanMetric):
    """A function of the user as a metric; see ``custom_metric``.

    Args:
        place: Absolute path of a Python file, or name of a module.
        function: The function's name in it.

    Raises:
        ConfigurationError: It cannot be imported or called, or its attributes are wrong.
    """

    def __init__(self, place: str, function: str) -> None:
        self.place = place
        self.name = function
        self.title = function.replace("_", " ").strip()
        self.source = f"{place}:{function}"
        score = self._function()
        unit: Any = getattr(score, "unit", "ratio")
        better: Any = getattr(score, "higher_is_better", True)
        problems = _call_problems(score)
        if unit not in get_args(Unit):
            problems.append(f'its unit is {unit!r}: set "share" or "ratio"')
        if not isinstance(better, bool):
            problems.append(f"its higher_is_better is {better!r}: set True or False")
        if problems:
            raise ConfigurationError([f"metric {self.source}: {line}." for line in problems])
        self.unit = unit
        self.higher_is_better = better

    def scores(self, rows: Rows) -> list[float]:
        """What the function returns for each row.

        Raises:
            DataError: It fails or returns no finite number; names the row in this batch.
        """
        score = self._function()
        texts = zip(rows.prompts, rows.references, rows.predictions, strict=True)
        return [self._score(score, row, *three) for row, three in enumerate(texts)]

    def _score(self, score: Score, row: int, prompt: str, reference: str, prediction: str) -> float:
        where = f"metric {self.source}, row {row} of its batch ({_beginning(prediction)})"
        try:
            given = score(prompt=prompt, reference=reference, prediction=prediction)
            number = float(given) if isinstance(given, Real) else math.nan
        except Exception as error:  # the user's function may raise anything
            raise DataError(f"{where}: it raised {type(error).__name__}: {error}.") from error
        if not math.isfinite(number):
            raise DataError(f"{where}: it returned {given!r}; return a finite number.")
        return number

    def _function(self) -> Score:
        """The function, loaded once in each process: functions of a file cannot be pickled."""
        module = _module(self.place)
        function: object = getattr(module, self.name, None)
        if not callable(function):
            raise ConfigurationError(
                f"metric {self.source}: no function {self.name} in {self.place}."
            )
        return function


@cache
def _module(place: str) -> ModuleType:
    try:
        return _run_file(place) if place.endswith(".py") else import_module(place)
    except (Exception, SystemExit) as error:  # importing runs the user's code
        raise ConfigurationError(
            f"metric in {place}: it cannot be imported: {error!r}. Correct it, install its "
            "package, or write the path of its .py file."
        ) from error


def _run_file(place: str) -> ModuleType:
    loader = SourceFileLoader(place, place)
    module = ModuleType(place)
    module.__file__ = place
    sys.modules[place] = module  # dataclasses look their module up by name
    loader.exec_module(module)
    return module


def _call_problems(score: Score) -> list[str]:
    call = "function(prompt=..., reference=..., prediction=...)"
    try:
        inspect.signature(score).bind(prompt="", reference="", prediction="")
    except (TypeError, ValueError) as error:  # ValueError: a function of C without a signature
        return [f"it cannot be called as {call}: {error}"]
    return []


def _beginning(prediction: str) -> str:
    if len(prediction) <= SHOWN_CHARACTERS:
        return repr(prediction)
    return f"{prediction[:SHOWN_CHARACTERS]!r}..."
