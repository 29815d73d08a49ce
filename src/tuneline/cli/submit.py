"""``tuneline submit``, ``follow`` and ``cancel``: pipelines on a service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneline.cli.pipelines import (
    Accelerator,
    Accelerators,
    Config,
    FlexStart,
    MachineType,
    MaxWaitHours,
    Nodes,
    Parameter,
    Spot,
    given_parameters,
)
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from tuneline.vertex.jobs.plan import Plan
    from tuneline.vertex.jobs.settings import VertexRun

Target = Annotated[str, typer.Option(help="Where to: vertex.")]
Project = Annotated[str, typer.Option(help="Google Cloud project.", envvar="GOOGLE_CLOUD_PROJECT")]
Location = Annotated[str, typer.Option(help="Region.", envvar="GOOGLE_CLOUD_LOCATION")]
Staging = Annotated[
    str,
    typer.Option(
        help="Folder of a bucket for local data and results, gs://bucket/prefix.",
        envvar="TUNELINE_STAGING",
    ),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run to its end.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the request and the cost; send nothing.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ServiceAccount = Annotated[str, typer.Option(help="Account that the tasks run as.")]
Network = Annotated[str, typer.Option(help="projects/NUMBER/global/networks/NAME.")]
EncryptionKey = Annotated[
    str, typer.Option(help="projects/P/locations/L/keyRings/R/cryptoKeys/K, in the run's region.")
]
Label = Annotated[list[str] | None, typer.Option(help="NAME=VALUE; may be given several times.")]
Name = Annotated[str, typer.Option(help="Name of the run or schedule; default: the pipeline's.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Run every task anew.")]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", help="Start no further task after one failed.")
]
Schedule = Annotated[
    str, typer.Option(help="Run by the clock: a cron expression, in UTC or after TZ=Area/City.")
]
MaxRuns = Annotated[int, typer.Option(help="Runs of the schedule; 0: without end.")]
MaxConcurrent = Annotated[int, typer.Option(help="Runs of the schedule at one time.")]
DeadlineHours = Annotated[
    float, typer.Option(help="Longest time to wait for quota and for the end; the run goes on.")
]
Run = Annotated[
    str, typer.Argument(help="projects/PROJECT/locations/LOCATION/pipelineJobs/ID, as printed.")
]


def submit(
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline, or a compiled spec.yaml.")],
    target: Target,
    project: Project = "",
    location: Location = "",
    staging: Staging = "",
    config: Config = None,
    parameter: Parameter = None,
    wait: Wait = False,
    dry_run: DryRun = False,
    json_output: Json = False,
    service_account: ServiceAccount = "",
    network: Network = "",
    encryption_key: EncryptionKey = "",
    label: Label = None,
    name: Name = "",
    no_cache: NoCache = False,
    fail_fast: FailFast = False,
    schedule: Schedule = "",
    max_runs: MaxRuns = 0,
    max_concurrent: MaxConcurrent = 1,
    deadline_hours: DeadlineHours = 24.0,
    accelerator: Accelerator = "",
    accelerators: Accelerators = 1,
    machine_type: MachineType = "",
    nodes: Nodes = 1,
    spot: Spot = False,
    flex_start: FlexStart = False,
    max_wait_hours: MaxWaitHours = 24,
) -> None:
    """Run a pipeline on Vertex AI: check, say what it costs, bring local data there, start it."""
    _require_known(target)
    _require_client()
    options = {
        "project": project,
        "location": location,
        "staging": staging,
        "service_account": service_account,
        "network": network,
        "encryption_key": encryption_key,
        "name": name,
        "cache": not no_cache,
        "fail_fast": fail_fast,
        "schedule": schedule,
        "max_runs": max_runs,
        "max_concurrent": max_concurrent,
        "wait": wait,
        "deadline_hours": deadline_hours,
    }
    machines = {
        "accelerator": accelerator,
        "accelerators": accelerators,
        "machine_type": machine_type,
        "nodes": nodes,
        "spot": spot,
        "flex_start": flex_start,
        "max_wait_hours": max_wait_hours,
    }
    given = given_parameters(config, parameter)
    run, plan = _planned(pipeline, given, {**options, "labels": _labels(label or [])}, machines)
    _say(run, plan)
    if dry_run:
        _print_request(plan, json_output=json_output)
    else:
        _carry_out(run, plan, json_output=json_output)


def follow(
    run: Run,
    deadline_hours: DeadlineHours = 24.0,
) -> None:
    """Wait for the end of a run that was submitted; exit 0 where it succeeded."""
    _require_client()
    from tuneline.settings import validated
    from tuneline.vertex.jobs.follow import follow as follow_run
    from tuneline.vertex.jobs.settings import Patience

    patience = validated(Patience, {"deadline_hours": deadline_hours}, source="tuneline follow")
    follow_run(run, patience)
    typer.echo("succeeded")


def cancel(run: Run) -> None:
    """Cancel a run that was submitted."""
    _require_client()
    from tuneline.vertex.jobs.follow import cancel as cancel_run

    cancel_run(run)
    typer.echo("cancelling; its tasks end within minutes")


def _require_known(target: str) -> None:
    if target == "kubeflow":
        raise ConfigurationError(
            "--target kubeflow: this release submits to vertex alone. tuneline compile PIPELINE "
            "--target kubeflow gives the spec; upload it to your Kubeflow Pipelines."
        )
    if target != "vertex":
        raise ConfigurationError(
            f"--target {target}: must be vertex; a pipeline runs here by tuneline run."
        )


def _require_client() -> None:
    try:
        import google.cloud.aiplatform_v1  # noqa: F401 - to say early what is missing
        import kfp  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"Vertex AI needs an extra: pip install 'tuneline[vertex-jobs]' ({error})."
        ) from error


def _labels(assignments: list[str]) -> dict[str, str]:
    pairs = [assignment.partition("=") for assignment in assignments]
    if problems := [f"--label {''.join(pair)}: write NAME=VALUE." for pair in pairs if not pair[1]]:
        raise ConfigurationError(problems)
    return {key: value for key, _, value in pairs}


def _planned(
    pipeline: str, given: dict[str, Any], options: dict[str, Any], machines: dict[str, Any]
) -> tuple[VertexRun, Plan]:
    """Check the options of the run and of its machines together, then everything else."""
    from tuneline.pipelines.platform import Platform
    from tuneline.settings import validated
    from tuneline.vertex.jobs.plan import planned
    from tuneline.vertex.jobs.problems import gathered
    from tuneline.vertex.jobs.settings import VertexRun

    problems: list[str] = []
    with gathered(problems):
        run = validated(VertexRun, options, source="tuneline submit")
    with gathered(problems):
        platform = Platform(target="vertex", **machines)
    if problems:
        raise ConfigurationError(problems)
    return run, planned(pipeline, platform, given, run)


def _say(run: VertexRun, plan: Plan) -> None:
    """What is about to be sent, for a person."""
    lines = [f"{plan.pipeline}: to {run.place.parent}, results below {run.folder}/pipelines"]
    lines += [
        f"  local data: {each.path} ({each.size} bytes) to {each.uri}" for each in plan.uploads
    ]
    lines += [f"  cost: {sentence}" for sentence in plan.cost]
    if plan.images:
        lines.append(
            f"  warning: {' and '.join(plan.images)}: no registry that Vertex AI pulls from. Name "
            "images of yours in TUNELINE_COMPONENTS_IMAGE and TUNELINE_TRAINER_IMAGE when compiling"
        )
    typer.echo("\n".join(lines), err=True)


def _print_request(plan: Plan, *, json_output: bool) -> None:
    from tuneline.vertex.jobs.request import as_json

    request = as_json(plan.request)
    if json_output:
        uploads = {str(each.path): each.uri for each in plan.uploads}
        request = {"request": request, "uploads": uploads, "cost": plan.cost}
    typer.echo(json.dumps(request, indent=2, ensure_ascii=False, sort_keys=True))


def _carry_out(run: VertexRun, plan: Plan, *, json_output: bool) -> None:
    from tuneline.vertex.jobs.follow import console_url, follow
    from tuneline.vertex.jobs.schedule import create_schedule
    from tuneline.vertex.jobs.submit import submit as submit_run
    from tuneline.vertex.jobs.upload import send

    send(plan.uploads)
    name = create_schedule(plan.request, run) if run.schedule else submit_run(plan.request, run)
    found = {"name": name, "url": console_url(name), "cost": plan.cost}
    # Flushed at once: whoever stops the wait needs the name.
    typer.echo(json.dumps(found) if json_output else f"{name}\n{found['url']}")
    if run.wait:
        follow(name, run)
        if not json_output:
            typer.echo("succeeded")
