"""Proof that what answers as a tuned model was changed by tuning.

An adapter that was trained and then not applied answers like the base model and looks as if tuning
were not worth it. So the weights are compared before they are asked.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tuneline.errors import DataError
from tuneline.models.source import resolve_base_model
from tuneline.prediction.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.models.source import BaseModel
    from tuneline.training.result import TuningResult

_ADAPTER = "adapter"

_MODULES = 24
"""Modules of an adapter that are compared, spread evenly over the model."""

_ROWS = 512
"""Rows of each weight that are compared."""

_ULPS = 8
"""Roundings that may lie between a merged weight and the sum that it should be: those of the base,
the product and the sum, with room for another order of summation."""

_PEFT_PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class _Module:
    """One adapted module, by what it is called in the adapter and in the two models.

    ``lengths`` names the learned lengths of the weight's rows (DoRA); empty without them.
    """

    name: str
    down: str
    up: str
    lengths: str
    base: str
    merged: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """How an adapter's product is added to a weight."""

    alpha: float
    by_root: bool
    transposed: bool

    @classmethod
    def of(cls, adapter: Path) -> _Scale:
        path = adapter / "adapter_config.json"
        try:
            config = json.loads(path.read_bytes())
            return cls(
                config["lora_alpha"],
                bool(config.get("use_rslora", False)),
                bool(config["fan_in_fan_out"]),
            )
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{path}: says not how the adapter is applied: {error!r}.") from error

    def factor(self, rank: int) -> float:
        """What the product of matrices of a rank is multiplied by."""
        return self.alpha / (math.sqrt(rank) if self.by_root else rank)


def require_applied(folder: Path, result: TuningResult) -> BaseModel:
    """Prove that a tuned model is its base model with what tuning learned.

    For ``pet``: in the adapted modules the weights that answer differ from the base's, and are the
    base's plus the scaled product of the adapter's matrices (for DoRA, that sum with rows of the
    learned lengths), within 8 roundings of their type. For ``full``: at least one weight differs
    from the base's. Of large models some modules and rows are compared, each read alone.

    Args:
        folder: Output folder of a tuning run.
        result: What the run says of itself.

    Returns:
        The base model.

    Raises:
        ConfigurationError: The base model cannot be found.
        DataError: The base model is not the one that was tuned, the adapter learned nothing, or it
            is not applied; the module is named.
    """
    base = _base_of(result)
    merged_folder = folder / result.model_folder
    with Weights(base.path) as before, Weights(merged_folder) as after:
        if result.method == "full":
            _require_changed(before, after)
            return base
        scale = _Scale.of(folder / _ADAPTER)
        with Weights(folder / _ADAPTER) as adapter:
            modules = _adapted_modules(adapter, before, after)
            learned = [_require_sum(module, adapter, before, after, scale) for module in modules]
        if not any(learned):
            raise DataError(
                f"{adapter.folder}: the product of its matrices is zero in {modules[0].name} and "
                f"all other modules, so {result.steps} steps taught it nothing. Tune for longer "
                "or at a higher learning rate."
            )
    return base


def _base_of(result: TuningResult) -> BaseModel:
    record = result.base_model
    moving = record.revision and "@" not in record.reference
    base = resolve_base_model(
        f"{record.reference}@{record.revision}" if moving else record.reference
    )
    if base.digest != record.digest:
        raise DataError(
            f"{record.reference}: is not the base model that was tuned; its files have changed "
            f"(SHA-256 {base.digest[:12]}... where the run started from {record.digest[:12]}...). "
            "Tune again, or bring the old files back."
        )
    return base


def _adapted_modules(adapter: Weights, before: Weights, after: Weights) -> Sequence[_Module]:
    """The modules to compare: those whose weights both models hold under the module's name."""
    found = []
    for down in adapter:
        module, matrix, _ = down.partition(".lora_A.")
        base = before.find(f"{module.removeprefix(_PEFT_PREFIX)}.weight")
        merged = after.find(f"{module.removeprefix(_PEFT_PREFIX)}.weight")
        if matrix and base and merged:
            up = down.replace(".lora_A.", ".lora_B.")
            lengths = adapter.find(f"{module}.lora_magnitude_vector") or ""
            name = module.removeprefix(_PEFT_PREFIX)
            found.append(_Module(name, down, up, lengths, base, merged))
    if not found:
        raise DataError(
            f"{adapter.folder}: none of its modules has a weight of its name in both "
            f"{before.folder} and {after.folder}, so it cannot be shown that it is applied."
        )
    step = max(1, len(found) // _MODULES)
    return found[::step]


def _require_sum(
    module: _Module, adapter: Weights, before: Weights, after: Weights, scale: _Scale
) -> bool:
    """Compare one module; tell whether the adapter changes it at all."""
    # Lengths are those of whole rows, which a weight that lies transposed has as columns.
    rows = sys.maxsize if module.lengths and scale.transposed else _ROWS
    base, merged = before.rows(module.base, rows), after.rows(module.merged, rows)
    down, up = adapter.whole(module.down), adapter.whole(module.up)
    left, right = (down.T, up.T) if scale.transposed else (up, down)
    left, right = left[: len(base)].float(), right.float()
    factor = scale.factor(len(down))
    change = factor * (left @ right)
    learned = bool(change.any())
    expected = base.float() + change
    size = base.float().abs() + factor * (left.abs() @ right.abs())
    if module.lengths:
        along = 0 if scale.transposed else 1
        wanted = adapter.whole(module.lengths).float()
        wanted = wanted if scale.transposed else wanted[: len(base), None]
        stretch = wanted / expected.norm(dim=along, keepdim=True)
        expected, size = expected * stretch, size * stretch
    tolerance = _ULPS * torch.finfo(merged.dtype).eps * size
    visible = bool((expected.to(merged.dtype) != base.to(merged.dtype)).any())
    unchanged = torch.equal(merged, base.to(merged.dtype))
    if visible and unchanged:
        raise DataError(
            f"{after.folder}: {module.name} is the base model's, so the adapter was not applied. "
            "Tune again."
        )
    if bool(((merged.float() - expected).abs() > tolerance).any()):
        raise DataError(
            f"{after.folder}: {module.name} is not the base model's weight plus that of the "
            "adapter. Tune again."
        )
    return learned


def _require_changed(before: Weights, after: Weights) -> None:
    compared = 0
    for name in after:
        own = before.find(name)
        if own is None:
            continue
        compared += 1
        tuned = after.rows(name, _ROWS)
        if not torch.equal(tuned, before.rows(own, _ROWS).to(tuned.dtype)):
            return
    if not compared:
        raise DataError(
            f"{after.folder}: none of its weights has its name in {before.folder}, so it cannot be "
            "shown that tuning changed them."
        )
    raise DataError(
        f"{after.folder}: all {compared} weights are the base model's, so tuning changed nothing. "
        "Tune again."
    )
