"""The page of a run: its curves, what was learned from, and how the work was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.files import write_text
from tuneline.report.charts import curves
from tuneline.report.page import render_page
from tuneline.training.marked_answers import pieces
from tuneline.training.result import CURVES_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.training.result import LossPoint, TuningResult
    from tuneline.training.summary import Finished

_SAMPLES = 3
_LONGEST_SHOWN = 4000
"""Characters of a sample."""


def write_curves(output: Path, result: TuningResult, finished: Finished, tokenizer: Any) -> None:
    """Write the page, which needs no network.

    Args:
        output: The run's folder.
        result: What is told.
        finished: The run.
        tokenizer: Its tokenizer.
    """
    chart = curves(
        {
            "training": _points(result.train_loss),
            "validation": _points(result.validation_loss),
        },
        x_label="optimizer step",
        y_label="loss (answer tokens)",
    )
    rows = dict.fromkeys(finished.prepared.checked.rows)
    split = finished.splits["train"]
    page = render_page(
        "tuneline.training.report",
        "curves.html",
        chart=chart,
        result=result,
        samples=[_shown(pieces(split, tokenizer, row)) for row in list(rows)[:_SAMPLES]],
    )
    write_text(output / CURVES_FILE, page)


def _shown(found: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """The pieces of a sample, long ones without their middle: both ends are what matters."""
    most = _LONGEST_SHOWN // len(found)
    return [
        (text if len(text) <= most else f"{text[: most // 2]} […] {text[-most // 2 :]}", trained)
        for text, trained in found
    ]


def _points(losses: Sequence[LossPoint]) -> list[tuple[float, float]]:
    return [(float(point.step), point.loss) for point in losses]
