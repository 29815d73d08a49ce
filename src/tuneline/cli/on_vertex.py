"""Runs on Vertex AI, as the command line starts, follows and cancels them."""

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
    from tuneline.submission.patience import Patience
    from tuneline.vertex.jobs.plan import Plan
    from tuneline.vertex.jobs.settings import VertexRun

OWN_OPTIONS = (
    *("project", "location", "network", "encryption_key", "label", "fail_fast", "max_runs"),
    *("machine_type", "spot", "flex_start"),
)
"""Options of ``submit`` that only this target knows."""

_OF_RUN = (
    *("project", "location", "staging", "service_account", "network", "encryption_key", "name"),
    *("fail_fast", "schedule", "max_runs", "max_concurrent", "wait", "deadline_hours"),
)


def submit(options: Mapping[str, Any]) -> None:
    """Check, say what it costs, bring local data there, start the run or the schedule.

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


def follow(run: str, patience: Patience, _: Path | None) -> None:
    """Wait for the end of a run, by its resource name."""
    _require_client()
    from tuneline.vertex.jobs.follow import follow as follow_run

    follow_run(run, patience)


def cancel(run: str, _: Path | None) -> None:
    """Cancel a run, by its resource name."""
    _require_client()
    from tuneline.vertex.jobs.follow import cancel as cancel_run

    cancel_run(run)


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


def _planned(options: Mapping[str, Any], given: dict[str, Any]) -> tuple[VertexRun, Plan]:
    """Check the options of the run and of its machines together, then everything else."""
    from tuneline.settings import validated
    from tuneline.submission.problems import gathered
    from tuneline.vertex.jobs.plan import planned
    from tuneline.vertex.jobs.settings import VertexRun

    of_run = {name: options[name] for name in _OF_RUN} | {"cache": not options["no_cache"]}
    problems: list[str] = []
    with gathered(problems):
        of_run["labels"] = _labels(options["label"] or [])
    with gathered(problems):
        run = validated(VertexRun, of_run, source="tuneline submit")
    with gathered(problems):
        platform = chosen_platform("vertex", None, options)
    if problems:
        raise ConfigurationError(problems)
    return run, planned(options["pipeline"], platform, given, run)


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
    from tuneline.submission.upload import send
    from tuneline.vertex.jobs.follow import console_url
    from tuneline.vertex.jobs.follow import follow as follow_run
    from tuneline.vertex.jobs.schedule import create_schedule
    from tuneline.vertex.jobs.submit import submit as submit_run

    send(plan.uploads)
    name = create_schedule(plan.request, run) if run.schedule else submit_run(plan.request, run)
    found = {"name": name, "url": console_url(name), "cost": plan.cost}
    # Flushed at once: whoever stops the wait needs the name.
    typer.echo(json.dumps(found) if json_output else f"{name}\n{found['url']}")
    if run.wait:
        follow_run(name, run)
        if not json_output:
            typer.echo("succeeded")
