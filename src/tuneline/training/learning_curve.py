"""Tuning on parts of the training split, each a part of the next larger one."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from tuneline.data.schema import read_examples, read_info, write_examples
from tuneline.errors import ConfigurationError
from tuneline.training.distributed.launch import tune

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.data.schema import Example
    from tuneline.training.settings import TrainConfig

logger = logging.getLogger("tuneline")


def check_fractions(fractions: Sequence[float]) -> None:
    """Check the fractions of a learning curve.

    Raises:
        ConfigurationError: One is not above 0 and below 1, or stands there twice; all are named.
    """
    problems = [
        f"fractions: {fraction:g} is no part of the training split. Give numbers above 0 and below "
        "1, such as 0.25; the whole is tuned on anyway."
        for fraction in fractions
        if not 0 < fraction < 1
    ]
    if not fractions or len(set(fractions)) < len(fractions):
        problems.append("fractions: give different parts of the training split, such as 0.25, 0.5.")
    if problems:
        raise ConfigurationError(problems)


def retune_on_fractions(
    config: TrainConfig, fractions: Sequence[float], folder: Path
) -> Iterator[tuple[float, Path]]:
    """Tune on parts of the training split, with the settings of the whole.

    The examples of a part are chosen by a hash of the seed and their content, label by label where
    there are labels, so a smaller part is a part of each larger one. Epochs stay what they are:
    fewer examples mean fewer steps. A run that was interrupted goes on when it is asked for again.

    Args:
        config: As for tuning on the whole split; ``output`` is not read.
        fractions: Parts, each above 0 and below 1; the smallest is tuned first.
        folder: Where each part has its folder.

    Yields:
        Each fraction with the output folder of its finished run, which may be removed.

    Raises:
        ConfigurationError: What `tuneline.training.distributed.launch.tune` raises.
        DataError: What it raises.
        MachineError: What it raises.
    """
    ranks = _ranks(config.train, config.overrides.seed)
    for fraction in sorted(fractions):
        own = folder / f"{100 * fraction:g}_percent"
        subset = folder / f"{own.name}.parquet"
        chosen = (
            example
            for example, rank in zip(read_examples(config.train), ranks, strict=True)
            if rank < fraction
        )
        rows = write_examples(subset, chosen, read_info(config.train))
        logger.info("tune: %g %% of the training split: %d rows", 100 * fraction, rows)
        tune(config.model_copy(update={"train": subset, "output": own}))
        yield fraction, own
        subset.unlink()


def _ranks(path: Path, seed: int) -> list[float]:
    """A place between 0 and 1 for each example among those of its label, by a hash.

    The first of each label has 0, so that every part holds every label.
    """
    by_label: dict[str | None, list[tuple[bytes, int]]] = defaultdict(list)
    count = 0
    for count, example in enumerate(read_examples(path), start=1):
        by_label[example.label].append((_hash(example, seed), count - 1))
    ranks = [0.0] * count
    for members in by_label.values():
        for order, (_, place) in enumerate(sorted(members)):
            ranks[place] = (order + 0.5) / len(members) if order else 0.0
    return ranks


def _hash(example: Example, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed} {example.example_id}".encode(), digest_size=16).digest()
