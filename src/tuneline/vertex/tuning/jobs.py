"""Tuning jobs by what was asked for: found again, started once, cancelled.

A job is known by a label made of what was asked for. It is looked for before it is started, and
again, several times, after any failure that may hide a job that was started all the same: the
service shows new jobs with a delay, and each one is paid for.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import TYPE_CHECKING, Any

from google.genai import errors as service_errors

from tuneline.errors import ConfigurationError, ServiceError, TunelineError
from tuneline.vertex.failures import FAILURES, describe, is_refusal, passes
from tuneline.vertex.place import Resource
from tuneline.vertex.tuning.client import ATTEMPTS, TuningClient, no_answer, refusal
from tuneline.vertex.tuning.settings import RUN_LABEL

if TYPE_CHECKING:
    from tuneline.vertex.tuning.request import JobRequest
    from tuneline.vertex.tuning.settings import ManagedSettings

logger = logging.getLogger("tuneline")

SUCCEEDED = "JOB_STATE_SUCCEEDED"
_ENDED_BADLY = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")
ENDED = (*_ENDED_BADLY, SUCCEEDED, "JOB_STATE_PARTIALLY_SUCCEEDED")
"""States that no job leaves."""

_CANCELLING = "JOB_STATE_CANCELLING"
_QUOTA = 429
_LOOKS = 4
"""How often a job is looked for that may have been started, before it is started again."""

_LOOKS_WHEN_STOPPED_S = (0.0, 1.0, 3.0, 6.0)
_CANCELS_WHEN_STOPPED_S = (0.0, 0.5, 1.0, 2.0)
# Kubernetes kills 30 s after it asked to stop.
_NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


class TuningJobs:
    """The jobs of one request.

    Args:
        client: Of the place that it is sent to.
        request: What is asked for.
        settings: How long to wait in line.
    """

    def __init__(
        self, client: TuningClient, request: JobRequest, settings: ManagedSettings
    ) -> None:
        self._client = client
        self._request = request
        self._settings = settings
        self._known = ""
        self._may_have_started = False

    def find_or_start(self, noted: str = "") -> Any:
        """The job of the request: the one that is there, or a new one.

        Args:
            noted: Name of a job that an earlier attempt wrote down; empty: none.

        Raises:
            ConfigurationError: The service refuses the request.
            ServiceError: A job of this request ended badly before, the service does not answer, or
                the quota was taken for too long.
            StoppedError: A signal asked to stop.
        """
        if found := (self._noted(noted) if noted else None) or self._found():
            what = "nothing is paid again" if found.state in ENDED else "going on with it"
            logger.info("tune: %s was started before: %s", found.name, what)
        job = self.only(found or self._started())
        self._known = job.name
        return _usable(job)

    def only(self, job: Any) -> Any:
        """The first of the jobs that two processes may have started at one moment.

        Each process cancels all but the first, so that one is left whoever looks last.

        Args:
            job: The one that is known; the list may not show it yet.

        Raises:
            TunelineError: As `find_or_start`.
        """
        if job.state in ENDED:
            return job
        alive = {Resource.parse(each.name).id: each for each in self._all() if _is_alive(each)}
        alive.setdefault(Resource.parse(job.name).id, job)
        first, *late = sorted(alive.values(), key=_age)
        for each in late:
            logger.warning("tune: %s was started twice; cancelling %s", first.name, each.name)
            self.cancel(each.name)
        return first

    def cancel(self, name: str) -> None:
        """Ask the service to cancel a job; one that has ended is left as it is.

        Raises:
            ServiceError: The service does not answer, so that the job may still run.
        """
        try:
            self._client.again(f"cancelling {name}", lambda: self._client.cancel(name))
        except ConfigurationError as error:
            if self._client.get(name).state not in (*ENDED, _CANCELLING):
                raise ServiceError(f"{error} It may still run, and cost.") from error

    def cancel_when_stopped(self) -> None:
        """Cancel every job of the request that has not ended, within seconds; raises nothing."""
        sure = bool(self._known) or not self._may_have_started
        names = {self._known} - {""}
        for wait in _LOOKS_WHEN_STOPPED_S:
            time.sleep(wait)
            names |= self._alive_now()
            if sure or names:
                break
        for name in names:
            self._cancel_within_seconds(name)
        if not sure and not names:
            logger.error(
                "tune: a job may have been started that the service does not show yet. Look for "
                "the label %s=%s, or run the same again to go on with it",
                *(RUN_LABEL, self._request.label),
            )

    def _alive_now(self) -> set[str]:
        try:
            return {job.name for job in self._client.listed() if self._is_ours(job)}
        except (TunelineError, *FAILURES) as error:
            logger.warning("tune: looking for the job: %s", error)
            return set()

    def _cancel_within_seconds(self, name: str) -> None:
        for wait in _CANCELS_WHEN_STOPPED_S:
            time.sleep(wait)
            try:
                self._client.cancel(name)
            except FAILURES as error:
                said = describe(error)
            else:
                logger.warning("tune: cancelled %s", name)
                return
            job = self._client.look(name)
            if job and job.state in (*ENDED, _CANCELLING):
                return
        logger.error("tune: %s could not be cancelled (%s): it may still run, and cost", name, said)

    def _noted(self, name: str) -> Any | None:
        job = self._client.get(name)
        return job if (job.labels or {}).get(RUN_LABEL) == self._request.label else None

    def _started(self) -> Any:
        """Start a job, waiting in line where the quota is taken."""
        queue_ends = time.monotonic() + self._settings.queue_hours * 3600
        attempt, waited = 0, 0
        while True:
            self._client.require_wanted()
            try:
                return self._created()
            except FAILURES as error:
                doing = "starting the job"
                if getattr(error, "code", 0) == _QUOTA:
                    attempt, waited = 0, waited + 1
                    self._wait_in_line(error, waited, queue_ends)
                    found = self._found()
                elif is_refusal(error) and not passes(error):
                    raise refusal(doing, error) from error
                else:
                    attempt += 1
                    logger.warning("tune: %s: %s", doing, describe(error))
                    found = self._looked_for(error)
                if found:
                    return found
                if attempt >= ATTEMPTS:
                    raise no_answer(doing, error) from error

    def _created(self) -> Any:
        self._may_have_started = True
        try:
            job = self._client.create(self._request)
        except service_errors.APIError as error:
            self._may_have_started = not is_refusal(error)
            raise
        self._known = job.name
        logger.info("tune: started %s", job.name)
        return job

    def _wait_in_line(self, error: Exception, waited: int, queue_ends: float) -> None:
        wait = self._client.wait_s(error, waited)
        if time.monotonic() + wait > queue_ends:
            raise ServiceError(
                f"starting the job: {describe(error)}. The quota was not free within queue_hours "
                f"({self._settings.queue_hours:g}); nothing was started. Wait for other jobs to "
                "end, or ask for more quota."
            ) from error
        logger.info("tune: %s; waiting in line, next try in %.0f s", describe(error), wait)
        self._client.pause(wait)

    def _looked_for(self, error: Exception) -> Any | None:
        """Look for a job that may have been started; the service may need time to show it."""
        for look in range(1, _LOOKS + 1):
            self._client.pause(self._client.wait_s(error, look))
            if found := self._found():
                logger.info("tune: %s had been started all the same", found.name)
                return found
        return None

    def _found(self) -> Any | None:
        """The oldest job of the request that did not end badly, else the newest that did."""
        jobs = self._all()
        alive = [job for job in jobs if job.state not in _ENDED_BADLY]
        return alive[0] if alive else jobs[-1] if jobs else None

    def _all(self) -> list[Any]:
        """Every job of the request, the oldest first.

        The labels are compared here: a filter that the service read otherwise would hide a job.
        """
        return sorted(filter(self._has_our_label, self._client.listed()), key=_age)

    def _has_our_label(self, job: Any) -> bool:
        return (job.labels or {}).get(RUN_LABEL) == self._request.label

    def _is_ours(self, job: Any) -> bool:
        return self._has_our_label(job) and job.state not in ENDED


def _is_alive(job: Any) -> bool:
    return job.state not in (*_ENDED_BADLY, _CANCELLING)


def _age(job: Any) -> tuple[Any, str]:
    return job.create_time or _NEVER, job.name


def _usable(job: Any) -> Any:
    if job.state not in _ENDED_BADLY:
        return job
    raise ServiceError(
        f"{last_word(job)}\nIt is not started again by itself, since that is paid for again: "
        "change what failed, or set attempt to 2 (then 3, ...) in overrides."
    )


def last_word(job: Any) -> str:
    """What became of a job, in the service's own words."""
    error = job.error
    said = f": {str(error.message).rstrip('.')} (code {error.code})" if error else ""
    stats = job.tuning_data_stats and job.tuning_data_stats.supervised_tuning_data_stats
    dropped = (stats and stats.dropped_example_reasons) or []
    reasons = "".join(f"\n  - {reason}" for reason in dropped)
    examples = f"\nExamples that the service dropped:{reasons}" if reasons else ""
    return f"{job.name}: {word(job.state)}{said}.{examples}"


def word(state: Any) -> str:
    """A state as people say it."""
    return str(getattr(state, "value", state)).removeprefix("JOB_STATE_").lower()
