"""``tuneline demo``, ``run`` and ``compile``: whole pipelines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneline.cli.files import read_assignments, read_mapping
from tuneline.cli.machines import (
    Accelerator,
    Accelerators,
    FlexStart,
    MachineType,
    MaxWaitHours,
    Nodes,
    PlatformFile,
    Spot,
    chosen_platform,
)
from tuneline.errors import ConfigurationError
from tuneline.local.execution import Execution

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

    from tuneline.local.run import LocalRun

DEMO_PIPELINE = "method_comparison"
_RUNS = Path("runs")

Runs = Annotated[Path, typer.Option(help="Folder that the run's own folder is made in.")]
Json = Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")]
Config = Annotated[Path | None, typer.Option(help="YAML file of parameters.")]
Parameter = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", help="NAME=VALUE; the value is YAML. Wins over --config."),
]
Runner = Annotated[
    str,
    typer.Option(help="How tasks run: subprocess, in this environment; docker, in containers."),
]
DockerNetwork = Annotated[
    str, typer.Option(help="Network of the containers; default: bridge. With --runner docker.")
]


def demo(runs: Runs = _RUNS, json_output: Json = False) -> None:
    """Run the main job on bundled examples: prompt design, PET and full tuning side by side."""
    settings = Path(str(files("tuneline") / "examples" / "support_tickets"))
    values = {**read_mapping(settings / "demo.yaml"), "data": str(settings / "tickets.jsonl")}
    _run_and_show(DEMO_PIPELINE, values, runs, Execution(), json_output=json_output)


def run(
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline, or a compiled spec.yaml.")],
    config: Config = None,
    parameter: Parameter = None,
    runner: Runner = "subprocess",
    docker_network: DockerNetwork = "",
    runs: Runs = _RUNS,
    json_output: Json = False,
) -> None:
    """Run a pipeline, by name or from its compiled spec, on this machine."""
    execution = Execution(runner, docker_network)
    values = given_parameters(config, parameter)
    _run_and_show(pipeline, values, runs, execution, json_output=json_output)


def compile_spec(
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline.")],
    target: Annotated[str, typer.Option(help="local, kubeflow or vertex.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: PIPELINE.yaml.")
    ] = None,
    platform_file: PlatformFile = None,
    accelerator: Accelerator = "",
    accelerators: Accelerators = None,
    machine_type: MachineType = "",
    nodes: Nodes = None,
    spot: Spot = False,
    flex_start: FlexStart = False,
    max_wait_hours: MaxWaitHours = 24,
) -> None:
    """Compile a pipeline to a spec, checked; the same input gives the same bytes."""
    options = {
        "accelerator": accelerator,
        "accelerators": accelerators,
        "machine_type": machine_type,
        "nodes": nodes,
        "spot": spot,
        "flex_start": flex_start,
        "max_wait_hours": max_wait_hours,
    }
    from tuneline.pipelines.compile import compile_pipeline

    path = output or Path(f"{pipeline}.yaml")
    compile_pipeline(pipeline, chosen_platform(target, platform_file, options), path)
    if target == "kubeflow":
        typer.echo(
            "note: registry is a folder unless you set it, and a pod loses its folders: give a "
            "registry's URI when you start the run. tuneline submit refuses a folder.",
            err=True,
        )
    typer.echo(str(path))


def given_parameters(config: Path | None, assignments: list[str] | None) -> dict[str, Any]:
    """A run's parameters as the user gave them: those of the file, then NAME=VALUE.

    Raises:
        ConfigurationError: The file cannot be read, or an argument is no assignment.
    """
    from tuneline.parameters import RunParameters

    values = read_mapping(config) if config else {}
    return values | read_assignments(assignments or [], RunParameters)


def _run_and_show(
    name: str,
    values: Mapping[str, Any],
    runs: Path,
    execution: Execution,
    *,
    json_output: bool,
) -> None:
    from tuneline.parameters import checked
    from tuneline.registry.kubeflow.address import kubeflow_registry
    from tuneline.registry.settings import vertex_registry

    pipeline = _load(name)
    values = {**_places_of_environment(pipeline), **values}
    run_parameters = checked(values)
    parameters = run_parameters.model_dump(include=set(values))
    place = run_parameters.registry
    if not run_parameters.staging and (vertex_registry(place) or kubeflow_registry(place)):
        service = "Vertex AI registers" if vertex_registry(place) else "Kubeflow registers"
        raise ConfigurationError(
            f"registry: a model tuned on this machine lies in a folder of it, and {service} "
            "models in buckets. Submit the pipeline to where it is, or give another registry."
        )

    from tuneline.evaluation.table import comparison_table
    from tuneline.local.run import new_run_folder, run_pipeline
    from tuneline.submission.estimate import tuning_cost

    for sentence in tuning_cost(run_parameters.model_dump()):  # before anything is asked or sent
        typer.echo(sentence, err=True)
    tasks = execution.tasks(pipeline, parameters)
    folder = new_run_folder(runs, Path(name).stem)
    finished = run_pipeline(pipeline, parameters, folder, tasks)
    if json_output:
        typer.echo((finished.folder / "verdict.json").read_text(encoding="utf-8"))
    else:
        typer.echo(f"\n{comparison_table(finished.verdict)}\n\n{_closing_words(finished)}")
    raise typer.Exit(0 if finished.verdict.passed else 1)


def _places_of_environment(pipeline: BaseComponent) -> dict[str, str]:
    """Parameters of managed pipelines that the environment names, as ``submit`` takes them."""
    found = {
        "project": os.environ.get("GOOGLE_CLOUD_PROJECT", ""),
        "staging": os.environ.get("TUNELINE_STAGING", ""),
    }
    inputs = pipeline.component_spec.inputs or {}
    return {name: place for name, place in found.items() if place and name in inputs}


def _load(name: str) -> BaseComponent:
    """Build a pipeline by its name, or load a compiled spec."""
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        from tuneline.pipelines import PIPELINES
        from tuneline.pipelines.platform import Platform
        from tuneline.settings import suggestion

        if name not in PIPELINES:
            raise ConfigurationError(
                f"There is no pipeline {name!r}.{suggestion(name, PIPELINES)} "
                f"Pipelines: {', '.join(PIPELINES)}; or name a compiled spec, a .yaml file."
            )
        return PIPELINES[name](Platform())
    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no such spec.")
    from kfp import components

    from tuneline.pipelines.check import require_valid

    require_valid(path)
    return components.load_component_from_file(str(path))


def _closing_words(finished: LocalRun) -> str:
    entry = finished.registered
    registered = (
        f"{entry['name']} version {entry['version']} ({entry['uri']})" if entry else "nothing"
    )
    failed = [reason for reason in finished.verdict.reasons if reason.startswith("failed:")]
    why = "" if finished.verdict.passed else "".join(f"{reason}\n" for reason in failed)
    return (
        f"{finished.verdict.headline}\n{why}"
        f"registered  {registered}\n"
        f"report      {finished.report}\n"
        f"{f'tuning      {finished.tuning_page}{chr(10)}' if finished.tuning_page else ''}"
        f"took        {finished.seconds:.0f} s"
    )
