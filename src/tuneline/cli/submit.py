"""``tuneline submit``, ``follow`` and ``cancel``: pipelines on a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tuneline.cli import on_kubeflow, on_vertex
from tuneline.cli.machines import (
    Accelerator,
    Accelerators,
    FlexStart,
    MachineType,
    MaxWaitHours,
    Nodes,
    PlatformFile,
    Spot,
)
from tuneline.cli.pipelines import Config, Parameter
from tuneline.errors import ConfigurationError
from tuneline.settings import suggestion

Target = Annotated[str, typer.Option(help="Where to: vertex or kubeflow.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run to its end.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the request and the cost; send nothing.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Option(help="Name of the run or schedule; default: the pipeline's.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Run every task anew.")]
Staging = Annotated[
    str,
    typer.Option(
        help="Folder of a bucket for local data, and on Vertex AI for results: gs://bucket/prefix; "
        "on Kubeflow s3:// too.",
        envvar="TUNELINE_STAGING",
    ),
]
ServiceAccount = Annotated[
    str, typer.Option(help="Account that the tasks run as: an address, or Kubernetes' name.")
]
Schedule = Annotated[
    str,
    typer.Option(
        help="Run by the clock: a cron expression of five fields. Vertex AI: in UTC or after "
        "TZ=Area/City; Kubeflow: in the zone of its controller, UTC unless set."
    ),
]
MaxConcurrent = Annotated[int, typer.Option(help="Runs of the schedule at one time.")]
DeadlineHours = Annotated[
    float, typer.Option(help="Longest time to wait for quota and for the end; the run goes on.")
]

Project = Annotated[
    str, typer.Option(help="Vertex AI: Google Cloud project.", envvar="GOOGLE_CLOUD_PROJECT")
]
Location = Annotated[str, typer.Option(help="Vertex AI: region.", envvar="GOOGLE_CLOUD_LOCATION")]
Network = Annotated[str, typer.Option(help="Vertex AI: projects/NUMBER/global/networks/NAME.")]
EncryptionKey = Annotated[
    str,
    typer.Option(
        help="Vertex AI: projects/P/locations/L/keyRings/R/cryptoKeys/K, in the run's region."
    ),
]
Label = Annotated[
    list[str] | None, typer.Option(help="Vertex AI: NAME=VALUE; may be given several times.")
]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", help="Vertex AI: start no further task after one failed.")
]
MaxRuns = Annotated[int, typer.Option(help="Vertex AI: runs of the schedule; 0: without end.")]

Host = Annotated[
    str,
    typer.Option(
        help="Kubeflow: where Kubeflow Pipelines answers, https://HOST/pipeline.",
        envvar="KF_PIPELINES_ENDPOINT",
    ),
]
Namespace = Annotated[str, typer.Option(help="Kubeflow: the user's namespace, where users have.")]
Experiment = Annotated[
    str, typer.Option(help="Kubeflow: experiment that the run belongs to; made if there is none.")
]
CaCertificate = Annotated[
    Path | None,
    typer.Option(
        help="Kubeflow: file of certificates that sign the host's.", envvar="TUNELINE_KFP_CA"
    ),
]
Run = Annotated[
    str,
    typer.Argument(
        help="As printed: projects/PROJECT/locations/LOCATION/pipelineJobs/ID of Vertex AI, or the "
        "page of a run of Kubeflow, https://HOST/pipeline/#/runs/details/ID."
    ),
]

_SERVICES = {"vertex": on_vertex, "kubeflow": on_kubeflow}


def submit(
    context: typer.Context,
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline, or a compiled spec.yaml.")],
    target: Target,
    host: Host = "",
    namespace: Namespace = "",
    experiment: Experiment = "Default",
    ca_certificate: CaCertificate = None,
    platform_file: PlatformFile = None,
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
    accelerators: Accelerators = None,
    machine_type: MachineType = "",
    nodes: Nodes = None,
    spot: Spot = False,
    flex_start: FlexStart = False,
    max_wait_hours: MaxWaitHours = 24,
) -> None:
    """Run a pipeline on a service: check, say what it costs, bring local data there, start it."""
    options = dict(locals())
    _require_fitting(context, target)
    _SERVICES[target].submit(options)


def follow(
    run: Run, ca_certificate: CaCertificate = None, deadline_hours: DeadlineHours = 24.0
) -> None:
    """Wait for the end of a run that was submitted; exit 0 where it succeeded."""
    from tuneline.settings import validated
    from tuneline.submission.patience import Patience

    patience = validated(Patience, {"deadline_hours": deadline_hours}, source="tuneline follow")
    _service_of(run).follow(run, patience, ca_certificate)
    typer.echo("succeeded")


def cancel(run: Run, ca_certificate: CaCertificate = None) -> None:
    """Cancel a run that was submitted."""
    _service_of(run).cancel(run, ca_certificate)
    typer.echo("cancelling; its tasks end within minutes")


def _require_fitting(context: typer.Context, target: str) -> None:
    """Refuse a target that is none, and what another target alone knows.

    That is refused where it was given for this command: what the environment says of another target
    is there for other commands.
    """
    if target not in _SERVICES:
        raise ConfigurationError(
            f"--target {target}: must be {' or '.join(_SERVICES)}; a pipeline runs here by "
            f"tuneline run.{suggestion(target, _SERVICES)}"
        )
    problems = [
        f"--{name.replace('_', '-')}: is for target {other}, not for {target}."
        for other, service in _SERVICES.items()
        if other != target
        for name in service.OWN_OPTIONS
        if _is_of_command_line(context, name)
    ]
    if problems:
        raise ConfigurationError(problems)


def _is_of_command_line(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _service_of(run: str) -> Any:
    """The module that serves a run, by the form of its name."""
    is_page = run.startswith(("http://", "https://"))
    return on_kubeflow if is_page else on_vertex
