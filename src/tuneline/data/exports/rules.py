"""The rule of exports: an example goes into every export that was asked for, or is kept aside."""

from __future__ import annotations

from tuneline.data.checks.rule import Rule

NOT_EXPORTABLE = "not_exportable"

RULES: tuple[Rule, ...] = (
    Rule(
        NOT_EXPORTABLE,
        "error",
        "An export that was asked for cannot hold the example without losing some of it.",
        "Choose an export that can, or change the row as the message says.",
        # Without it the files of one split would hold different examples.
        fixed=True,
    ),
)
