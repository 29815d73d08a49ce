"""The page itself, from everything that the run found out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.reading.stages import target_entry
from tuneline.data.report import wording
from tuneline.data.report.accounting import (
    SHOWN_SOURCES,
    accounting,
    files_name,
    how_split,
    mixture_rows,
    split_bars,
)
from tuneline.data.report.found import findings_view, rules_by_kind
from tuneline.data.report.labels import labels_view
from tuneline.data.report.lengths import PERCENTILES, length_views
from tuneline.data.report.samples import training_samples
from tuneline.data.report.target import limits, statistics_view
from tuneline.data.split.names import SPLITS
from tuneline.data.targets.tokens import token_counter
from tuneline.report import words
from tuneline.report.page import render_page

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.data.collection import Collection
    from tuneline.data.manifest import Manifest
    from tuneline.data.plan import Plan
    from tuneline.data.settings import PrepareSettings

_SHOWN_AT_ONCE = 20
"""Rows of a table above the fold; the others are there when asked for."""

_FIXED: dict[str, Any] = {
    "splits": SPLITS,
    "percentiles": PERCENTILES,
    "shown_at_once": _SHOWN_AT_ONCE,
    "name_of": words.name_of,
    "sentence_of": words.sentence_of,
    "number": wording.number,
    "counted": words.counted,
    "share": wording.share,
}
"""What the template needs whatever the data are."""


def make_report(
    settings: PrepareSettings, manifest: Manifest, collection: Collection, plan: Plan, train: Path
) -> str:
    """Render the page.

    Args:
        settings: What the user chose.
        manifest: Everything that was counted.
        collection: Rows to show, and the lengths.
        plan: What became of each example.
        train: The training split, for samples.

    Returns:
        One HTML file that needs no network; all user text is escaped, and no personal data or
        secret that the rules find is in it.
    """
    entry = target_entry(settings)
    return render_page(
        "tuneline.data",
        "report.html",
        **_FIXED,
        manifest=manifest,
        title=files_name([source.file for source in manifest.sources]),
        findings=findings_view(manifest),
        accounting=accounting(manifest, collection, plan),
        sources=manifest.sources[:SHOWN_SOURCES],
        mixture=mixture_rows(collection, plan),
        split_bars=split_bars(manifest),
        how_split=how_split(manifest),
        rules=rules_by_kind(manifest, collection),
        labels=labels_view(manifest),
        lengths=length_views(collection, plan),
        counter_says=token_counter(settings.tokenizer, entry).stated,
        limits=limits(entry, manifest, collection, plan) if entry else [],
        statistics=statistics_view(manifest.target) if manifest.target else None,
        samples=training_samples(train),
        files=sorted(manifest.files.items(), key=_splits_first),
    )


def _splits_first(file: tuple[str, object]) -> tuple[int, str]:
    name = file[0]
    return (SPLITS.index(name) if name in SPLITS else len(SPLITS)), name
