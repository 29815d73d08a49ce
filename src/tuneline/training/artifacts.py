"""The folders that a run leaves: adapter/ and merged/, or model/, with card and curves."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from transformers import GenerationConfig

from tuneline.files import new_folder, write_text
from tuneline.models.chat import stop_token_ids
from tuneline.report.charts import curves
from tuneline.report.page import render_page
from tuneline.training.result import RESULT_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.training.result import LossPoint, TuningResult
    from tuneline.training.settings import Method

CURVES_FILE = "curves.html"
CARD_FILE = "README.md"
MODEL_FOLDER: dict[Method, str] = {"pet": "merged", "full": "model"}
"""Where the model that answers lies in a run's output: for ``pet`` base and adapter combined."""


def remove_leftovers(output: Path) -> None:
    """Remove what a process killed while it wrote the artifacts left under temporary names."""
    for name in ("adapter", *MODEL_FOLDER.values()):
        for leftover in output.glob(f".{name}.*"):
            shutil.rmtree(leftover)
    for name in (CURVES_FILE, CARD_FILE, RESULT_FILE):
        for leftover in output.glob(f".{name}.*"):
            leftover.unlink()


def save_model(
    model: Any, tokenizer: Any, method: Method, output: Path, base_reference: str
) -> None:
    """Save the tuned weights as safetensors, each folder whole or absent.

    For ``pet`` the adapter is saved alone and combined with the base; for ``full`` there is one
    model. Each folder loads by itself, tokenizer, template and generation settings included.

    Args:
        model: The tuned model; combined in place for ``pet``.
        tokenizer: Its tokenizer.
        method: ``pet`` or ``full``.
        output: The run's folder.
        base_reference: The base model as the user names it, for the adapter's configuration.
    """
    if method == "pet":
        for adapter in model.peft_config.values():
            # Neither a path of this machine's cache nor the order of a set.
            adapter.base_model_name_or_path = base_reference
            adapter.target_modules = sorted(adapter.target_modules)
        with new_folder(output / "adapter") as folder:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            (folder / "README.md").unlink()  # PEFT's empty form; the run's own card says it all
        model = model.merge_and_unload()
    # Greedy, as it is evaluated: the base's sampling settings were not made for this task.
    model.generation_config = GenerationConfig(
        bos_token_id=model.generation_config.bos_token_id,
        eos_token_id=stop_token_ids(tokenizer, model.generation_config),
        pad_token_id=tokenizer.pad_token_id,
    )
    with new_folder(output / MODEL_FOLDER[method]) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def write_curves(output: Path, result: TuningResult) -> None:
    """Write the loss curves as one page that needs no network."""
    chart = curves(
        {
            "training": _points(result.train_loss),
            "validation": _points(result.validation_loss),
        },
        x_label="optimizer step",
        y_label="loss (answer tokens)",
    )
    page = render_page("tuneline.training", "curves.html", chart=chart, result=result)
    write_text(output / CURVES_FILE, page)


def write_model_card(output: Path, result: TuningResult) -> None:
    """Write the model card beside the weights, in the form that model hubs read."""
    page = render_page("tuneline.training", "model_card.md", result=result)
    write_text(output / CARD_FILE, page)


def _points(losses: Sequence[LossPoint]) -> list[tuple[float, float]]:
    return [(float(point.step), point.loss) for point in losses]
