"""Waits for a tuning job; what it costs ends with whoever waits for it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from tuneline.errors import ServiceError
from tuneline.termination import termination_raised
from tuneline.vertex.tuning.jobs import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.vertex.tuning.jobs import TuningJobs
    from tuneline.vertex.tuning.request import JobRequest
    from tuneline.vertex.tuning.settings import ManagedSettings

logger = logging.getLogger("tuneline")

_SUCCEEDED = "JOB_STATE_SUCCEEDED"
_SECONDS_A_LINE = 600.0


def run_job(
    jobs: TuningJobs,
    request: JobRequest,
    settings: ManagedSettings,
    started: Callable[[str], None],
) -> Any:
    """Find or start a request's job and wait for its end.

    Ctrl-C and SIGTERM cancel it; a process that is killed leaves it to be found by the next.

    Args:
        jobs: The jobs of the place.
        request: What is asked for.
        settings: How long to wait.
        started: Called with the job's name as soon as it is known.

    Raises:
        ConfigurationError: The service refuses the request.
        ServiceError: The job failed, was cancelled or took longer than ``deadline_hours``, or the
            service does not answer.
    """
    with termination_raised():
        try:
            job = jobs.find_or_start(request)
            started(job.name)
            return _ended(jobs, job, settings)
        except (KeyboardInterrupt, SystemExit):
            logger.warning("tune: asked to stop: cancelling the job")
            jobs.cancel_all(request)
            raise


def _ended(jobs: TuningJobs, job: Any, settings: ManagedSettings) -> Any:
    begun = told = time.monotonic()
    wait, state = settings.first_wait_s, None
    while job.state not in ENDED:
        now = time.monotonic()
        if job.state != state or now - told > _SECONDS_A_LINE:
            state, told = job.state, now
            logger.info("tune: %s: %s after %.0f s", job.name, _word(job.state), now - begun)
        if now - begun > settings.deadline_hours * 3600:
            jobs.cancel(job.name)
            raise ServiceError(
                f"{job.name}: still {_word(job.state)} after deadline_hours "
                f"({settings.deadline_hours:g}), so it was cancelled. Models near their end are "
                "known to wait for ever: choose another, or give it more time and raise attempt."
            )
        time.sleep(wait)
        wait = min(wait * 2, settings.longest_wait_s)
        job = jobs.look(job.name) or job
    if job.state != _SUCCEEDED:
        raise ServiceError(_last_word(job))
    logger.info("tune: %s: succeeded", job.name)
    return job


def _last_word(job: Any) -> str:
    """What became of a job, in the service's own words."""
    said = f": {job.error.code} {job.error.message}" if job.error else ""
    stats = job.tuning_data_stats and job.tuning_data_stats.supervised_tuning_data_stats
    dropped = (stats and stats.dropped_example_reasons) or []
    reasons = "".join(f"\n  - {reason}" for reason in dropped)
    examples = f"\nExamples that the service dropped:{reasons}" if reasons else ""
    return f"{job.name}: {_word(job.state)}{said}.{examples}"


def _word(state: Any) -> str:
    return str(getattr(state, "value", state)).removeprefix("JOB_STATE_").lower()
