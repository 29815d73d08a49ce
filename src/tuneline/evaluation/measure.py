"""Every answer measured by every metric, piece by piece, in one process or in several.

Texts are read, measured and let go, 4,096 rows at a time; what stays is a few numbers for each row.
So memory grows with the number of rows and not with the size of the files.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, vstack

from tuneline.evaluation.metrics.entities import entity_label_counts
from tuneline.evaluation.metrics.labels import confusion_counts, label_codes
from tuneline.evaluation.rows import Rows
from tuneline.evaluation.statistics.tables import dense
from tuneline.processes import in_processes
from tuneline.progress import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from tuneline.evaluation.held_out import HeldOut
    from tuneline.evaluation.metrics.labels import Codes
    from tuneline.evaluation.metrics.metric import Metric
    from tuneline.evaluation.statistics.tables import Table
    from tuneline.prediction.store import PredictionFile

_ROWS_WORTH_A_PROCESS = 16_384
_MOST_LABELS_IN_A_TABLE = 100  # a larger matrix nobody reads, and consoles do not take
_UNANSWERED = ["blocked", "prompt_too_long"]


@dataclass(slots=True)
class Tally:
    """What is counted over a candidate's answers beside metrics.

    ``confusion`` has the shape (k, k + 1), the last column for answers that are no label; it is
    None unless there are labels, at most 100. ``entities`` counts (right, predicted, expected)
    by entity type.
    """

    prompt_tokens: int = 0
    output_tokens: int = 0
    finished: Counter[str] = field(default_factory=Counter)
    confusion: Codes | None = None
    entities: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add what was counted over further rows."""
        self.prompt_tokens += other.prompt_tokens
        self.output_tokens += other.output_tokens
        self.finished += other.finished
        if other.confusion is not None:
            self.confusion = (
                other.confusion if self.confusion is None else self.confusion + other.confusion
            )
        for label, counts in other.entities.items():
            before = self.entities.get(label, (0, 0, 0))
            summed = tuple(a + b for a, b in zip(before, counts, strict=True))
            self.entities[label] = summed  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Measured:
    """One candidate: statistics of every row for each metric, and its tally."""

    statistics: dict[str, Table]
    tally: Tally


@dataclass(frozen=True, slots=True)
class _Job:
    file: PredictionFile
    candidate: str
    piece: int


@dataclass(frozen=True, slots=True)
class _Meter:
    """Measures pieces; pickled once to each worker."""

    metrics: Sequence[Metric]
    labels: tuple[str, ...]
    entities: bool

    def measure(self, job: _Job) -> tuple[list[Table], Tally]:
        table = job.file.piece(job.candidate, job.piece)
        rows = rows_of(table)
        silent = np.isin(table["finish_reason"].to_numpy(), _UNANSWERED)
        measured = [_nothing_right(metric, metric.measure(rows), silent) for metric in self.metrics]
        return measured, self._tally(table, rows)

    def _tally(self, table: pa.Table, rows: Rows) -> Tally:
        tally = Tally(
            prompt_tokens=sum(table["prompt_tokens"].to_pylist()),
            output_tokens=sum(table["output_tokens"].to_pylist()),
            finished=Counter(table["finish_reason"].to_pylist()),
        )
        if 0 < len(self.labels) <= _MOST_LABELS_IN_A_TABLE:
            expected = label_codes([label or "" for label in rows.labels], self.labels)
            predicted = label_codes(rows.predictions, self.labels)
            tally.confusion = confusion_counts(expected, predicted, len(self.labels))
        if self.entities:
            tally.entities = entity_label_counts(rows)
        return tally


_meter: list[_Meter] = []
"""The meter of this process, put in place when a worker starts."""


def measure(held_out: HeldOut, metrics: Sequence[Metric], workers: int) -> dict[str, Measured]:
    """Measure every candidate's answers, by the candidate's name.

    Args:
        held_out: The rows and who answered them; at least one row.
        metrics: What to measure.
        workers: Processes; 0: one for each core where it pays. One where a metric uses all cores
            on its own.

    Raises:
        DataError: A reference answer cannot be used, such as a query that its database refuses.
        MachineError: A worker was killed.
    """
    jobs = [
        _Job(answers.file, answers.candidate.name, piece)
        for answers in held_out.answers
        for piece in range(answers.file.pieces)
    ]
    entities = any(metric.name == "entity_f1" for metric in metrics)
    meter = _Meter(metrics, held_out.labels, entities)
    alone = any(metric.uses_all_cores for metric in metrics)
    count = 1 if alone else workers or _worker_count(held_out)
    results = (
        map(meter.measure, jobs)
        if count == 1
        else in_processes(_measure, jobs, count, _begin, (meter,))
    )
    found: dict[str, list[tuple[list[Table], Tally]]] = {
        answers.candidate.name: [] for answers in held_out.answers
    }
    for job, result in zip(
        jobs, counted(results, len(jobs), "evaluate: measuring", "pieces"), strict=True
    ):
        found[job.candidate].append(result)
    measured = {name: _gathered(metrics, pieces) for name, pieces in found.items()}
    for metric in metrics:
        if metric.same_rows_only:
            _keep_common_rows(metric, [one.statistics for one in measured.values()])
    return measured


def _nothing_right(metric: Metric, table: Table, silent: npt.NDArray[np.bool_]) -> Table:
    """No answer is no right answer, whatever an empty text would score."""
    if metric.right_or_wrong and silent.any():
        table = dense(table)
        table[silent, 0] = 0.0
    return table


def _keep_common_rows(metric: Metric, statistics: Sequence[dict[str, Table]]) -> None:
    """Leave rows out that not every candidate with such scores has on the same tokens.

    A row whose chat did not fit one candidate's context has no likelihood there, and it is the long
    rows that differ: means over different rows would compare nothing.
    """
    tables = [dense(found[metric.name]) for found in statistics]
    scored = [table for table in tables if table[:, -1].any()]
    if len(scored) < 2:
        return
    weights = np.stack([table[:, -1] for table in scored])
    common = (weights[0] > 0) & (weights == weights[0]).all(axis=0)
    for table in scored:
        table[~common] = 0.0
    for found, table in zip(statistics, tables, strict=True):
        found[metric.name] = table


def rows_of(table: pa.Table) -> Rows:
    """A piece of a predictions file as metrics read it."""
    nll, tokens = (
        table[name].cast("double").to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("reference_nll", "reference_tokens")
    )
    texts = {
        name: table[column].to_pylist()
        for name, column in {
            "prompts": "prompt",
            "references": "reference",
            "predictions": "prediction",
            "labels": "label",
            "samples": "samples",
        }.items()
    }
    return Rows(**texts, reference_nll=nll, reference_tokens=tokens)


def _worker_count(held_out: HeldOut) -> int:
    rows = held_out.rows * len(held_out.answers)
    return max(1, min(len(os.sched_getaffinity(0)), rows // _ROWS_WORTH_A_PROCESS))


def _gathered(metrics: Sequence[Metric], pieces: Sequence[tuple[list[Table], Tally]]) -> Measured:
    tally = Tally()
    for _, further in pieces:
        tally.add(further)
    statistics = {
        metric.name: _stacked([measured[place] for measured, _ in pieces])
        for place, metric in enumerate(metrics)
    }
    return Measured(statistics, tally)


def _stacked(pieces: Sequence[Table]) -> Table:
    sparse = [piece for piece in pieces if isinstance(piece, csr_array)]
    if sparse:
        return vstack(sparse, format="csr")
    return np.concatenate([dense(piece) for piece in pieces])


def _begin(meter: _Meter) -> None:
    _meter[:] = [meter]


def _measure(job: _Job) -> tuple[list[Table], Tally]:
    return _meter[0].measure(job)
