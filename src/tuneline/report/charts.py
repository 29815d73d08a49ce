"""Charts as inline SVG whose ink follows the page, so that they read in light, dark and print.

Every chart is deterministic: equal arguments give equal bytes. matplotlib is imported only when a
chart is drawn.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK = "#010203"
"""A colour that nothing else uses; it becomes ``currentColor`` in the SVG."""

_SERIES = ("#4a86e8", "#e8853a", "#2fa37c", "#b265d6", "#d4a51e", "#d9566b")
"""Mid-tone colours that read on white and on near-black."""

_WIDE = 20
"""Values further apart than this share a logarithmic axis."""

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tuneline",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": _INK,
    "grid.alpha": 0.15,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One row of an interval plot, in the unit of the axis.

    ``low`` and ``high`` are None where there is no interval. ``chosen`` draws the row in the
    accent colour.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class IntervalPoint:
    """One point of a curve with its interval; ``low`` and ``high`` are None where there is none."""

    x: float
    value: float
    low: float | None
    high: float | None


def curves(
    series: Mapping[str, Sequence[tuple[float, float]]],
    x_label: str,
    y_label: str,
    description: str = "",
) -> Markup:
    """Draw one line for each series, with a legend where there is more than one.

    Args:
        series: Points ``(x, y)`` by the series' name, in drawing order. A series with one point is
            drawn as a dot, an empty one is left out. Where all values are positive and the largest
            is more than 20 times the smallest, the vertical axis is logarithmic.
        x_label: What the horizontal axis shows, with its unit.
        y_label: What the vertical axis shows, with its unit.
        description: What a screen reader says; the axis labels unless given.

    Returns:
        An ``<svg>`` element for a ``<div class="chart">``.
    """

    def draw(axes: Axes) -> None:
        for index, (name, points) in enumerate(series.items()):
            if not points:
                continue
            xs, ys = zip(*points, strict=True)
            marker = "o" if len(points) <= 12 else ""
            color = _SERIES[index % len(_SERIES)]
            axes.plot(xs, ys, label=name, color=color, marker=marker, markersize=4, linewidth=1.8)
        values = [y for points in series.values() for _, y in points]
        if min(values) > 0 and max(values) > _WIDE * min(values):
            axes.set_yscale("log")
            # Powers of ten alone say little where there are two of them.
            axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.grid(visible=True)
        if len(series) > 1:
            axes.legend(frameon=False)

    return _svg((5.6, 3.1), draw, description or f"{y_label} by {x_label}")


def intervals(
    rows: Sequence[IntervalRow],
    x_label: str,
    description: str = "",
    *,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Markup:
    """Draw a dot and its interval for each row, from top to bottom.

    The axis shows the range of the intervals, not all that would be possible, so that differences
    can be seen.

    Args:
        rows: What to draw, at least one row; all numbers are finite.
        x_label: What the axis shows, with its unit.
        description: What a screen reader says; the axis label unless given.
        limits: Values that cannot be left; where both are finite, the axis is never shorter than
            a fifth of what is between them.

    Returns:
        An ``<svg>`` element for a ``<div class="chart">``.
    """

    def draw(axes: Axes) -> None:
        for position, row in enumerate(rows):
            color = _SERIES[0] if row.chosen else _INK
            if row.low is not None and row.high is not None:
                axes.plot([row.low, row.high], [position, position], color=color, linewidth=2)
            axes.plot([row.value], [position], color=color, marker="o", markersize=6)
        axes.set_yticks(range(len(rows)), [row.name for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(*_axis(rows, limits))
        axes.set_xlabel(x_label)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(visible=True, axis="x")

    return _svg((4.8, 0.7 + 0.32 * len(rows)), draw, description or x_label)


def interval_curves(
    series: Mapping[str, Sequence[IntervalPoint]],
    x_label: str,
    y_label: str,
    description: str = "",
    *,
    level: tuple[str, float] | None = None,
) -> Markup:
    """Draw a line with an interval at each point for each series.

    Args:
        series: Points by the series' name, from left to right, in drawing order.
        x_label: What the horizontal axis shows, with its unit.
        y_label: What the vertical axis shows, with its unit.
        description: What a screen reader says; the axis labels unless given.
        level: Name and value of a dashed line to compare with.

    Returns:
        An ``<svg>`` element for a ``<div class="chart">``.
    """

    def draw(axes: Axes) -> None:
        for index, (name, points) in enumerate(series.items()):
            color = _SERIES[index % len(_SERIES)]
            line = [point.x for point in points], [point.value for point in points]
            axes.plot(*line, label=name, color=color, marker="o", markersize=4, linewidth=1.8)
            for point in points:
                if point.low is not None and point.high is not None:
                    axes.vlines(point.x, point.low, point.high, color=color, lw=5, alpha=0.3)
        if level:
            axes.axhline(level[1], label=level[0], color=_INK, linestyle="--", linewidth=1)
        xs = sorted({point.x for points in series.values() for point in points})
        axes.set_xticks(xs, [f"{x:,.0f}" for x in xs])
        axes.set_xlim(left=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.grid(visible=True, axis="y")
        # Above the axes, since intervals and the level reach everywhere within them.
        axes.figure.legend(loc="outside upper left", frameon=False)

    height = 3.0 + 0.2 * (len(series) + bool(level))
    return _svg((4.8, height), draw, description or f"{y_label} by {x_label}")


def _axis(rows: Sequence[IntervalRow], limits: tuple[float, float]) -> tuple[float, float]:
    """Where an axis begins and ends that shows all rows and a little more."""
    ends = [end for row in rows for end in (row.low, row.value, row.high) if end is not None]
    least, most = limits
    span = max(ends) - min(ends)
    if math.isfinite(most - least):
        span = max(span, (most - least) / 5)
    middle = (max(ends) + min(ends)) / 2
    reach = 0.58 * (span or abs(middle) or 1.0)
    margin = 0.04 * reach  # so that a dot at a limit is whole
    return max(middle - reach, least - margin), min(middle + reach, most + margin)


def _svg(
    size_inches: tuple[float, float], draw: Callable[[Axes], None], description: str
) -> Markup:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The page's own font draws the words, so that it does not matter what matplotlib's lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=size_inches, layout="constrained")
        draw(figure.subplots())
        return _inline(figure, description)


def _inline(figure: Figure, description: str) -> Markup:
    """Turn matplotlib's SVG document into an element of the page.

    The fixed size and the style element go, since the page's style sheet has both; group ids go,
    since nothing refers to them.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    document = buffer.getvalue()
    view_box = re.search(r'viewBox="([^"]+)"', document)
    body = re.search(r"<svg[^>]*>(.*)</svg>", document, flags=re.DOTALL)
    if view_box is None or body is None:
        raise RuntimeError("matplotlib wrote an SVG document of a form that is not known here.")
    content = re.sub(r"<metadata>.*?</metadata>", "", body.group(1), flags=re.DOTALL)
    content = re.sub(r'<g id="[^"]*"', "<g", content)
    content = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", content, flags=re.DOTALL)
    # Shapes keep ids, which the chart refers to; two charts on a page may share the shapes.
    own = hashlib.sha256(content.encode()).hexdigest()[:8]
    content = re.sub(r'((?: id="|href="#|url\(#))(\w+)', rf"\1c{own}-\2", content)
    return Markup(  # noqa: S704  matplotlib has escaped every text in it
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{view_box.group(1)}" role="img" aria-label="{escape(description)}">'
        f"{content.replace(_INK, 'currentColor')}</svg>"
    )
