"""Starting a run: once, whatever happens to the request on its way."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from tuneline.errors import ServiceError, StoppedError
from tuneline.kubeflow.runs.address import RunAddress
from tuneline.kubeflow.runs.client import (
    FAILURES,
    connected,
    may_have_worked,
    once,
    patiently,
    said,
    translated,
)
from tuneline.kubeflow.runs.experiment import connection_of, experiment_id, named, required
from tuneline.submission.waiting import Waits

if TYPE_CHECKING:
    from tuneline.kubeflow.runs.settings import KubeflowRun

logger = logging.getLogger("tuneline")

_LOOKS = 4
_NEWEST = 100


def submit(request: Any, run: KubeflowRun) -> str:
    """Start a run and give back the address of its page.

    The service names each run itself, and takes any number of one name. So the request's
    description has a mark of its own: after a failure that may hide a success the run is looked
    for, and asked for again only where it is not there; of two that were started, one is ended.

    Args:
        request: What to start.
        run: Where, and how long failures are ridden out.

    Raises:
        ConfigurationError: The service refuses the request or the token.
        ServiceError: It does not answer.
        StoppedError: Ctrl-C, after which the run may have been started.
    """
    title = request.display_name
    try:
        client = connected(connection_of(run))
        with translated(f"Submitting {title}"):
            request.experiment_id = experiment_id(client, run)
            return RunAddress(run.address, _started(client, request, run)).url
    except KeyboardInterrupt:
        raise StoppedError(
            f"Submitting was stopped; the run may have been started all the same. Look for {title} "
            f"in {run.address}/#/runs, with the description: {request.description}",
            signal_number=2,
        ) from None


def _started(client: Any, request: Any, run: KubeflowRun) -> str:
    waits, end, uncertain = Waits(run), time.monotonic() + run.failing_s, False
    while True:
        try:
            run_id = required(once(client.runs.run_service_create_run, request), "run_id")
        except Exception as error:
            is_uncertain = may_have_worked(error)
            if not is_uncertain and not _waits_in_line(error):
                if uncertain:  # an earlier answer was lost: the run may be there
                    raise _given_up(error, request, run) from error
                raise
            what = "looking whether the run was started" if is_uncertain else "waiting in line"
            logger.warning("kubeflow: %s; %s", said(error), what)
            uncertain = uncertain or is_uncertain
            if not uncertain:
                waits.wait()
            elif found := _looked_for(client, request, run, waits):
                return _only_one(client, found, run)
            if time.monotonic() > end:
                raise (_given_up(error, request, run) if uncertain else error) from error
        else:
            ids = _marked(client, request, run) if uncertain else []
            return _only_one(client, ids or [run_id], run)


def _looked_for(client: Any, request: Any, run: KubeflowRun, waits: Waits) -> list[str]:
    """Ids of the request's runs, after a failure that may hide that there is one.

    Raises:
        ServiceError: The service does not tell.
    """
    # It may need time to show the run, and a second one would run beside it.
    for _ in range(_LOOKS):
        waits.wait()
        try:
            if found := _marked(client, request, run):
                return found
        except FAILURES as error:
            raise _given_up(error, request, run) from error
    return []


def _given_up(error: BaseException, request: Any, run: KubeflowRun) -> ServiceError:
    return ServiceError(
        f"Submitting {request.display_name}: {said(error)}. The run may have been started all the "
        f"same. Look before you submit again: {run.address}/#/runs, for the description "
        f"{request.description!r}"
    )


def _waits_in_line(error: Exception) -> bool:
    """Whether the service asks to come back later."""
    return getattr(error, "status", 0) == 429


def _marked(client: Any, request: Any, run: KubeflowRun) -> list[str]:
    """Ids of the runs with the request's mark, the first that was made first.

    Only the newest of its name are looked at: it was made a moment ago.
    """
    options = {
        "experiment_id": request.experiment_id,
        "filter": named(request.display_name),
        "sort_by": "created_at desc",
        "page_size": _NEWEST,
    }
    method = client.runs.run_service_list_runs
    answer = patiently(run, method, **options)
    ours = [
        each for each in answer.get("runs") or [] if each.get("description") == request.description
    ]
    ours.sort(key=lambda each: (str(each.get("created_at", "")), str(each.get("run_id", ""))))
    return [required(each, "run_id") for each in ours]


def _only_one(client: Any, ids: list[str], run: KubeflowRun) -> str:
    """End all but the first."""
    first, *others = ids
    for other in others:
        logger.warning("kubeflow: the run was started twice; ending %s", other)
        try:
            patiently(run, client.runs.run_service_terminate_run, other)
        except FAILURES as error:
            url = RunAddress(run.address, other).url
            logger.warning(
                "kubeflow: it could not be ended (%s). End it: tuneline cancel '%s'",
                said(error),
                url,
            )
    return first
