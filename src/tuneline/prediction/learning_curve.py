"""The learning curve: what tuning on a part of the training split is worth.

Run by hand: `predict_parts`. Each part is tuned on with the same settings, and answers the
same held-out rows as the model that was tuned on the whole.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from tuneline.files import require_writable, sha256_file
from tuneline.models.source import resolve_base_model
from tuneline.prediction.predict import predict_tuned
from tuneline.prediction.store import (
    Prediction,
    PredictionFile,
    read_predictions,
    write_predictions,
)
from tuneline.training.learning_curve import check_fractions, retune_on_fractions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.prediction.settings import PredictSettings
    from tuneline.training.settings import TrainConfig


def predict_parts(
    test: Path,
    config: TrainConfig,
    fractions: Sequence[float],
    settings: PredictSettings,
    output: Path,
) -> PredictionFile:
    """Tune on parts of the training split, and answer the held-out rows by each model.

    One candidate for each fraction, named ``pet 25 %``. A fraction's model is removed when it has
    answered, so that one at a time lies on the disk; its answers stay, and an interrupted call
    goes on where it was when it is made again.

    Args:
        test: Canonical Parquet of the held-out rows.
        config: As for tuning on the whole split. ``output`` is the folder to work in; what is made
            there is removed at the end.
        fractions: Parts of the training split, each above 0 and below 1.
        settings: How to ask; ``shots`` is not read.
        output: Predictions file to write.

    Raises:
        ConfigurationError: A fraction is no part, or what tuning and prediction raise.
        DataError: What tuning and prediction raise.
        MachineError: The output or the folder cannot be written, or what they raise.
    """
    check_fractions(fractions)
    require_writable(output.parent)
    work = config.output / _digest(test, config, settings)[:16]
    parts = {fraction: work / f"{fraction:g}.parquet" for fraction in sorted(fractions)}
    missing = [fraction for fraction, part in parts.items() if not part.is_file()]
    for fraction, model in retune_on_fractions(config, missing, work / "models"):
        predict_tuned(
            *(test, config.train, model, settings, parts[fraction]),
            name=f"{config.method} {100 * fraction:g} %",
            training_fraction=fraction,
            tuned_on=model.with_name(f"{model.name}.parquet"),  # there until the next part is tuned
        )
        shutil.rmtree(model)
    _join([read_predictions(part) for part in parts.values()], output)
    _remove(work)
    return read_predictions(output)


def _remove(work: Path) -> None:
    """Remove what was worked in, and the folder that it is in where nothing else is there."""
    shutil.rmtree(work)
    if not any(work.parent.iterdir()):
        work.parent.rmdir()


def _digest(test: Path, config: TrainConfig, settings: PredictSettings) -> str:
    """Digest of all that decides about the answers, so that no other call's are taken."""
    parts = [
        *(sha256_file(path) for path in (test, config.train, config.validation)),
        resolve_base_model(config.base_model).digest,
        config.method,
        config.overrides.model_dump_json(),
        settings.model_dump_json(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _join(parts: Sequence[PredictionFile], output: Path) -> None:
    """Write the candidates of several predictions files of the same rows into one."""
    candidates = tuple(candidate for part in parts for candidate in part.info.candidates)
    info = replace(parts[0].info, candidates=candidates)
    write_predictions(output, info, (row for part in parts for row in _rows(part)))


def _rows(part: PredictionFile) -> Iterator[Prediction]:
    for candidate in part.info.candidates:
        for piece in part.batches(candidate.name):
            for row in piece.to_pylist():
                lists = {name: tuple(row[name]) for name in ("samples", "shot_ids")}
                yield Prediction(**{**row, **lists})
