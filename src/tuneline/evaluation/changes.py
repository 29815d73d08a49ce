"""The rows that a report shows: where tuning fixed an answer, and where it broke one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from tuneline.evaluation.held_out import HeldOut
    from tuneline.evaluation.metrics.metric import Metric
    from tuneline.evaluation.rows import FloatArray

Outcome = Literal["fixed", "broken", "both right", "both wrong", "better", "worse", "as good"]
"""The first four where rows are right or wrong, the last three where they have scores."""

MOST_ROWS = 500
_CHANGED: tuple[Outcome, ...] = ("fixed", "broken", "better", "worse")


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One held-out row as the best prompt and the tuned candidate answered it.

    ``number`` counts from 1 in the held-out file; ``label`` and ``group`` are empty where the row
    has none. Scores are those of the row by the primary metric, NaN where it has none; remarks say
    why an answer is wrong, where the metric can tell.
    """

    number: int
    outcome: Outcome
    label: str
    group: str
    prompt: str
    reference: str
    before: str
    after: str
    before_score: float
    after_score: float
    before_remark: str = ""
    after_remark: str = ""


@dataclass(frozen=True, slots=True)
class ShownRows:
    """Rows of the report, and how many rows of each outcome there are altogether.

    ``before`` is the baseline's name, ``after`` the tuned candidate's.
    """

    before: str
    after: str
    totals: dict[Outcome, int]
    rows: tuple[ShownRow, ...]


def shown_rows(
    held_out: HeldOut, metric: Metric, before: str, after: str, scores: Mapping[str, FloatArray]
) -> ShownRows:
    """Choose the rows of a report and read their texts.

    Changed rows come first, those that changed most before others; at most `MOST_ROWS`, of which
    the rows that stayed as they were have what the others leave.

    Args:
        held_out: The rows.
        metric: The primary metric.
        before: Name of the baseline.
        after: Name of the tuned candidate.
        scores: Each row's score by the primary metric, by candidate, shape (rows,).
    """
    outcomes = _outcomes(metric, scores[before], scores[after])
    change = np.nan_to_num(np.abs(scores[after] - scores[before]))
    # Among equals by chance: files are often sorted by label, and every label shall be seen.
    chance = np.random.default_rng(0).permutation(held_out.rows)
    places = {
        outcome: chosen[np.lexsort((chance[chosen], -change[chosen]))]
        for outcome, chosen in outcomes.items()
    }
    owner = {place: outcome for outcome, found in _within_limit(places).items() for place in found}
    rows = tuple(_shown(held_out, metric, before, after, scores, owner))
    return ShownRows(before, after, {name: len(found) for name, found in outcomes.items()}, rows)


def _shown(
    held_out: HeldOut,
    metric: Metric,
    before: str,
    after: str,
    scores: Mapping[str, FloatArray],
    owner: Mapping[int, Outcome],
) -> Iterator[ShownRow]:
    """The chosen rows with their texts, in the order in which they were chosen."""
    places = sorted(owner)
    columns = ["prompt", "reference", "prediction"]
    asked, answered = (
        dict(zip(places, held_out.rows_of(name, places, columns).to_pylist(), strict=True))
        for name in (before, after)
    )
    for place, outcome in owner.items():
        was, now = asked[place], answered[place]
        scored = scores[before][place], scores[after][place]
        yield ShownRow(
            number=place + 1,
            outcome=outcome,
            label=held_out.row_labels[place] if held_out.row_labels else "",
            group=held_out.named_groups[place] or "",
            prompt=was["prompt"],
            reference=was["reference"],
            before=was["prediction"],
            after=now["prediction"],
            before_score=float(scored[0]),
            after_score=float(scored[1]),
            before_remark="" if scored[0] >= 1 else metric.remark(**was),
            after_remark="" if scored[1] >= 1 else metric.remark(**now),
        )


def _outcomes(
    metric: Metric, before: FloatArray, after: FloatArray
) -> dict[Outcome, npt.NDArray[np.int64]]:
    flags: dict[Outcome, npt.NDArray[np.bool_]]
    if metric.right_or_wrong:
        was, now = before > 0, after > 0
        flags = {
            "fixed": now & ~was,
            "broken": was & ~now,
            "both wrong": ~was & ~now,
            "both right": was & now,
        }
    else:
        sign = 1 if metric.higher_is_better else -1
        gain = sign * (after - before)
        flags = {"better": gain > 0, "worse": gain < 0, "as good": ~((gain > 0) | (gain < 0))}
    return {name: np.flatnonzero(flag) for name, flag in flags.items()}


def _within_limit(places: Mapping[Outcome, npt.NDArray[np.int64]]) -> dict[Outcome, list[int]]:
    """Give changed rows up to a third of the room each, the others what is left, evenly."""
    room = MOST_ROWS
    kept: dict[Outcome, list[int]] = {}
    for outcome, found in places.items():
        if outcome in _CHANGED:
            kept[outcome] = found[: MOST_ROWS // 3].tolist()
            room -= len(kept[outcome])
    others = [outcome for outcome in places if outcome not in _CHANGED]
    for left, outcome in enumerate(others):
        share = room // (len(others) - left)
        kept[outcome] = places[outcome][:share].tolist()
        room -= len(kept[outcome])
    return kept
