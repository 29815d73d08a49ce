"""The model card, in the form that model hubs read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tuneline.files import write_text
from tuneline.report.page import render_page
from tuneline.training.result import CARD_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.result import TuningResult

_FENCE = "---"


def write_model_card(output: Path, result: TuningResult, base: Path) -> None:
    """Write the model card beside the weights.

    Args:
        output: The run's folder.
        result: What is told.
        base: Folder of the base model, whose own card names its licence.
    """
    page = render_page(
        "tuneline.training.report", "model_card.md", result=result, licence=licence_of(base)
    )
    write_text(output / CARD_FILE, page)


def licence_of(base: Path) -> dict[str, str]:
    """What a model's card says of its licence: ``license`` and, for others, name and link.

    Empty where the model has no card, or a card that says nothing of it.
    """
    card = base / CARD_FILE
    if not card.is_file():
        return {}
    text = card.read_text(encoding="utf-8", errors="replace")
    if not text.startswith(_FENCE):
        return {}
    try:
        facts = yaml.safe_load(text.split(_FENCE, 2)[1])
    except yaml.YAMLError:
        return {}
    if not isinstance(facts, dict):
        return {}
    wanted = ("license", "license_name", "license_link")
    return {name: facts[name] for name in wanted if isinstance(facts.get(name), str)}
