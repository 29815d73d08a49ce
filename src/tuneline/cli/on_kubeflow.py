"""Runs on Kubeflow Pipelines, as the command line starts, follows and cancels them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tuneline.cli.machines import chosen_platform
from tuneline.cli.pipelines import given_parameters
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from tuneline.kubeflow.runs.plan import Plan
    from tuneline.kubeflow.runs.settings import KubeflowRun
    from tuneline.submission.patience import Patience

OWN_OPTIONS = ("host", "namespace", "experiment", "ca_certificate", "platform_file")
"""Options of ``submit`` that only this target knows."""

_OF_RUN = (
    *("host", "namespace", "experiment", "ca_certificate", "staging", "service_account", "name"),
    *("schedule", "max_concurrent", "wait", "deadline_hours"),
)


def submit(options: Mapping[str, Any]) -> None:
    """Check, bring local data to the bucket, start the run or the schedule.

    Args:
        options: The options of ``tuneline submit`` by name.

    Raises:
        ConfigurationError: Lists what is wrong; or the service refuses.
        ServiceError: The service fails, or the run that was waited for.
    """
    _require_client()
    given = given_parameters(options["config"], options["parameter"])
    run, plan = _planned(options, given)
    _say(run, plan)
    if options["dry_run"]:
        _print_request(plan, json_output=options["json_output"])
    else:
        _carry_out(run, plan, json_output=options["json_output"])


def follow(run: str, patience: Patience, ca_certificate: Path | None) -> None:
    """Wait for the end of a run, by the address of its page."""
    _require_client()
    from tuneline.kubeflow.runs.address import RunAddress
    from tuneline.kubeflow.runs.follow import follow as follow_run

    follow_run(RunAddress.parse(run), patience, ca_certificate)


def cancel(run: str, ca_certificate: Path | None) -> None:
    """Cancel a run, by the address of its page."""
    _require_client()
    from tuneline.kubeflow.runs.address import RunAddress
    from tuneline.kubeflow.runs.follow import cancel as cancel_run

    cancel_run(RunAddress.parse(run), ca_certificate)


def _require_client() -> None:
    try:
        import kfp.client  # noqa: F401 - to say early what is missing
        import kfp_server_api  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"Kubeflow Pipelines needs an extra: pip install 'tuneline[kubeflow]' ({error})."
        ) from error


def _planned(options: Mapping[str, Any], given: dict[str, Any]) -> tuple[KubeflowRun, Plan]:
    """Check the options of the run and of its platform together, then everything else."""
    from tuneline.kubeflow.runs.plan import planned
    from tuneline.kubeflow.runs.settings import KubeflowRun
    from tuneline.settings import validated
    from tuneline.submission.problems import gathered

    of_run = {name: options[name] for name in _OF_RUN if options[name] not in ("", None)}
    of_run["cache"] = not options["no_cache"]
    problems: list[str] = []
    with gathered(problems):
        run = validated(KubeflowRun, of_run, source="tuneline submit")
    with gathered(problems):
        platform = chosen_platform("kubeflow", options["platform_file"], options)
    if problems:
        raise ConfigurationError(problems)
    return run, planned(options["pipeline"], platform, given, run)


def _say(run: KubeflowRun, plan: Plan) -> None:
    """What is about to be sent, for a person."""
    of_user = f", namespace {run.namespace}" if run.namespace else ""
    lines = [f"{plan.pipeline}: to {run.address}{of_user}, experiment {run.experiment}"]
    lines += [
        f"  local data: {each.path} ({each.size} bytes) to {each.uri}" for each in plan.uploads
    ]
    lines += [f"  cost: {sentence}" for sentence in plan.cost]
    if run.schedule:
        lines.append(
            f"  schedule: {run.cron!r}, seconds first, in the time zone of the installation's "
            "controller (UTC unless CRON_SCHEDULE_TIMEZONE is set there)"
        )
    if plan.images:
        lines.append(
            f"  warning: {' and '.join(plan.images)}: no registry that a cluster pulls from; it "
            "would ask Docker Hub, where these names are not ours. Build yours by make images with "
            "--push, or name them in TUNELINE_COMPONENTS_IMAGE and TUNELINE_TRAINER_IMAGE when "
            "compiling"
        )
    if plan.preloaded:
        lines.append(
            f"  note: {' and '.join(plan.preloaded)}: no registry; by image_pull_policy the nodes "
            "must have them already, and with IfNotPresent one that has not asks Docker Hub"
        )
    typer.echo("\n".join(lines), err=True)


def _print_request(plan: Plan, *, json_output: bool) -> None:
    from tuneline.kubeflow.runs.request import as_json

    request = as_json(plan.request)
    if json_output:
        uploads = {str(each.path): each.uri for each in plan.uploads}
        request = {"request": request, "uploads": uploads, "cost": plan.cost}
    typer.echo(json.dumps(request, indent=2, ensure_ascii=False, sort_keys=True))


def _carry_out(run: KubeflowRun, plan: Plan, *, json_output: bool) -> None:
    from tuneline.kubeflow.runs.address import RunAddress
    from tuneline.kubeflow.runs.follow import follow as follow_run
    from tuneline.kubeflow.runs.schedule import create_schedule
    from tuneline.kubeflow.runs.submit import submit as submit_run
    from tuneline.submission.upload import send

    send(plan.uploads)
    url = create_schedule(plan.request, run) if run.schedule else submit_run(plan.request, run)
    # Flushed at once: whoever stops the wait needs the address.
    typer.echo(json.dumps({"url": url, "cost": plan.cost}) if json_output else url)
    if run.wait:
        follow_run(RunAddress.parse(url), run, run.ca_certificate)
        if not json_output:
            typer.echo("succeeded")
