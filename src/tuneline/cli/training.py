"""``tuneline train``: the trainer alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneline.cli.files import read_mapping


def train(
    config: Annotated[
        Path, typer.Option(help="YAML: train, validation, base_model, method, output, overrides.")
    ],
    json_output: Annotated[bool, typer.Option("--json", help="Print result.json.")] = False,
) -> None:
    """Tune a model on prepared splits. Run again to resume, or to hear that it is done."""
    from tuneline.settings import validated
    from tuneline.training.settings import TrainConfig

    settings = validated(TrainConfig, read_mapping(config), source=str(config))

    from tuneline.training.train import train as tune

    result = tune(settings)
    if json_output:
        typer.echo(result.model_dump_json(indent=2))
        return
    typer.echo(
        f"{settings.output}: {result.method}, validation loss {result.best_validation_loss:.4f} "
        f"at step {result.best_step} of {result.steps}, {result.seconds:.1f} s"
    )
