"""One checkpoint: a folder whose manifest proves that every byte is what was written.

Weights and moments are safetensors and the rest is JSON, so reading one runs no code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tuneline.errors import MachineError
from tuneline.files import new_folder, sha256_file
from tuneline.training.state import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

MANIFEST = "manifest.json"
_FORMAT = 1
_WEIGHTS = "weights.safetensors"
_MOMENTS = "optimizer.safetensors"
_STATE = "state.json"
_NEEDED = {_WEIGHTS, _MOMENTS, _STATE}
_PREFIX = "checkpoint-"


class Tensors(NamedTuple):
    """What a checkpoint holds beside the state: trained weights by name, and their moments."""

    weights: Mapping[str, torch.Tensor]
    moments: Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was proven whole."""

    path: Path
    state: RunState

    def weights(self) -> dict[str, torch.Tensor]:
        """The trained weights by name, in main memory."""
        return load_file(self.path / _WEIGHTS)

    def moments(self) -> dict[str, torch.Tensor]:
        """The optimizer's moments, by the weight's name and the moment's."""
        return load_file(self.path / _MOMENTS)


def name_of(step: int) -> str:
    """Name of a step's checkpoint."""
    return f"{_PREFIX}{step}"


def step_of(name: str) -> int | None:
    """The step of a checkpoint's name; None for other names."""
    number = name.removeprefix(_PREFIX)
    return int(number) if name.startswith(_PREFIX) and number.isdecimal() else None


def write_checkpoint(folder: Path, state: RunState, tensors: Tensors) -> Path:
    """Write a checkpoint into ``folder``: the manifest last, and the name after that.

    Raises:
        MachineError: It cannot be written, most often for want of space; those before it are as
            they were.
    """
    path = folder / name_of(state.step)
    with new_folder(path) as temporary:
        try:
            save_file(dict(tensors.weights), temporary / _WEIGHTS)
            save_file(dict(tensors.moments), temporary / _MOMENTS)
        except SafetensorError as error:  # safetensors' own words for the system's refusal
            raise MachineError(
                f"{path}: cannot be written ({error}). Free some space, or choose another output "
                "folder, and run the same command again: it goes on from the checkpoint before."
            ) from error
        (temporary / _STATE).write_text(state.model_dump_json(indent=1), encoding="utf-8")
        files = {
            file.name: {"bytes": file.stat().st_size, "sha256": sha256_file(file)}
            for file in sorted(temporary.iterdir())
        }
        manifest = {"format": _FORMAT, "step": state.step, "files": files}
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return path


def open_checkpoint(path: Path) -> Checkpoint | str:
    """Prove a checkpoint.

    Returns:
        The checkpoint, or one sentence that says what is damaged.
    """
    try:
        return _proven(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        return f"its {MANIFEST} or {_STATE} cannot be read ({type(error).__name__})"


def _proven(path: Path) -> Checkpoint | str:
    if not (path / MANIFEST).is_file():
        return f"it has no {MANIFEST}, so it was not written to its end"
    manifest = json.loads((path / MANIFEST).read_bytes())
    files = manifest["files"]
    found = {file.name for file in path.iterdir()} - {MANIFEST}
    if manifest["format"] != _FORMAT or not files.keys() >= _NEEDED:
        return f"its {MANIFEST} is of another format"
    if missing := sorted(files.keys() - found):
        return f"{missing[0]} is missing"
    if further := sorted(found - files.keys()):
        return f"{further[0]} does not belong there"
    for name, written in files.items():
        if (path / name).stat().st_size != written["bytes"]:
            return f"{name} has not the size that was written"
        if sha256_file(path / name) != written["sha256"]:
            return f"{name} is not what was written (its SHA-256 differs)"
    state = RunState.model_validate_json((path / _STATE).read_bytes())
    if not state.step == manifest["step"] == step_of(path.name):
        return "it is of another step than its name says"
    return Checkpoint(path, state)
