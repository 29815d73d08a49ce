"""The weights that a run leaves: adapter/ and merged/, or model/, each a folder that loads alone.

They are made from the base model's own files in the type that these are stored in, not from the
model that was trained: that one may be split over devices, or its base held in 4 bits.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationConfig

from tuneline.errors import MachineError
from tuneline.files import new_folder
from tuneline.models.chat import stop_token_ids
from tuneline.models.loading import load_model
from tuneline.training.result import CARD_FILE, CURVES_FILE, RESULT_FILE
from tuneline.training.start import ADAPTER_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from peft import PeftModel

    from tuneline.models.source import BaseModel
    from tuneline.training.settings import Method

MODEL_FOLDER: dict[Method, str] = {"pet": "merged", "full": "model"}
"""Where the model that answers lies in a run's output: for ``pet`` base and adapter combined."""

MERGE_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""Largest difference that merging may make to a logit, as a share of the largest logit. A merged
weight is rounded to the base's type once more: 24, 8 or 11 bits."""

_COMPARED_TOKENS = 64


def remove_leftovers(output: Path) -> None:
    """Remove what a process killed while it wrote the artifacts left under temporary names."""
    for name in (ADAPTER_FOLDER, *MODEL_FOLDER.values()):
        for leftover in output.glob(f".{name}.*"):
            shutil.rmtree(leftover)
    for name in (CURVES_FILE, CARD_FILE, RESULT_FILE):
        for leftover in output.glob(f".{name}.*"):
            leftover.unlink()


def save_adapter(
    model: PeftModel,
    weights: Mapping[str, torch.Tensor],
    tokenizer: Any,
    base: BaseModel,
    folder: Path,
) -> None:
    """Save an adapter alone, in PEFT's form, whole or not at all.

    Args:
        model: The model with the adapter.
        weights: Its trained weights, whole, by the names of ``model``.
        tokenizer: Its tokenizer, or its processor.
        base: The base model.
        folder: The folder to write.
    """
    for adapter in model.peft_config.values():
        # Neither a path of this machine's cache nor the order of a set.
        adapter.base_model_name_or_path = base.name
        adapter.revision = base.revision or None
        if not isinstance(adapter.target_modules, str):
            adapter.target_modules = sorted(adapter.target_modules)
        if adapter.exclude_modules and not isinstance(adapter.exclude_modules, str):
            adapter.exclude_modules = sorted(adapter.exclude_modules)
    with new_folder(folder) as temporary:
        # PEFT would else ask the hub whether the vocabulary has grown.
        model.save_pretrained(temporary, state_dict=dict(weights), save_embedding_layers=False)
        tokenizer.save_pretrained(temporary)
        (temporary / "README.md").unlink()  # PEFT's empty form; the run's own card says it all


def save_merged(base: Path, adapter: Path, tokenizer: Any, folder: Path) -> float:
    """Combine a base model with an adapter into one model, whole or not at all.

    Args:
        base: Folder of the base model.
        adapter: Folder of the adapter.
        tokenizer: The adapter's tokenizer, or its processor.
        folder: The folder to write.

    Returns:
        Largest difference between a logit of base with adapter and of the merged model, as a share
        of the largest logit.

    Raises:
        MachineError: The difference is larger than `MERGE_TOLERANCE`.
    """
    from tuneline.training.adapters import applied_adapter

    adapted = applied_adapter(load_model(base, dtype="auto"), adapter).eval()
    ids = _plain_ids(tokenizer)
    with torch.inference_mode():
        before = adapted(input_ids=ids, use_cache=False).logits.float()
    merged = adapted.merge_and_unload(safe_merge=True)
    with torch.inference_mode():
        after = merged(input_ids=ids, use_cache=False).logits.float()
    difference = float((before - after).abs().max() / before.abs().max().clamp(min=1e-30))
    if not difference <= MERGE_TOLERANCE[merged.dtype]:
        raise MachineError(
            f"{folder}: the merged model's logits differ from those of base and adapter by "
            f"{difference:.2g} of the largest, more than roundings do. Use {adapter} with the "
            "base model instead, and lower lora_alpha or learning_rate next time."
        )
    _save(merged, tokenizer, folder)
    return difference


def save_full(
    base: Path, weights: Mapping[str, torch.Tensor], tokenizer: Any, folder: Path
) -> None:
    """Save a model whose every weight was trained, whole or not at all.

    Args:
        base: Folder of the base model, whose type the weights are saved in.
        weights: The trained weights, whole, by name.
        tokenizer: Its tokenizer, or its processor.
        folder: The folder to write.
    """
    model = load_model(base, dtype="auto")
    with torch.no_grad():
        for name, own in model.named_parameters():
            own.copy_(weights[name])
    _save(model, tokenizer, folder)


def _plain_ids(speaker: Any) -> torch.Tensor:
    """Some tokens that are no special ones: (1, tokens)."""
    tokenizer = getattr(speaker, "tokenizer", speaker)
    special = tokenizer.added_tokens_decoder.keys()
    plain = [i for i in range(2 * _COMPARED_TOKENS + len(special)) if i not in special]
    return torch.tensor([plain[:_COMPARED_TOKENS]]).clamp(max=len(tokenizer) - 1)


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    # Greedy, as it is evaluated: the base's sampling settings were not made for this task.
    model.generation_config = GenerationConfig(
        bos_token_id=model.generation_config.bos_token_id,
        eos_token_id=stop_token_ids(tokenizer, model.generation_config),
        pad_token_id=getattr(tokenizer, "tokenizer", tokenizer).pad_token_id,
    )
    with new_folder(folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
