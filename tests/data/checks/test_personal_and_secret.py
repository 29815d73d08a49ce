"""How well personal data and secrets are found, measured on texts that are marked by hand."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pyarrow as pa
import pytest

from tests.data.checks.labelled import labelled_texts
from tuneline.data.checks import personal, secrets
from tuneline.data.checks.screen import Span, find

DETECTORS = (*personal.DETECTORS, *secrets.DETECTORS)


@cache
def tally() -> dict[str, Counter[str]]:
    """Hits, misses and false finds by code; one find may be true by two rules."""
    rows = labelled_texts()
    counts = {"hit": Counter[str](), "miss": Counter[str](), "false": Counter[str]()}
    found: dict[int, list[tuple[str, Span]]] = {}
    for one in find(DETECTORS, pa.array([row.text for row in rows], pa.string())):
        for span in one.spans:
            found.setdefault(one.position, []).append((one.detector.code, span))
    for position, row in enumerate(rows):
        finds = found.get(position, [])
        for code, span in row.finds:
            counts["hit" if (code, span) in finds else "miss"][code] += 1
        for code, span in finds:
            if not any(_overlap(span, true) for _, true in row.finds):
                counts["false"][code] += 1
    return counts


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


@pytest.mark.parametrize("code", [detector.code for detector in DETECTORS])
def test_each_kind_is_found_and_little_else(code: str) -> None:
    hits, misses, false = (tally()[name][code] for name in ("hit", "miss", "false"))
    assert hits + misses >= 5
    assert hits / (hits + misses) >= 0.95
    assert hits / (hits + false) >= 0.9


def test_recall_and_precision_over_all() -> None:
    hits, misses, false = (tally()[name].total() for name in ("hit", "miss", "false"))
    assert hits / (hits + misses) >= 0.95
    assert hits / (hits + false) >= 0.9


def test_the_fixture_has_hard_cases() -> None:
    assert sum(not row.finds for row in labelled_texts()) >= 150
