"""How numbers are written in sentences and tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneline.evaluation.results import Metric, MetricInfo

MINUS = "\N{MINUS SIGN}"
UNKNOWN = "\N{EN DASH}"
"""What stands where there is no number."""


def percent(share: float) -> str:
    """A share between 0 and 1 as per cent with one decimal: ``91.2 %``."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares as percentage points with one decimal and a true minus sign."""
    rounded = round(100 * share, 1) + 0.0  # -0.0 becomes 0.0
    return f"{rounded:.1f}".replace("-", MINUS)


def score(value: float, info: MetricInfo) -> str:
    """A metric's value in its unit: ``91.2 %`` or ``1.37``; a dash where it is not a number."""
    if math.isnan(value):
        return UNKNOWN
    return percent(value) if info.unit == "share" else _ratio(value)


def gap(difference: float, info: MetricInfo) -> str:
    """A difference of two values of a metric: ``4.2 points`` or ``0.21``."""
    if info.unit == "share":
        return f"{points(difference)} points"
    return _ratio(difference)


def signed(difference: float, info: MetricInfo) -> str:
    """A difference with its sign and without its unit: ``+4.2``, ``0.0``; a dash for NaN."""
    if math.isnan(difference):
        return UNKNOWN
    text = points(difference) if info.unit == "share" else _ratio(difference)
    is_positive = not text.startswith(MINUS) and text.strip("0.")
    return f"+{text}" if is_positive else text


def signed_interval(low: float | None, high: float | None, info: MetricInfo) -> str:
    """The ends of a difference's interval, ``+1.2 to +7.3``; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"{signed(low, info)} to {signed(high, info)}"


def interval(metric: Metric, info: MetricInfo) -> str:
    """The ends of an interval, ``88.1 to 93.0``; empty where there is none."""
    if metric.low is None or metric.high is None:
        return ""
    if info.unit == "ratio":
        return f"{_ratio(metric.low)} to {_ratio(metric.high)}"
    return f"{points(metric.low)} to {points(metric.high)}"


def p_number(value: float) -> str:
    """A p-value in a table: ``0.031``, or ``< 0.0001`` where it is smaller than that."""
    return "< 0.0001" if value < 0.0001 else f"{value:.2g}"


def p_value(value: float) -> str:
    """A p-value as ``p = 0.031``, or ``p < 0.0001`` where it is smaller than that."""
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}"


def dollars(value: float | None) -> str:
    """A price with as many decimals as it needs: ``$12.40``, ``$0.0031``; a dash if unknown."""
    if value is None:
        return UNKNOWN
    if value == 0 or value >= 0.1:
        return f"${value:,.2f}"
    # Two digits that count, which may be far behind the point.
    return f"${value:.{1 - math.floor(math.log10(value))}f}"


def size(count: int) -> str:
    """Bytes as people read them: ``1.2 MB``; a dash for none."""
    if not count:
        return UNKNOWN
    if count < 1000:
        return f"{count} B"
    number = float(count)
    for unit in ("kB", "MB"):
        number /= 1000
        if number < 999.5:
            return f"{number:.3g} {unit}"
    return f"{number / 1000:,.3g} GB"


def duration(seconds: float) -> str:
    """A time as people read it: ``8.4 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def _ratio(value: float) -> str:
    """Three digits that count, and never a power of ten above 1: ``0.213``, ``12,345``."""
    written = f"{value:,.0f}" if abs(value) >= 999.5 else f"{value + 0.0:.3g}"
    return written.replace("-", MINUS)
