"""The answer and its numbers in Markdown, for consoles that show it beside a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneline.evaluation.report.candidates import Row, cost_rows, score_rows
from tuneline.evaluation.report.recommended import recommendation
from tuneline.evaluation.report.slices import worst_sentence
from tuneline.report.words import counted, name_of, sentence_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.evaluation.results import EvaluationMetrics
    from tuneline.evaluation.verdict import Verdict

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ACTIVE = re.compile(r"([\\`*_\[\]~|!$@^]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""What Markdown could read as markup within a line, or turn into a link."""


def markdown_summary(metrics: EvaluationMetrics, verdict: Verdict) -> str:
    """Write the answer, the candidates side by side and the reasons as GitHub-flavoured Markdown.

    Args:
        metrics: Everything measured.
        verdict: What was decided.

    Returns:
        Text that ends in a newline. Names and texts of users are escaped, so that they are neither
        Markdown nor HTML, and each stands in one line.
    """
    return (
        "\n\n".join([*_answer(verdict), *_table(metrics, verdict), *_why(metrics, verdict)]) + "\n"
    )


def _answer(verdict: Verdict) -> Iterator[str]:
    result = f"passed: {_name(verdict.winner)}" if verdict.passed else "not passed"
    yield f"**Was tuning worth it? {result}**"
    # Never at the start of a line, where more signs would be markup.
    yield f"The answer: {_text(verdict.headline)}"
    found = recommendation(verdict)
    yield f"{found.before} **{_name(found.name)}**{found.after}" if found.name else found.before


def _table(metrics: EvaluationMetrics, verdict: Verdict) -> Iterator[str]:
    if not metrics.candidates:
        return
    yield f"{counted(metrics.rows, 'held-out row')}, with 95 % intervals:"
    names = [
        _name(candidate.name) + (" (winner)" if candidate.name == verdict.winner else "")
        for candidate in metrics.candidates
    ]
    rows = [*score_rows(metrics), *cost_rows(metrics)]
    yield "\n".join(
        [
            _line(["", *names]),
            _line(["---", *("---:" for _ in names)]),
            *(_line([_title(row), *_cells(row)]) for row in rows),
        ]
    )


def _title(row: Row) -> str:
    title = _text(f"{row.title} ({row.note})" if row.note else row.title)
    return f"**{title}**" if row.primary else title


def _cells(row: Row) -> list[str]:
    return [_text(f"{cell.text} ({cell.note})" if cell.note else cell.text) for cell in row.cells]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _why(metrics: EvaluationMetrics, verdict: Verdict) -> Iterator[str]:
    parted = [reason.partition(": ") for reason in verdict.reasons]
    if parted:
        yield "\n".join(f"- **{result}:** {_text(text)}" for result, _, text in parted)
    worst = worst_sentence(verdict, metrics.info(metrics.primary_metric))
    for sentence in (verdict.sensitivity, worst):
        if sentence:
            yield f"Note: {_text(sentence)}"


def _name(text: str) -> str:
    return _escaped(name_of(text))


def _text(text: str) -> str:
    return _escaped(sentence_of(text))


def _escaped(text: str) -> str:
    line = " ".join(text.split())
    plain = _ACTIVE.sub(r"\\\1", line)
    return "".join(_ENTITIES.get(character, character) for character in plain)
