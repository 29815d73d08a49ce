"""``tuneline train`` and ``tuneline merge``: the trainer alone."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneline.cli.files import read_mapping

if TYPE_CHECKING:
    from tuneline.training.result import TuningResult


def train(
    config: Annotated[
        Path,
        typer.Option(
            help="YAML: train, validation (or tasks), base_model, method, output, overrides."
        ),
    ],
    json_output: Annotated[bool, typer.Option("--json", help="Print result.json.")] = False,
) -> None:
    """Tune a model on prepared splits. Run again to resume, or to hear that it is done."""
    from tuneline.settings import validated
    from tuneline.training.settings import TasksConfig, TrainConfig

    values = read_mapping(config)
    settings: TasksConfig | TrainConfig
    if "tasks" in values:
        settings = validated(TasksConfig, values, source=str(config))
    else:
        settings = validated(TrainConfig, values, source=str(config))
    main = os.environ.get("RANK", "0") == "0" or "LOCAL_RANK" not in os.environ
    if not main:  # of torchrun's processes the first one speaks
        logging.getLogger("tuneline").setLevel(logging.WARNING)

    from tuneline.training.distributed.launch import tune

    results = tune(settings)
    if main:
        _tell(results, settings.output, json_output=json_output)


def _tell(results: dict[str, TuningResult], output: Path, *, json_output: bool) -> None:
    if json_output:
        told = {name: result.model_dump(mode="json") for name, result in results.items()}
        typer.echo(json.dumps(told.get("", told), indent=2))
        return
    for name, result in results.items():
        typer.echo(
            f"{output / name}: {result.method}, validation loss {result.best_validation_loss:.4f} "
            f"at step {result.best_step} of {result.steps}, {result.seconds:.1f} s"
        )


def merge(
    model: Annotated[
        str, typer.Argument(help="Output folder of a run, or an adapter's folder or URI.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write; for a run, merged/ in it if left out."),
    ] = None,
    base_model: Annotated[
        str, typer.Option(help="Base model; left out: the one that the adapter names.")
    ] = "",
) -> None:
    """Combine a base model and an adapter into one model that loads alone."""
    from tuneline.training.merge import merge as combine

    merged = combine(model, out, base_model)
    typer.echo(
        f"{merged.folder}: logits differ from base and adapter by {merged.difference:.1g} of the "
        "largest"
    )
