"""Text that must stay text wherever a user or a model wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tuneline.evaluation.changes import ShownRows

HOSTILE = (
    "</script><script>window.broken=1</script><img src=x onerror=\"window.broken=2\">' onclick='x"
    " {{ 7 * 7 }} {% include 'base.html' %} | a | </style> <!-- &lt; \x00\x1b[31m\u202e $\\frac{"
)


def replaced(value: object, bad: Mapping[str, str]) -> object:
    """The same structure with hostile names; keys and the kinds of candidates stay."""
    if isinstance(value, dict):
        return {name: one if name == "kind" else replaced(one, bad) for name, one in value.items()}
    if isinstance(value, list):
        return [replaced(one, bad) for one in value]
    return bad.get(value, value) if isinstance(value, str) else value


def hostile_rows(shown: ShownRows, bad: Mapping[str, str]) -> ShownRows:
    """The same rows with hostile texts and names."""
    rows = tuple(
        replace(
            row,
            label=bad.get(row.label, row.label),
            group=HOSTILE,
            prompt=HOSTILE + row.prompt,
            reference=HOSTILE + row.reference,
            before=row.before + HOSTILE,
            after=HOSTILE + row.after,
        )
        for row in shown.rows
    )
    return ShownRows(bad[shown.before], bad[shown.after], shown.totals, rows)
