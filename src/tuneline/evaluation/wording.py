"""How numbers are written in sentences and tables."""

from __future__ import annotations

_METRIC_NAMES = {
    "accuracy": "accuracy",
    "exact_match": "exact match",
    "invalid_label_rate": "no label",
    "macro_f1": "macro-F1",
}


def metric_name(metric: str) -> str:
    """The name of a metric as people write it."""
    return _METRIC_NAMES[metric]


def percent(share: float) -> str:
    """A share between 0 and 1 as per cent with one decimal: ``91.2 %``."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares as percentage points with one decimal and a true minus sign."""
    rounded = round(100 * share, 1) + 0.0  # -0.0 becomes 0.0
    return f"{rounded:.1f}".replace("-", "\N{MINUS SIGN}")


def p_value(value: float) -> str:
    """A p-value as ``p = 0.031``, or ``p < 0.0001`` where it is smaller than that."""
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}"
