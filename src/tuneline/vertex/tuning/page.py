"""The page of a managed tuning job: its curves, what was sent, what the service says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.files import write_text
from tuneline.report.charts import curves
from tuneline.report.page import render_page

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.vertex.tuning.result import ManagedResult

_CHARTS = {"total_loss": "loss", "fraction_of_correct_next_step_preds": "share of tokens right"}
_SPLITS = {"train": "training", "eval": "validation"}


def write_page(path: Path, result: ManagedResult) -> None:
    """Write the page, which needs no network."""
    charts = [
        curves(series, x_label="step", y_label=label)
        for metric, label in _CHARTS.items()
        if (series := _of(result, metric))
    ]
    statistics = {
        name: value for name, value in result.statistics.items() if isinstance(value, int | str)
    }
    page = render_page(
        "tuneline.vertex.tuning",
        "page.html",
        result=result,
        charts=charts,
        statistics=statistics,
        dropped=result.statistics.get("droppedExampleReasons", []),
    )
    write_text(path, page)


def _of(result: ManagedResult, metric: str) -> dict[str, list[tuple[float, float]]]:
    return {
        name: [(float(point.step), point.value) for point in points]
        for split, name in _SPLITS.items()
        if (points := result.curves.get(f"/{split}_{metric}"))
    }
