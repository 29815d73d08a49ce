"""Where every row went: by source, by split, by share of the mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tuneline.data.plan import FATES
from tuneline.data.report.wording import Bar, share
from tuneline.data.split.names import SPLITS, TRAIN
from tuneline.report.words import counted, listed, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.data.collection import Collection
    from tuneline.data.manifest import Manifest, SourceSummary
    from tuneline.data.plan import Plan
    from tuneline.data.sources.source import Purpose

SHOWN_SOURCES = 50


class RowsOf(NamedTuple):
    """Where the rows of one or several files went: ``read`` is the sum of all that follows."""

    name: str
    purpose: Purpose
    read: int
    per_split: list[int]
    rejected: int
    duplicates: int


class Accounting(NamedTuple):
    """The accounting by what the user gave, and by file where that is more than one file.

    Attributes:
        given: One entry for each path, glob or URI that the user gave.
        files: The files, as many as are shown; empty where each was given by itself.
        hidden: How many files are not shown.
    """

    given: list[RowsOf]
    files: list[RowsOf]
    hidden: int


class MixtureRow(NamedTuple):
    """One member of the mixture: the share of the training rows that it should have, and has."""

    name: str
    weight: float
    wanted: float
    rows: int
    found: float
    left_out: int


def accounting(manifest: Manifest, collection: Collection, plan: Plan) -> Accounting:
    """Where the rows of every source went, in the manifest's order."""
    per_split = np.stack([_by_source(collection, plan, number) for number in range(len(SPLITS))])
    places = {tally.source.name: place for place, tally in enumerate(collection.tallies)}
    given: dict[tuple[Purpose, str], list[SourceSummary]] = {}
    for summary in manifest.sources:
        source = collection.tallies[places[summary.file]].source
        given.setdefault((source.purpose, source.mixture), []).append(summary)

    def rows_of(files: Sequence[SourceSummary]) -> RowsOf:
        own = per_split[:, [places[summary.file] for summary in files]].sum(axis=1)
        return RowsOf(
            files_name([summary.file for summary in files]),
            files[0].purpose,
            sum(summary.rows for summary in files),
            own.tolist(),
            sum(summary.rejected for summary in files),
            sum(summary.duplicates for summary in files),
        )

    several = len(given) < len(manifest.sources)
    shown = manifest.sources[:SHOWN_SOURCES] if several else []
    return Accounting(
        [rows_of(files) for files in given.values()],
        [rows_of([summary]) for summary in shown],
        len(manifest.sources) - len(shown) if several else 0,
    )


def files_name(names: Sequence[str]) -> str:
    """The first of some files, and how many more there are."""
    more = len(names) - 1
    return f"{name_of(names[0])} and {counted(more, 'more file')}" if more else name_of(names[0])


def _by_source(collection: Collection, plan: Plan, fate: int) -> np.ndarray:
    """How many rows of each source have a fate."""
    return np.bincount(collection.sources[plan.fates == fate], minlength=len(collection.tallies))


def mixture_rows(collection: Collection, plan: Plan) -> list[MixtureRow]:
    """The members of the mixture in the order in which they were given; none without a mixture."""
    members: dict[str, list[int]] = {}
    sources = [tally.source for tally in collection.tallies]
    for place, source in enumerate(sources):
        if source.purpose == "data":
            members.setdefault(source.mixture, []).append(place)
    if len(members) < 2:
        return []
    trained = _by_source(collection, plan, TRAIN)
    outside = _by_source(collection, plan, FATES.index("outside_mixture"))
    weights = sum(sources[places[0]].weight for places in members.values())
    return [
        MixtureRow(
            files_name([sources[place].name for place in places]),
            sources[places[0]].weight,
            sources[places[0]].weight / weights,
            int(trained[places].sum()),
            int(trained[places].sum()) / max(1, int(trained.sum())),
            int(outside[places].sum()),
        )
        for places in members.values()
    ]


def split_bars(manifest: Manifest) -> list[Bar]:
    """The splits, each as long as its share of the kept rows."""
    counts, kept = manifest.counts.per_split, manifest.counts.kept
    return [Bar(split, counts[split], round(100 * counts[split] / kept, 1)) for split in SPLITS]


def how_split(manifest: Manifest) -> list[str]:
    """How the splits were made, in sentences."""
    return [*_own_files(manifest), *_made(manifest), _together(manifest)]


def _own_files(manifest: Manifest) -> Iterator[str]:
    purposes = {source.purpose for source in manifest.sources}
    for split in SPLITS:
        if split in purposes:
            yield f"The {split} split is your own {split} data, without what the checks left out."


def _made(manifest: Manifest) -> Iterator[str]:
    settings = manifest.parameters
    purposes = {source.purpose for source in manifest.sources}
    shares = {
        split: settings[f"{split}_share"]
        for split in ("validation", "test")
        if split not in purposes and settings[f"{split}_share"] > 0
    }
    if not shares:
        return
    aims = listed([f"{share(part)} {split}" for split, part in shares.items()])
    if settings["time_column"]:
        yield (
            f"By time: the newest rows by the column {name_of(settings['time_column'])} are held "
            f"out, the test split the newest of all, aiming at {aims}."
        )
    elif manifest.task == "classification" or settings["label_column"]:
        yield (
            f"By label and hash (seed {settings['seed']}): the rows of each label are split on "
            f"their own, aiming at {aims} of each."
        )
    else:
        what = "group" if settings["group_column"] else "prompt"
        yield (
            f"By hash of the {what} (seed {settings['seed']}), aiming at {aims}: a row stays in "
            "its split when rows are added."
        )


def _together(manifest: Manifest) -> str:
    settings = manifest.parameters
    what = ["the same prompt"]
    if settings["group_column"]:
        what.append(f"the same {name_of(settings['group_column'])}")
    if manifest.near_duplicates is not None:
        what.append("almost the same prompt")
    return f"Rows with {' or '.join(what)} are never in two splits; this was checked row by row."
