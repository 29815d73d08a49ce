"""manifest.json: what was read, what was kept, and what was written."""

# No postponed annotations here: pydantic needs the types of the fields at run time.
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

import tuneline
from tuneline.data.collection import Collection, SourceTally
from tuneline.data.content_kind import Format
from tuneline.data.lengths import Lengths
from tuneline.data.plan import Plan
from tuneline.data.problems import Reason
from tuneline.data.schema import Task
from tuneline.data.settings import PrepareSettings
from tuneline.data.shapes.detection import ShapeName
from tuneline.data.sources import Purpose
from tuneline.data.split import SPLITS, SplitName

MANIFEST_VERSION = 1
"""It rises when a reader of the old manifest would misread the new one."""

_PATHS = {"data", "validation_data", "test_data"}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Producer(_Part):
    """Who wrote the files."""

    name: str = "tuneline"
    version: str = tuneline.__version__


class SourceSummary(_Part):
    """One source file; ``rows`` = ``kept`` + ``rejected`` + ``duplicates``."""

    purpose: Purpose
    file: str
    sha256: str
    format: Format
    shape: ShapeName
    shape_reason: str
    rows: int
    kept: int
    rejected: int
    duplicates: int


class Counts(_Part):
    """The accounting: ``read`` = ``kept`` + ``rejected`` + ``duplicates``, blank lines aside.

    ``kept`` is the sum of ``per_split``, ``rejected`` + ``duplicates`` that of ``per_reason``.
    """

    read: int = 0
    kept: int = 0
    rejected: int = 0
    duplicates: int = 0
    per_split: dict[SplitName, int] = {}
    per_reason: dict[Reason, int] = {}


class WrittenFile(_Part):
    """One Parquet file that was written."""

    rows: int
    sha256: str


class ExampleLengths(_Part):
    """Lengths in characters; a prompt is everything before the answer."""

    prompt: Lengths = Lengths()
    answer: Lengths = Lengths()


class Manifest(_Part):
    """Everything that a later stage or a person may ask about prepared data.

    Attributes:
        schema_version: `MANIFEST_VERSION`.
        producer: Name and version of the program.
        parameters: The settings, without the paths.
        sources: The files read.
        counts: The accounting.
        task: ``classification`` or ``generation``.
        task_reason: Why.
        labels: Examples of each label in each split.
        files: What was written, by ``train``, ``validation``, ``test`` and ``rejected``.
        lengths: Of the kept examples.
        warnings: Sentences for a person.
    """

    schema_version: int = MANIFEST_VERSION
    producer: Producer = Producer()
    parameters: dict[str, Any]
    sources: list[SourceSummary]
    counts: Counts
    task: Task
    task_reason: str
    labels: dict[str, dict[SplitName, int]]
    files: dict[str, WrittenFile]
    lengths: ExampleLengths
    warnings: list[str]


def make_manifest(
    settings: PrepareSettings,
    collection: Collection,
    plan: Plan,
    files: Mapping[str, WrittenFile],
    warnings: list[str],
) -> Manifest:
    """Put together what was found out and written."""
    return Manifest(
        parameters=settings.model_dump(exclude=_PATHS),
        sources=summarise_sources(collection),
        counts=count(collection, plan),
        task=plan.task,
        task_reason=plan.why,
        labels=label_counts(plan),
        files=dict(files),
        lengths=measure(collection),
        warnings=warnings,
    )


def summarise_sources(collection: Collection) -> list[SourceSummary]:
    """The sources in the order in which the user gave them: data, validation, test."""
    return [_summary(tally) for tally in reversed(collection.tallies)]


def _summary(tally: SourceTally) -> SourceSummary:
    return SourceSummary(
        purpose=tally.source.purpose,
        file=tally.source.name,
        sha256=tally.source.sha256,
        format=tally.format,
        shape=tally.shape.name,
        shape_reason=tally.shape.why,
        rows=tally.read,
        kept=tally.kept,
        rejected=tally.rejected,
        duplicates=tally.duplicates,
    )


def count(collection: Collection, plan: Plan | None) -> Counts:
    """The accounting; without a plan nothing is split yet."""
    return Counts(
        read=collection.total("read"),
        kept=collection.total("kept"),
        rejected=collection.total("rejected"),
        duplicates=collection.total("duplicates"),
        per_split={split: plan.rows(split) for split in SPLITS} if plan else {},
        per_reason=dict(sorted(collection.reasons.items())),
    )


def label_counts(plan: Plan) -> dict[str, dict[SplitName, int]]:
    """Examples of each label in each split, sorted by label."""
    per_split = plan.labels_per_split()
    labels = sorted({label for counts in per_split.values() for label in counts})
    return {label: {split: per_split[split][label] for split in SPLITS} for label in labels}


def measure(collection: Collection) -> ExampleLengths:
    """Lengths of the kept examples."""
    kept = collection.kept
    return ExampleLengths(
        prompt=Lengths.of(kept.prompt_lengths), answer=Lengths.of(kept.answer_lengths)
    )
