"""Merging on request: a run's adapter, or any adapter, with its base model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.files import require_writable, sha256_folder
from tuneline.models.loading import load_processor, load_tokenizer
from tuneline.models.source import copied_folder, resolve_base_model
from tuneline.training.artifacts import MODEL_FOLDER, save_merged
from tuneline.training.result import RESULT_FILE, read_result
from tuneline.training.start import (
    ADAPTER_CONFIG,
    ADAPTER_FOLDER,
    named_base,
    require_safetensors,
)

if TYPE_CHECKING:
    from pathlib import Path

_TOKENIZER = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged model's folder, and the difference that merging made (see `save_merged`)."""

    folder: Path
    difference: float


def merge(reference: str, out: Path | None = None, base_model: str = "") -> Merged:
    """Combine an adapter with its base model.

    A run's folder that gets its merged model is then the same as if it had been merged at its end:
    result.json names it.

    Args:
        reference: Output folder of a run by method ``pet``, or folder or URI of an adapter.
        out: Folder to write; None: ``merged`` in the run's folder.
        base_model: The base model; empty: the one that the run or the adapter names.

    Raises:
        ConfigurationError: There is no adapter, no place to write to, or no base model of that
            name, or it is not the one that the run was tuned from.
        MachineError: The folder cannot be written.
        ServiceError: A store or hub does not answer.
    """
    folder = copied_folder("model", reference)
    is_run = (folder / RESULT_FILE).is_file()
    adapter = folder / ADAPTER_FOLDER if is_run else folder
    if not (adapter / ADAPTER_CONFIG).is_file():
        raise ConfigurationError(
            f"model: {reference!r} holds no adapter ({ADAPTER_CONFIG}). Give the output folder of "
            "a run by method 'pet', or an adapter's folder."
        )
    if out is None and not is_run:
        raise ConfigurationError("out: say where the merged model goes: --out FOLDER.")
    require_safetensors("model", adapter)
    base = resolve_base_model(base_model or _required_base(adapter))
    if is_run and read_result(folder).base_model.digest != base.digest:
        raise ConfigurationError(
            f"base_model: {base.reference!r} is not what {reference!r} was tuned from; its files "
            "differ. Give the same model by --base-model."
        )
    target = out or folder / MODEL_FOLDER["pet"]
    require_writable(target.parent)
    spoken = adapter if (adapter / _TOKENIZER).is_file() else base.path
    speaker = load_processor(spoken) or load_tokenizer(spoken)
    difference = save_merged(base.path, adapter, speaker, target)
    if out is None:
        result = read_result(folder).model_copy(
            update={
                "model_folder": MODEL_FOLDER["pet"],
                "model_digest": sha256_folder(target),
                "merged_logit_difference": difference,
            }
        )
        result.write(folder)
    return Merged(target, difference)


def _required_base(adapter: Path) -> str:
    name = named_base(adapter)
    if not name:
        raise ConfigurationError(
            f"base_model: {adapter / ADAPTER_CONFIG} names no base model. Give it by --base-model."
        )
    return name
