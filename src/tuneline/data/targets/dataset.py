"""What a managed model takes of a whole data set: rows, bytes, and what may not be mixed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.checks.finding import Finding
from tuneline.data.targets.kinds import MEDIA, Kind, resolutions_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.data.targets.catalogue import ModelEntry
    from tuneline.data.targets.kinds import Kinds


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """What there is to know of one split.

    Attributes:
        rows: Its rows.
        file_bytes: Bytes of the JSONL file to submit; 0 where none was written.
        media_rows: Rows with a media file.
        image_rows: Rows with an image.
        video_rows: Rows with a video.
        resolutions: Media resolutions that its rows name; an empty text for rows that name none.
    """

    rows: int
    file_bytes: int = 0
    media_rows: int = 0
    image_rows: int = 0
    video_rows: int = 0
    resolutions: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, kinds: Kinds, file_bytes: int = 0) -> SplitFacts:
        """Read the facts off the kinds of a split's rows.

        Args:
            kinds: What `kinds_of` gave for each row.
            file_bytes: Bytes of the JSONL file to submit; 0 where none was written.
        """
        return cls(
            rows=len(kinds),
            file_bytes=file_bytes,
            media_rows=_count(kinds, MEDIA),
            image_rows=_count(kinds, Kind.IMAGE),
            video_rows=_count(kinds, Kind.VIDEO),
            resolutions=frozenset(resolutions_in(kinds)),
        )


def _count(kinds: Kinds, bits: int) -> int:
    return int(np.count_nonzero(kinds & np.uint8(bits)))


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What there is to know of a data set that is to be submitted; validation may be left out."""

    train: SplitFacts
    validation: SplitFacts | None = None


def dataset_findings(entry: ModelEntry, facts: DatasetFacts) -> list[Finding]:
    """Everything in a data set as a whole that the model does not take, or not well.

    Args:
        entry: The model.
        facts: The data set.
    """
    return [
        *_training_rows(entry, facts.train),
        *_file_bytes(entry, facts),
        *_validation_rows(entry, facts),
        *_validation_bytes(entry, facts),
        *_mixed(entry, facts),
    ]


def _training_rows(entry: ModelEntry, train: SplitFacts) -> Iterator[Finding]:
    recommended = entry.recommended_train_rows
    if train.rows == 0:
        yield Finding("no_training_rows", "error", f"There is no row to tune {entry.id} on.")
    elif not isinstance(recommended, str) and train.rows < recommended:
        yield Finding(
            "few_training_rows",
            "warn",
            f"{train.rows:,} training rows are few: {recommended:,} or more are recommended for "
            f"{entry.id}. Add rows, or try without tuning first.",
        )
    limit, kind = entry.max_train_rows, "rows"
    if train.media_rows:
        limit, kind = entry.max_train_rows_multimodal, "rows where some hold media"
    if not isinstance(limit, str) and train.rows > limit:
        yield Finding(
            "too_many_training_rows",
            "error",
            f"{train.rows:,} training rows, and {entry.id} takes {limit:,} {kind}. Take "
            f"{train.rows - limit:,} out.",
        )


def _file_bytes(entry: ModelEntry, facts: DatasetFacts) -> Iterator[Finding]:
    limit = entry.max_file_bytes
    if not isinstance(limit, str) and facts.train.file_bytes > limit:
        yield Finding(
            "training_file_too_large",
            "error",
            f"The training file has {facts.train.file_bytes:,} bytes and {entry.id} takes "
            f"{limit:,}. Take rows out or shorten them.",
        )


def _validation_rows(entry: ModelEntry, facts: DatasetFacts) -> Iterator[Finding]:
    if facts.validation is None or facts.validation.rows == 0:
        yield Finding(
            "no_validation_rows",
            "warn",
            f"There is no validation split, so tuning {entry.id} shows its training loss alone. "
            "Set validation_share or validation_data.",
        )
        return
    rows, limits = facts.validation.rows, entry.validation
    if not isinstance(limits.rows, str) and rows > limits.rows:
        yield Finding(
            "too_many_validation_rows",
            "error",
            f"{rows:,} validation rows and {entry.id} takes {limits.rows:,}. Lower "
            "validation_share.",
        )
    share = limits.row_share
    # Rounded, since 0.3 x 10,000 is a little less than 3,000 in floating point.
    if isinstance(share, float) and rows > limits.row_share_above:
        most = int(round(share * facts.train.rows, 6))
        if rows > most:
            yield Finding(
                "validation_share_too_large",
                "error",
                f"{rows:,} validation rows are more than {share:.0%} of the {facts.train.rows:,} "
                f"training rows, which {entry.id} takes where there are more than "
                f"{limits.row_share_above:,}. Keep {max(most, limits.row_share_above):,} or fewer.",
            )


def _validation_bytes(entry: ModelEntry, facts: DatasetFacts) -> Iterator[Finding]:
    share = entry.validation.byte_share
    if facts.validation is None or not isinstance(share, float):
        return
    have, train = facts.validation.file_bytes, facts.train.file_bytes
    if train and have > share * train:
        yield Finding(
            "validation_file_too_large",
            "error",
            f"The validation file has {have:,} bytes, {have / train:.2%} of the training file's "
            f"{train:,}, and {entry.id} takes {share:.0%}. Split 90 to 10: 80 to 20 lies on the "
            "line.",
        )


def _mixed(entry: ModelEntry, facts: DatasetFacts) -> Iterator[Finding]:
    splits = [split for split in (facts.train, facts.validation) if split is not None]
    resolutions = sorted(set().union(*(split.resolutions for split in splits)))
    has_video = any(split.video_rows for split in splits)
    if entry.one_media_resolution and has_video and len(resolutions) > 1:
        named = ", ".join(name or "none" for name in resolutions)
        yield Finding(
            "mixed_media_resolution",
            "error",
            "With video, every row of training and validation must carry the same "
            f"mediaResolution for {entry.id}; these carry {named}. Set one for all rows.",
        )
    names = ("training", "validation")
    for name, split in zip(names, splits, strict=False):
        without = split.rows - split.image_rows
        if entry.images_drop_text_rows and split.image_rows and without:
            yield Finding(
                "text_rows_dropped",
                "error",
                f"{split.image_rows:,} {name} rows hold an image, so {entry.id} would drop the "
                f"{without:,} rows without one. Tune on rows of one kind.",
            )
