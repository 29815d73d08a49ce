"""``tuneline predict`` and ``tuneline evaluate``: the evaluation stage alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneline.cli.files import read_mapping
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.evaluation.verdict import Verdict

Config = Annotated[Path | None, typer.Option(help="YAML file of settings.")]


def predict(
    test: Annotated[Path, typer.Option(help="Held-out split, from `tuneline prepare`.")],
    train: Annotated[
        Path,
        typer.Option(help="Training split: what shots come from and a tuned model was tuned on."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Predictions file to write.")],
    base_model: Annotated[
        str, typer.Option(help="Predict the prompt-design baselines of this model, open or Gemini.")
    ] = "",
    model: Annotated[Path | None, typer.Option(help="Folder of a tuned open model.")] = None,
    endpoint: Annotated[str, typer.Option(help="Endpoint of a tuned Gemini model.")] = "",
    name: Annotated[
        str, typer.Option(help="Name of the tuned candidate; by default its method.")
    ] = "",
    config: Config = None,
) -> None:
    """Answer the held-out rows by prompt design, by a tuned model or by an endpoint."""
    if sum(map(bool, (base_model, model, endpoint))) != 1:
        raise ConfigurationError("give exactly one of --base-model, --model and --endpoint.")
    _require([*_name_problems(name, base_model), *_missing([test, train])])
    from tuneline.prediction.settings import PredictSettings
    from tuneline.settings import validated

    values = read_mapping(config) if config else {}
    settings = validated(PredictSettings, values, source=str(config or "tuneline predict"))

    from tuneline.prediction.predict import predict_baselines, predict_endpoint, predict_tuned

    if model:
        predict_tuned(test, train, model, settings, output, name=name)
    elif endpoint:
        predict_endpoint(test, train, endpoint, settings, output, name=name)
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
    folder = [f"{output}: -o must be a folder."] if output.exists() and not output.is_dir() else []
    _require([*_missing(predictions), *folder])
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.settings import validated

    values = read_mapping(config) if config else {}
    settings = validated(EvaluationSettings, values, source=str(config or "tuneline evaluate"))

    from tuneline.evaluation.evaluate import EvaluationPaths
    from tuneline.evaluation.evaluate import evaluate as decide

    paths = EvaluationPaths.in_folder(output)
    verdict = decide(predictions, settings, paths)
    if json_output:
        typer.echo(paths.verdict.read_text(encoding="utf-8"))
    else:
        typer.echo(_told(verdict, paths.report))
    raise typer.Exit(0 if verdict.passed else 1)


def _require(problems: Sequence[str]) -> None:
    if problems:
        raise ConfigurationError(problems)


def _missing(paths: Sequence[Path]) -> Iterator[str]:
    """Says which files are not there, before anything is loaded."""
    for path in dict.fromkeys(paths):
        if path.is_dir():
            yield f"{path}: is a folder; give a file."
        elif not path.exists():
            yield f"{path}: there is no such file."


def _name_problems(name: str, base_model: str) -> Iterator[str]:
    from tuneline.prediction.candidate_names import name_problem

    if name and base_model:
        yield "--name: names a tuned candidate; prompt designs are named after their shots."
    elif name and (problem := name_problem(name)):
        yield f"--name: {problem}"


def _told(verdict: Verdict, report: Path) -> str:
    """The verdict for a terminal: the table, the task, the answer and what it failed by."""
    from tuneline.evaluation.table import comparison_table

    failed = [reason for reason in verdict.reasons if reason.startswith("failed:")]
    return "\n".join(
        [
            comparison_table(verdict),
            "",
            f"task        {verdict.task} ({verdict.task_reason})",
            verdict.headline,
            *(() if verdict.passed else failed),
            f"report      {report}",
        ]
    )
