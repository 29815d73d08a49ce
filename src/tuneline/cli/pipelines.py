"""``tuneline demo``, ``run`` and ``compile``: whole pipelines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneline.cli.files import read_assignments, read_mapping
from tuneline.errors import ConfigurationError

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
Accelerator = Annotated[
    str, typer.Option(help="Device of tuning, as the target names it: NVIDIA_L4, nvidia.com/gpu.")
]
Accelerators = Annotated[int, typer.Option(help="How many devices.")]
MachineType = Annotated[
    str, typer.Option(help="Vertex AI: machine of tuning, such as g2-standard-12.")
]
Nodes = Annotated[int, typer.Option(help="Vertex AI: machines of one tuning task.")]
Spot = Annotated[
    bool, typer.Option("--spot", help="Vertex AI: machines that may be taken away, for less.")
]
FlexStart = Annotated[
    bool, typer.Option("--flex-start", help="Vertex AI: wait in line for machines, for less.")
]
MaxWaitHours = Annotated[
    int, typer.Option(help="How long --flex-start waits in line; 0: without end.")
]


def demo(runs: Runs = _RUNS, json_output: Json = False) -> None:
    """Run the main job on bundled examples: prompt design, PET and full tuning side by side."""
    settings = Path(str(files("tuneline") / "examples" / "support_tickets"))
    values = {**read_mapping(settings / "demo.yaml"), "data": str(settings / "tickets.jsonl")}
    _run_and_show(DEMO_PIPELINE, values, runs, json_output=json_output)


def run(
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline, or a compiled spec.yaml.")],
    config: Config = None,
    parameter: Parameter = None,
    runner: Annotated[str, typer.Option(help="How tasks run: subprocess.")] = "subprocess",
    runs: Runs = _RUNS,
    json_output: Json = False,
) -> None:
    """Run a pipeline, by name or from its compiled spec, on this machine."""
    if runner != "subprocess":
        raise ConfigurationError(
            f"--runner {runner}: this release runs tasks by 'subprocess' alone; 'docker' needs "
            "container images, which it does not have yet."
        )
    _run_and_show(pipeline, given_parameters(config, parameter), runs, json_output=json_output)


def compile_spec(
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline.")],
    target: Annotated[str, typer.Option(help="local, kubeflow or vertex.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: PIPELINE.yaml.")
    ] = None,
    accelerator: Accelerator = "",
    accelerators: Accelerators = 1,
    machine_type: MachineType = "",
    nodes: Nodes = 1,
    spot: Spot = False,
    flex_start: FlexStart = False,
    max_wait_hours: MaxWaitHours = 24,
) -> None:
    """Compile a pipeline to a spec, checked; the same input gives the same bytes."""
    from tuneline.pipelines.compile import compile_pipeline
    from tuneline.pipelines.platform import Platform

    platform = Platform(
        target=target,  # type: ignore[arg-type]
        accelerator=accelerator,
        accelerators=accelerators,
        machine_type=machine_type,
        nodes=nodes,
        spot=spot,
        flex_start=flex_start,
        max_wait_hours=max_wait_hours,
    )
    path = output or Path(f"{pipeline}.yaml")
    compile_pipeline(pipeline, platform, path)
    typer.echo(str(path))


def given_parameters(config: Path | None, assignments: list[str] | None) -> dict[str, Any]:
    """A run's parameters as the user gave them: those of the file, then NAME=VALUE.

    Raises:
        ConfigurationError: The file cannot be read, or an argument is no assignment.
    """
    from tuneline.parameters import RunParameters

    values = read_mapping(config) if config else {}
    return values | read_assignments(assignments or [], RunParameters)


def _run_and_show(name: str, values: Mapping[str, Any], runs: Path, *, json_output: bool) -> None:
    from tuneline.parameters import checked
    from tuneline.registry.settings import vertex_registry

    pipeline = _load(name)
    values = {**_places_of_environment(pipeline), **values}
    run_parameters = checked(values)
    parameters = run_parameters.model_dump(include=set(values))
    if vertex_registry(run_parameters.registry) and not run_parameters.staging:
        raise ConfigurationError(
            "registry: a model that is tuned on this machine lies in a folder of it, and Vertex AI "
            "registers models in buckets. Submit the pipeline to Vertex AI, or give another one."
        )

    from tuneline.evaluation.table import comparison_table
    from tuneline.local.run import new_run_folder, run_pipeline
    from tuneline.vertex.jobs.estimate import tuning_cost

    for sentence in tuning_cost(run_parameters.model_dump()):  # before anything is asked or sent
        typer.echo(sentence, err=True)
    finished = run_pipeline(pipeline, parameters, new_run_folder(runs, Path(name).stem))
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
