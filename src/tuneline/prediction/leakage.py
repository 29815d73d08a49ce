"""Proof that held-out rows were held out: none is in the training split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.data.schema import read_examples
from tuneline.errors import DataError
from tuneline.files import sha256_file

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.result import TuningResult


def require_apart(test: Path, train: Path) -> None:
    """Refuse a training split that holds prompts of the held-out rows.

    Shots come from it and models are tuned on it: answers to these rows would prove nothing.

    Raises:
        DataError: Says how many rows both have and where the first one was read, or a file is no
            canonical Parquet.
    """
    held_out = {example.digests()[0] for example in read_examples(test)}
    shared = (row for row in read_examples(train) if row.digests()[0] in held_out)
    first = next(shared, None)
    if first is not None:
        count = 1 + sum(1 for _ in shared)
        raise DataError(
            f"{train}: {count} of its rows ask what rows of {test} ask too, the first read from "
            f"{first.source}:{first.row}. Prepare the data so that no held-out row is trained on: "
            "`tuneline prepare` does."
        )


def require_tuned_on(
    train: Path, model: Path, result: TuningResult, tuned_on: Path | None = None
) -> None:
    """Refuse a model that was tuned on other data than the training split.

    Args:
        train: The training split.
        model: Folder of the tuning run, for the message.
        result: What the run says of itself.
        tuned_on: The part of ``train`` that it was tuned on; None: all of it.

    Raises:
        DataError: The run read another file, or the part holds rows that ``train`` does not.
    """
    require_split(tuned_on or train, model, result.data["train"].digest)
    if tuned_on is not None:
        known = {example.digests()[1] for example in read_examples(train)}
        if any(example.digests()[1] not in known for example in read_examples(tuned_on)):
            raise DataError(
                f"{tuned_on}: holds rows that {train} does not, so it is no part of it. Give the "
                "training split that it was taken from."
            )


def require_split(train: Path, tuned: Path, digest: str) -> None:
    """Refuse a training split that a model was not tuned on.

    Args:
        train: The training split.
        tuned: The tuning run, for the message.
        digest: SHA-256 of the split that it read.

    Raises:
        DataError: The run read another file.
    """
    if digest != sha256_file(train):
        raise DataError(
            f"{tuned}: was tuned on another training split than {train}. Give the one that it was "
            "tuned on, so that it is known which rows it has seen."
        )
