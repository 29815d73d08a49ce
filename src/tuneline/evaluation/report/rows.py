"""The rows behind the numbers, cut so that the page stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneline.evaluation.report.difference import Piece, pieces
from tuneline.evaluation.report.room import fitting_length, page_bytes
from tuneline.evaluation.wording import score
from tuneline.report.shown import shown
from tuneline.report.words import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.changes import Outcome, ShownRow, ShownRows
    from tuneline.evaluation.results import MetricInfo

_LENGTHS = (1_500, 1_000, 600, 400, 300, 250, 200, 150, 100, 60, 25, 10)
"""Characters of a text that may be shown, from the longest; the first that fits is taken."""

_BYTES_A_ROW = 550
_BYTES_A_MARK = 40
_BYTES_A_REMARK = 40
"""Of the elements around a row, a piece of an answer, and a remark."""

_TONES: dict[Outcome, str] = {
    "fixed": "pass",
    "better": "pass",
    "broken": "fail",
    "worse": "fail",
}
_LONG_PROMPT = 280
"""Characters from which a prompt is folded."""


class AnswerView(NamedTuple):
    """An answer in pieces, how it scored, and why it is wrong, where that is known."""

    pieces: list[Piece]
    score: str
    remark: str


class RowView(NamedTuple):
    """One row of the page."""

    number: int
    outcome: Outcome
    tone: str
    label: str
    group: str
    prompt: str
    folded: bool
    reference: str
    before: AnswerView
    after: AnswerView


class OutcomeView(NamedTuple):
    """One outcome: what it means, how many rows have it, and how many of them are on the page."""

    name: Outcome
    tone: str
    total: int
    on_page: int


class RowsView(NamedTuple):
    """The rows of the page, what they can be filtered by, and how many there are in all."""

    before: str
    after: str
    outcomes: list[OutcomeView]
    labels: list[str]
    rows: list[RowView]
    total: int


def rows_view(found: ShownRows, info: MetricInfo, most_bytes: int) -> RowsView:
    """What the page shows of the changed rows.

    Args:
        found: The rows.
        info: The primary metric.
        most_bytes: Room for the rows as they stand in the page; all texts are cut to the same
            length, the longest that fits.
    """
    outcomes = [row.outcome for row in found.rows]
    return RowsView(
        name_of(found.before),
        name_of(found.after),
        [
            OutcomeView(outcome, _tone(outcome), total, outcomes.count(outcome))
            for outcome, total in found.totals.items()
        ],
        sorted({name_of(row.label) for row in found.rows if row.label}),
        _fitting_rows(found.rows, info, most_bytes - _bytes_around(found)),
        sum(found.totals.values()),
    )


def _tone(outcome: Outcome) -> str:
    return _TONES.get(outcome, "neutral")


def _bytes_around(found: ShownRows) -> int:
    """What the rows take beside their texts, names included."""
    names = page_bytes([found.before, found.after]) * len(found.rows)
    labels = page_bytes(text for row in found.rows for text in (row.label, row.label, row.group))
    return _BYTES_A_ROW * len(found.rows) + names + labels


def _fitting_rows(rows: Sequence[ShownRow], info: MetricInfo, most_bytes: int) -> list[RowView]:
    texts = [
        text
        for row in rows
        for text in (
            row.prompt,
            row.reference,
            row.before,
            row.after,
            row.before_remark,
            row.after_remark,
        )
    ]
    longest = fitting_length(texts, _LENGTHS, most_bytes)
    lengths = [length for length in _LENGTHS if length <= longest]
    for length in lengths[:-1]:
        views = [_row(row, info, length) for row in rows]
        # The marks in the answers take room too, which is known only now.
        if sum(_marked_bytes(view) for view in views) <= most_bytes:
            return views
    return [_row(row, info, lengths[-1]) for row in rows]


def _marked_bytes(view: RowView) -> int:
    found = [*view.before.pieces, *view.after.pieces]
    remarks = [remark for remark in (view.before.remark, view.after.remark) if remark]
    texts = page_bytes(
        [view.prompt, view.reference, *remarks, *(piece.text + piece.missing for piece in found)]
    )
    marks = sum(piece.extra + bool(piece.missing) for piece in found)
    return texts + _BYTES_A_MARK * marks + _BYTES_A_REMARK * len(remarks)


def _row(row: ShownRow, info: MetricInfo, length: int) -> RowView:
    prompt, reference = shown(row.prompt, length), shown(row.reference, length)
    return RowView(
        row.number,
        row.outcome,
        _tone(row.outcome),
        name_of(row.label),
        name_of(row.group),
        prompt,
        len(prompt) > _LONG_PROMPT,
        reference,
        AnswerView(
            pieces(reference, shown(row.before, length)),
            _score(row, row.before_score, info),
            shown(row.before_remark, length),
        ),
        AnswerView(
            pieces(reference, shown(row.after, length)),
            _score(row, row.after_score, info),
            shown(row.after_remark, length),
        ),
    )


def _score(row: ShownRow, scored: float, info: MetricInfo) -> str:
    if row.outcome in ("better", "worse", "as good"):
        return score(scored, info)
    return "right" if scored > 0 else "wrong"
