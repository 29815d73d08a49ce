"""The table of all rules: every code that a row, a data set or a file can be said to break."""

from __future__ import annotations

from tuneline.data import label_findings, mixture
from tuneline.data.checks import boilerplate, label_set, limits, text, tool_calls
from tuneline.data.checks.masking import MASKABLE
from tuneline.data.duplicates import conflicts, exact, near
from tuneline.data.exports import rules as exports
from tuneline.data.media import checks as media
from tuneline.data.rows import rules as rows
from tuneline.data.shapes import rules as shapes
from tuneline.data.split import times
from tuneline.data.targets import limits as targets

__all__ = ["MASKABLE", "RULES"]

RULES = {
    rule.code: rule
    for module in (
        rows,
        shapes,
        times,
        text,
        limits,
        tool_calls,
        media,
        targets,
        exports,
        exact,
        near,
        mixture,
        label_set,
        conflicts,
        label_findings,
        boilerplate,
    )
    for rule in module.RULES
}
"""Rules by code, in the order in which a row meets them."""
