"""What is sent to Kubeflow Pipelines for a run: the same that ``kfp.Client`` would send.

That client's own methods print to standard output, and give a run no description, by which it is
found again.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import kfp_server_api as api

from tuneline import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.kubeflow.runs.settings import KubeflowRun
    from tuneline.submission.spec import Spec


def run_request(spec: Spec, parameters: Mapping[str, Any], run: KubeflowRun) -> api.V2beta1Run:
    """What starts a run now; its description has a mark of its own, by which it is found again.

    Args:
        spec: The pipeline.
        parameters: Those that are given; the others have the pipeline's defaults.
        run: Name and account.
    """
    return api.V2beta1Run(
        display_name=run.name or spec.name,
        description=f"Submitted by tuneline {__version__} as {secrets.token_hex(8)}.",
        pipeline_spec=_documents(spec, run),
        runtime_config=api.V2beta1RuntimeConfig(parameters=dict(parameters)),
        service_account=run.service_account or None,
    )


def schedule_request(
    spec: Spec, parameters: Mapping[str, Any], run: KubeflowRun
) -> api.V2beta1RecurringRun:
    """What starts runs by the clock; of those that were missed, the last alone.

    Args:
        spec: The pipeline.
        parameters: Those that are given; the others have the pipeline's defaults.
        run: Name, account and schedule.
    """
    return api.V2beta1RecurringRun(
        display_name=run.name or spec.name,
        description=f"Scheduled by tuneline {__version__}.",
        pipeline_spec=_documents(spec, run),
        runtime_config=api.V2beta1RuntimeConfig(parameters=dict(parameters)),
        service_account=run.service_account or None,
        trigger=api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=run.cron)),
        max_concurrency=str(run.max_concurrent),
        mode=api.RecurringRunMode.ENABLE,
        no_catchup=True,
    )


def as_json(request: Any) -> dict[str, Any]:
    """A request in the service's JSON."""
    content: dict[str, Any] = api.ApiClient().sanitize_for_serialization(request)
    return content


def _documents(spec: Spec, run: KubeflowRun) -> dict[str, Any]:
    """The pipeline as the service takes it: alone, or beside its platform document."""
    chosen = spec if run.cache else spec.without_cache()
    if not chosen.platform:
        return chosen.content
    return {"pipeline_spec": chosen.content, "platform_spec": chosen.platform}
