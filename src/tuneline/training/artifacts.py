"""The folders that a run leaves: adapter/ and merged/, or model/, with card and curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.files import new_folder, write_text
from tuneline.models.chat import stop_token_ids
from tuneline.report.charts import curves
from tuneline.report.page import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.training.result import LossPoint, TuningResult
    from tuneline.training.settings import Method

CURVES_FILE = "curves.html"
MODEL_FOLDER: dict[Method, str] = {"pet": "merged", "full": "model"}
"""Where the model that answers lies in a run's output: for ``pet`` base and adapter combined."""


def save_model(model: Any, tokenizer: Any, method: Method, output: Path) -> None:
    """Save the tuned weights as safetensors, each folder whole or absent.

    For ``pet`` the adapter is saved alone and combined with the base; for ``full`` there is one
    model. Each folder loads by itself, tokenizer, template and generation settings included.
    """
    if method == "pet":
        with new_folder(output / "adapter") as folder:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            (folder / "README.md").unlink()  # PEFT's empty form; the run's own card says it all
        model = model.merge_and_unload()
    model.generation_config.eos_token_id = stop_token_ids(tokenizer, model.generation_config)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
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
    write_text(output / "README.md", page)


def _points(losses: Sequence[LossPoint]) -> list[tuple[float, float]]:
    return [(float(point.step), point.loss) for point in losses]
