"""Waits for a tuning job; what it costs ends with whoever waits for it."""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import TYPE_CHECKING, Any

from tuneline.errors import ServiceError, StoppedError
from tuneline.stop import stop_on_signals
from tuneline.vertex.tuning.client import TuningClient
from tuneline.vertex.tuning.jobs import ENDED, SUCCEEDED, TuningJobs, last_word, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.vertex.place import Place
    from tuneline.vertex.tuning.request import JobRequest
    from tuneline.vertex.tuning.settings import ManagedSettings

logger = logging.getLogger("tuneline")

_SECONDS_A_LINE = 600.0
_LOOKS_FOR_OTHERS = 3
"""Looks at a job after which it is sure that the list shows one that was started beside it."""

_SILENCE_S = 1800.0
"""Longest time without an answer: what is refused for a moment is not refused for good."""


def run_job(
    place: Place,
    request: JobRequest,
    settings: ManagedSettings,
    started: Callable[[str], None],
    noted: str = "",
) -> Any:
    """Find or start a request's job and wait for its end.

    SIGTERM, Ctrl-C and a closed terminal cancel it; a process that is killed leaves it to be found
    by the next.

    Args:
        place: Where it is sent to.
        request: What is asked for.
        settings: How long to wait.
        started: Called with the job's name as soon as it is known.
        noted: The name that an earlier attempt was called with; empty: none.

    Raises:
        ConfigurationError: The service refuses the request.
        ServiceError: The job failed, was cancelled or took longer than ``deadline_hours``, or the
            service does not answer.
        StoppedError: A signal asked to stop; the job is cancelled.
    """
    with stop_on_signals() as stop:
        client = TuningClient(place, settings, stop)
        jobs = TuningJobs(client, request, settings)
        try:
            job = jobs.find_or_start(noted)
            started(job.name)
            return _ended(jobs, client, job, settings)
        except (StoppedError, KeyboardInterrupt) as asked:
            stop.interruptible = False
            logger.warning("tune: asked to stop: cancelling the job")
            jobs.cancel_when_stopped()
            raise StoppedError(
                "Asked to stop, so the job was cancelled. The same command says so; it tunes again "
                "with attempt set to 2 (then 3, ...) in overrides.",
                stop.signal,
            ) from asked


def _ended(jobs: TuningJobs, client: TuningClient, job: Any, settings: ManagedSettings) -> Any:
    answered = told = time.monotonic()
    wait, state, looks = settings.first_wait_s, None, 0
    while job.state not in ENDED:
        if job.state != state or time.monotonic() - told > _SECONDS_A_LINE:
            state, told = job.state, time.monotonic()
            logger.info("tune: %s: %s after %.0f s", job.name, word(job.state), _age_s(job))
        if _age_s(job) > settings.deadline_hours * 3600:
            return _past_deadline(jobs, client, job, settings)
        client.pause(wait)
        wait = min(wait * 2, settings.longest_wait_s)
        found = client.look(job.name)
        answered = time.monotonic() if found else answered
        if time.monotonic() - answered > _SILENCE_S:
            raise ServiceError(
                f"{job.name}: no answer for {_SILENCE_S / 60:.0f} minutes; the job goes on, and "
                "costs. Run the same again to wait for it, or cancel it in the console."
            )
        job, looks = found or job, looks + 1
        if looks <= _LOOKS_FOR_OTHERS:
            job = jobs.only(job)
    if job.state != SUCCEEDED:
        raise ServiceError(
            f"{last_word(job)}\nChange what failed; to pay for the very same again, set attempt to "
            "2 (then 3, ...) in overrides."
        )
    logger.info("tune: %s: succeeded", job.name)
    return job


def _past_deadline(
    jobs: TuningJobs, client: TuningClient, job: Any, settings: ManagedSettings
) -> Any:
    jobs.cancel(job.name)
    job = client.get(job.name)
    if job.state == SUCCEEDED:  # at the last moment
        return job
    raise ServiceError(
        f"{job.name}: not done after deadline_hours ({settings.deadline_hours:g}), so it was "
        "cancelled. Models near their end are known to wait for ever: choose another, or give it "
        "more time and set attempt to 2 (then 3, ...) in overrides."
    )


def _age_s(job: Any) -> float:
    """Seconds since the job was made, whoever waited for it."""
    if job.create_time is None:
        return 0.0
    return float((dt.datetime.now(dt.UTC) - job.create_time).total_seconds())
