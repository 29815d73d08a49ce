"""What a finished run is told as: every setting, count, digest and time in one result."""

from __future__ import annotations

import platform
import resource
import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch

from tuneline import __version__
from tuneline.training.result import (
    BaseModelRecord,
    ContinuedRecord,
    SplitRecord,
    TuningResult,
    WorkRecord,
)

if TYPE_CHECKING:
    from tuneline.training.sequences.store import StoredSplit
    from tuneline.training.settings import TrainConfig
    from tuneline.training.setup import Prepared
    from tuneline.training.start import Start
    from tuneline.training.state import RunState

_VERSIONED = ("torch", "transformers", "peft", "safetensors", "tokenizers")


@dataclass(frozen=True, slots=True)
class Finished:
    """A run whose steps are made.

    Attributes:
        config: What was tuned on what, and how.
        start: What it started from.
        run_digest: Digest of all that decides the result.
        split_digests: SHA-256 of each split's file.
        prepared: The model and all that the steps needed.
        splits: The splits, encoded.
        state: Where the run ended.
    """

    config: TrainConfig
    start: Start
    run_digest: str
    split_digests: dict[str, str]
    prepared: Prepared
    splits: dict[str, StoredSplit]
    state: RunState


def summarize(finished: Finished, **written: Any) -> TuningResult:
    """Put a run's result together.

    Args:
        finished: The run.
        **written: Fields of the result about what was written.
    """
    start, state = finished.start, finished.state
    continued = None
    if start.adapter is not None:
        reference = finished.config.overrides.continue_from
        continued = ContinuedRecord(reference=reference, digest=start.adapter_digest)
    return TuningResult(
        tuneline_version=__version__,
        run_digest=finished.run_digest,
        method=finished.config.method,
        preset=finished.config.preset,
        base_model=BaseModelRecord(
            reference=start.base.reference,
            digest=start.base.digest,
            revision=start.base.revision,
        ),
        continued_from=continued,
        settings=finished.prepared.engine.settings,
        data={
            name: _split(split, finished.split_digests[name])
            for name, split in finished.splits.items()
        },
        trainable_parameters=finished.prepared.trainable_parameters,
        total_parameters=finished.prepared.total_parameters,
        steps=state.step,
        best_step=state.best_step,
        stopped_early=state.stopped_early,
        train_loss=state.train_loss,
        validation_loss=state.validation_loss,
        best_validation_loss=state.best_loss,
        tokens=state.tokens,
        training_seconds=round(state.training_seconds, 3),
        peak_memory_bytes=_peak_memory_bytes(),
        work=_work(finished),
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in _VERSIONED},
        },
        **written,
    )


def _split(split: StoredSplit, digest: str) -> SplitRecord:
    return SplitRecord(
        digest=digest,
        rows=split.facts.examples,
        too_long=split.facts.too_long.count,
        tokens=split.tokens,
        trained_tokens=split.trained_tokens,
    )


def _work(finished: Finished) -> WorkRecord:
    prepared, engine = finished.prepared, finished.prepared.engine
    return WorkRecord(
        device=_device(engine.ranks.device),
        processes=engine.ranks.world,
        placement=prepared.placement,
        weights=engine.types.weights,
        computation=engine.types.computation,
        packed=prepared.checked.packed,
        not_packed_because=prepared.checked.not_packed_because,
        tokens_per_device=engine.limits.tokens,
        activation_checkpointing=prepared.activation_checkpointing,
        largest_loss_difference=prepared.checked.largest_difference,
    )


def _peak_memory_bytes() -> int:
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts kibibytes


def _device(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    threads = torch.get_num_threads()
    return f"cpu, {threads} thread{'s' if threads > 1 else ''}"
