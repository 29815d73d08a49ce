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
from tuneline.settings import suggestion

if TYPE_CHECKING:
    from tuneline.evaluation.rows import Rows

SHOWN_CHARACTERS = 80
LISTED_FUNCTIONS = 20
ROUNDING = 1e-9
"""How far beyond 0 and 1 a share may lie, since floating-point sums end a little beside them."""
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
    if not place.endswith(".py"):
        return CustomMetric(place, name, reference)
    path = Path(place).expanduser()
    # Reports go to other machines, whose readers the place on this one does not concern.
    source = f"{path.name}:{name}" if path.is_absolute() else reference
    return CustomMetric(str(path.resolve()), name, source)  # other processes may run elsewhere


class CustomMetric(MeanMetric):
    """A function of the user as a metric; see ``custom_metric``.

    Args:
        place: Absolute path of a Python file, or name of a module.
        function: The function's name in it.
        source: Both, as reports name them.

    Raises:
        ConfigurationError: It cannot be imported or called, or its attributes are wrong.
    """

    def __init__(self, place: str, function: str, source: str) -> None:
        self.place = place
        self.name = function
        self.title = function.replace("_", " ").strip()
        self.source = source
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
            DataError: It fails or returns no finite number, or as a share one outside 0 and 1;
                shows the beginning of the row's prompt and prediction.
        """
        score = self._function()
        texts = zip(rows.prompts, rows.references, rows.predictions, strict=True)
        return [self._score(score, row, *three) for row, three in enumerate(texts)]

    def _score(self, score: Score, row: int, prompt: str, reference: str, prediction: str) -> float:
        where = (
            f"metric {self.source}, row {row} of its batch (prompt {_beginning(prompt)}, "
            f"prediction {_beginning(prediction)})"
        )
        try:
            given = score(prompt=prompt, reference=reference, prediction=prediction)
            number = float(given) if isinstance(given, Real) else math.nan
        except Exception as error:  # the user's function may raise anything
            raise DataError(f"{where}: it raised {type(error).__name__}: {error}.") from error
        if not math.isfinite(number):
            shown = _beginning(given) if isinstance(given, str) else repr(given)[:SHOWN_CHARACTERS]
            raise DataError(f"{where}: it returned {shown}; return a finite number.")
        if self.unit == "ratio":
            return number
        if not -ROUNDING <= number <= 1 + ROUNDING:
            raise DataError(
                f'{where}: it returned {number:g}, but its unit is "share". Return a number '
                'between 0 and 1, or set its unit to "ratio".'
            )
        return min(max(number, 0.0), 1.0)

    def _function(self) -> Score:
        """The function, loaded once in each process: functions of a file cannot be pickled."""
        module = _module(self.place)
        function: object = getattr(module, self.name, None)
        if not callable(function):
            known = _functions(module)
            raise ConfigurationError(
                f"metric {self.source}: there is no function {self.name!r} in it."
                f"{suggestion(self.name, known)} Functions there: "
                f"{', '.join(known[:LISTED_FUNCTIONS]) or 'none'}."
            )
        return function


def _functions(module: ModuleType) -> list[str]:
    """Names of the functions that a module defines itself, for people to choose from."""
    return sorted(
        name
        for name, value in vars(module).items()
        if inspect.isroutine(value)
        and not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    )


@cache
def _module(place: str) -> ModuleType:
    if place.endswith(".py") and not Path(place).is_file():
        raise ConfigurationError(f"metric in {place}: there is no such file.")
    try:
        return _run_file(place) if place.endswith(".py") else import_module(place)
    except (Exception, SystemExit) as error:  # importing runs the user's code
        raise ConfigurationError(
            f"metric in {place}: it cannot be imported ({type(error).__name__}: {error}). "
            "Correct it, install its package, or write the path of its .py file."
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


def _beginning(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS:
        return repr(text)
    return f"{text[:SHOWN_CHARACTERS]!r}..."
