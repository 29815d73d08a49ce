"""``tuneline check`` and ``prepare``: the data stage alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneline.cli.files import read_assignments, read_mapping

if TYPE_CHECKING:
    from tuneline.data.check import CheckResult
    from tuneline.data.settings import PrepareSettings
    from tuneline.training.preview import TokenPreview

Data = Annotated[str, typer.Argument(help="Path, glob, folder or URI of the examples.")]
TestData = Annotated[str, typer.Option(help="Your own held-out file; else a share is held out.")]
PromptTemplate = Annotated[str, typer.Option(help="Prompt from named columns, such as '{text}'.")]
CompletionTemplate = Annotated[
    str, typer.Option(help="Answer from named columns, such as '{category}'.")
]
Config = Annotated[Path | None, typer.Option(help="YAML file of data settings.")]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--setting", "-s", help="NAME=VALUE of any other data setting. Wins over --config."
    ),
]
_SHOWN_SOURCES = 5

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check(
    data: Data,
    for_model: Annotated[
        str,
        typer.Option(
            "--for",
            help="Model to check for: a managed one, with its limits and price, or an open base "
            "model, with its tokenizer and context length.",
        ),
    ] = "",
    test_data: TestData = "",
    prompt_template: PromptTemplate = "",
    completion_template: CompletionTemplate = "",
    config: Config = None,
    setting: Setting = None,
    json_output: Json = False,
) -> None:
    """Check every row, and say what would be refused. Nothing is written."""
    from tuneline.data.check import check as check_data
    from tuneline.data.targets.catalogue import is_managed

    settings = _settings(data, test_data, prompt_template, completion_template, config, setting)
    managed = is_managed(for_model, settings.catalogue)
    if managed:
        settings = settings.model_copy(update={"target": for_model})
    result = check_data(settings)
    tokens = None
    if for_model and not managed and result.passed:
        from tuneline.training.preview import preview

        tokens = preview(settings, for_model)
    if json_output:
        extra = {"tokens": tokens.model_dump()} if tokens else {}
        typer.echo(json.dumps({**result.model_dump(mode="json"), **extra}, indent=2))
    else:
        typer.echo(_in_words(data, result, tokens))
    raise typer.Exit(0 if result.passed else 1)


def prepare(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the splits, manifest.json, report.html.")],
    test_data: TestData = "",
    prompt_template: PromptTemplate = "",
    completion_template: CompletionTemplate = "",
    config: Config = None,
    setting: Setting = None,
    json_output: Json = False,
) -> None:
    """Validate every row, drop duplicates, split without leakage."""
    from tuneline.data.prepare import PreparedPaths
    from tuneline.data.prepare import prepare as prepare_data

    settings = _settings(data, test_data, prompt_template, completion_template, config, setting)
    paths = PreparedPaths.in_folder(out)
    manifest = prepare_data(settings, paths)
    if json_output:
        typer.echo(manifest.model_dump_json(indent=2))
        return
    counts = manifest.counts
    splits = ", ".join(f"{name} {rows}" for name, rows in counts.per_split.items())
    typer.echo(
        f"read {counts.read} = kept {counts.kept} ({splits}) + rejected {counts.rejected} "
        f"+ duplicates {counts.duplicates}\n{paths.report}"
    )


def _settings(
    data: str,
    test_data: str,
    prompt_template: str,
    completion_template: str,
    config: Path | None,
    setting: list[str] | None,
) -> PrepareSettings:
    from tuneline.data.settings import PrepareSettings
    from tuneline.settings import validated

    named = {
        "test_data": test_data,
        "prompt_template": prompt_template,
        "completion_template": completion_template,
    }
    values = read_mapping(config) if config else {}
    values |= read_assignments(setting or [], PrepareSettings)
    values |= {name: value for name, value in named.items() if value}
    return validated(PrepareSettings, {**values, "data": data}, source=str(config or "settings"))


def _in_words(data: str, result: CheckResult, tokens: TokenPreview | None) -> str:
    counts = result.counts
    accounting = (
        f"{data}: {counts.read} rows read = {counts.kept} kept + {counts.rejected} rejected "
        f"+ {counts.duplicates} duplicates"
    )
    lines = [accounting]
    if counts.per_reason:
        reasons = (f"{reason} {count}" for reason, count in counts.per_reason.items())
        lines.append(f"left out: {', '.join(reasons)}")
    lines += [
        f"{source.file}: {source.format}, {source.shape} ({source.shape_reason})"
        for source in result.sources[:_SHOWN_SOURCES]
    ]
    if result.task:
        lines.append(f"task: {result.task} ({result.task_reason})")
        splits = (f"{split} {rows}" for split, rows in counts.per_split.items())
        lines.append(f"splits: {', '.join(splits)}")
    lines += [f"  {problem}" for problem in result.problems]
    lines += [f"warning: {warning}" for warning in result.warnings]
    if target := result.target:
        lines += [f"for {target.model}: {target.cost_says}", f"  {target.token_counter_says}"]
        lines += [f"  warning: {warning}" for warning in target.warnings]
        lines += [f"  note: {note}" for note in target.notes]
    if tokens:
        lines.append(
            f"for {tokens.model}: {tokens.tokens_per_epoch} tokens an epoch, "
            f"{tokens.trained_tokens_per_epoch} of them trained; longest example "
            f"{tokens.longest_tokens} of {tokens.context_tokens} tokens"
        )
    lines.append("passed" if result.passed else f"refused: {result.failure}")
    return "\n".join(lines)
