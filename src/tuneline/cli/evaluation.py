"""``tuneline predict`` and ``tuneline evaluate``: the evaluation stage alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneline.cli.files import read_mapping
from tuneline.errors import ConfigurationError

Config = Annotated[Path | None, typer.Option(help="YAML file of settings.")]


def predict(
    test: Annotated[Path, typer.Option(help="Held-out split, from `tuneline prepare`.")],
    train: Annotated[Path, typer.Option(help="Training split: shots come from it alone.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Predictions file to write.")],
    base_model: Annotated[
        str, typer.Option(help="Predict the prompt-design baselines of this model, open or Gemini.")
    ] = "",
    model: Annotated[Path | None, typer.Option(help="Folder of a tuned open model.")] = None,
    endpoint: Annotated[str, typer.Option(help="Endpoint of a tuned Gemini model.")] = "",
    config: Config = None,
) -> None:
    """Answer the held-out rows by prompt design, by a tuned model or by an endpoint."""
    if sum(map(bool, (base_model, model, endpoint))) != 1:
        raise ConfigurationError(
            "tuneline predict: give one of --base-model, --model and --endpoint."
        )
    from tuneline.prediction.settings import PredictSettings
    from tuneline.settings import validated

    values = read_mapping(config) if config else {}
    settings = validated(PredictSettings, values, source=str(config or "tuneline predict"))

    from tuneline.prediction.predict import predict_baselines, predict_endpoint, predict_tuned

    if model:
        predict_tuned(test, train, model, settings, output)
    elif endpoint:
        predict_endpoint(test, train, endpoint, settings, output)
    else:
        predict_baselines(test, train, base_model, settings, output)
    typer.echo(str(output))


def evaluate(
    predictions: Annotated[list[Path], typer.Argument(help="Predictions files of the same rows.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    config: Config = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Measure every candidate on the same rows and decide whether tuning was worth it."""
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.settings import validated

    values = read_mapping(config) if config else {}
    settings = validated(EvaluationSettings, values, source=str(config or "tuneline evaluate"))

    from tuneline.evaluation.evaluate import EvaluationPaths
    from tuneline.evaluation.evaluate import evaluate as decide
    from tuneline.evaluation.table import comparison_table

    paths = EvaluationPaths.in_folder(output)
    verdict = decide(predictions, settings, paths)
    if json_output:
        typer.echo(paths.verdict.read_text(encoding="utf-8"))
    else:
        typer.echo(f"{comparison_table(verdict)}\n\n{verdict.headline}\nreport      {paths.report}")
    raise typer.Exit(0 if verdict.passed else 1)
