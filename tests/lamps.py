"""A task that a tiny model learns in seconds, and the configuration of a run on it."""

from pathlib import Path
from random import Random
from typing import Any

from tuneline.data.schema import Example, ExamplesInfo, Part, Turn, write_examples
from tuneline.settings import validated
from tuneline.training.settings import TrainConfig

COLORS = ("blue", "green", "red")


def lamp(number: int, color: str, where: str = "") -> Example:
    return Example(
        turns=(
            Turn("user", (Part(text=f"the lamp {number}{where} is {color}, which is it?"),)),
            Turn("model", (Part(text=color),)),
        ),
        label=color,
        source="lamps.jsonl",
        row=number,
    )


def lamps(first: int, count: int) -> list[Example]:
    return [lamp(first + i, Random(first + i).choice(COLORS)) for i in range(count)]


def write_split(path: Path, examples: list[Example]) -> Path:
    """Write examples as the canonical split that the file's name says."""
    write_examples(path, examples, ExamplesInfo(path.stem, "classification", COLORS))
    return path


def run_config(splits: Path, output: Path, base_model: Path, **values: Any) -> TrainConfig:
    """A run of 4 epochs of 3 steps; dropout and accumulation make an exact resume hard."""
    method = values.setdefault("method", "pet")
    overrides: dict[str, Any] = {
        "epochs": 4,
        "batch_size": 8,
        "learning_rate": 0.01,
        "max_length": 100,
        "on_too_long": "drop",
        **({"lora_dropout": 0.1} if method == "pet" else {}),
        **values.pop("overrides", {}),
    }
    given = {
        "train": splits / "train.parquet",
        "validation": splits / "validation.parquet",
        "base_model": str(base_model),
        "output": output,
        "overrides": overrides,
        **values,
    }
    return validated(TrainConfig, given, source="test")
