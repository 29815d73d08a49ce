"""Tuning jobs of one place: found again, started once, looked at, cancelled.

A job is known by a label made of what was asked for. It is looked for before it is started, and
again, several times, after any failure that may hide a job that was started all the same: the
service shows new jobs with a delay, and each one is paid for.
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from google import genai
from google.auth import exceptions as auth_errors
from google.genai import errors as service_errors
from google.genai import types

from tuneline.errors import ConfigurationError, ServiceError
from tuneline.vertex.credentials import application_credentials
from tuneline.vertex.failures import describe, passes, wait_s
from tuneline.vertex.place import Resource
from tuneline.vertex.tuning.settings import RUN_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.vertex.place import Place
    from tuneline.vertex.tuning.request import JobRequest
    from tuneline.vertex.tuning.settings import ManagedSettings

logger = logging.getLogger("tuneline")

Answer = TypeVar("Answer")

FAILURES = (
    service_errors.APIError,
    auth_errors.GoogleAuthError,
    httpx.HTTPError,
    json.JSONDecodeError,
    TimeoutError,
)
_ATTEMPT_MS = 60_000
_ATTEMPTS = 8
_LOOKS = 4
"""How often a job is looked for that may have been started, before it is started again."""

_QUOTA = 429
_JOBS_A_PAGE = 100
_ENDED_BADLY = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")
ENDED = (*_ENDED_BADLY, "JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
"""States that no job leaves."""

_CANCELLING = "JOB_STATE_CANCELLING"


class TuningJobs:
    """The tuning jobs of a place.

    Args:
        place: Where.
        settings: How long to wait.

    Raises:
        ConfigurationError: There are no application default credentials.
    """

    def __init__(self, place: Place, settings: ManagedSettings) -> None:
        self._credentials, _ = application_credentials()
        self._settings = settings
        self._clients: dict[str, Any] = {}
        self._place = place
        self._client = self._client_at(place.location)

    def _client_at(self, location: str) -> Any:
        """The client of a location; a job may be in another than it was sent to."""
        if location not in self._clients:
            self._clients[location] = genai.Client(
                vertexai=True,
                project=self._place.project,
                location=location,
                credentials=self._credentials,
                http_options=types.HttpOptions(
                    timeout=_ATTEMPT_MS, retry_options=types.HttpRetryOptions(attempts=1)
                ),
            )
        return self._clients[location]

    def _tunings(self, job: str) -> Any:
        return self._client_at(Resource.parse(job).place.location).tunings

    def find_or_start(self, request: JobRequest) -> Any:
        """The job of a request: the one that is there, or a new one.

        Raises:
            ConfigurationError: The service refuses the request, or a job of this request ended
                badly before.
            ServiceError: The service does not answer, or the quota was taken for too long.
        """
        if found := self._found(request):
            logger.info("tune: %s was started before: going on with it", found.name)
            return self._usable(found)
        return self._usable(self._only(request, self._started(request)))

    def get(self, name: str) -> Any:
        """A job as it is now.

        Raises:
            ConfigurationError: There is no such job, or it may not be read.
            ServiceError: The service does not answer.
        """
        return self._again(f"reading {name}", lambda: self._tunings(name).get(name=name))

    def look(self, name: str) -> Any | None:
        """Likewise, asked once; None where no answer came that says anything of the job."""
        try:
            return self._tunings(name).get(name=name)
        except FAILURES as error:
            if not passes(error):
                raise _refusal(f"reading {name}", error) from error
            logger.info("tune: %s: %s", name, describe(error))
            return None

    def cancel(self, name: str) -> None:
        """Ask the service to cancel a job; one that has ended is left as it is.

        Raises:
            ServiceError: The service does not answer, so that the job may still run.
        """
        try:
            self._again(f"cancelling {name}", lambda: self._tunings(name).cancel(name=name))
        except ConfigurationError as error:
            state = self.get(name).state
            if state not in (*ENDED, _CANCELLING):
                raise ServiceError(f"{error} It may still run, and cost.") from error

    def cancel_all(self, request: JobRequest) -> None:
        """Cancel every job of a request that has not ended.

        Raises:
            ServiceError: The service does not answer, so that one may still run.
        """
        for job in self._all_of(request):
            if job.state not in ENDED:
                self.cancel(job.name)

    def _started(self, request: JobRequest) -> Any:
        """Start a job, waiting in line where the quota is taken."""
        queue_ends = time.monotonic() + self._settings.queue_hours * 3600
        attempt, waited = 0, 0
        while True:
            try:
                return self._create(request)
            except FAILURES as error:
                if not passes(error):
                    raise _refusal("starting the job", error) from error
                if getattr(error, "code", 0) == _QUOTA:
                    waited += 1
                    self._wait_in_line(error, waited, queue_ends)
                    found = self._found(request)
                else:
                    attempt += 1
                    logger.warning("tune: starting the job: %s", describe(error))
                    found = self._looked_for(request, error)
                if found:
                    return found
                if attempt >= _ATTEMPTS:
                    raise _no_answer("starting the job", error) from error

    def _create(self, request: JobRequest) -> Any:
        options = None
        if request.service_account:
            options = types.HttpOptions(extra_body={"serviceAccount": request.service_account})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "experimental" since it exists
            job = self._client.tunings.tune(
                base_model=request.base_model,
                training_dataset=types.TuningDataset(gcs_uri=request.training_uri),
                config=types.CreateTuningJobConfig(http_options=options, **request.config),
            )
        logger.info("tune: started %s", job.name)
        return job

    def _wait_in_line(self, error: Exception, waited: int, queue_ends: float) -> None:
        wait = self._wait(error, waited)
        if time.monotonic() + wait > queue_ends:
            raise ServiceError(
                f"starting the job: {describe(error)}. The quota was not free within queue_hours "
                f"({self._settings.queue_hours:g}); nothing was started. Wait for other jobs to "
                "end, or ask for more quota."
            ) from error
        logger.info("tune: %s; waiting in line, next try in %.0f s", describe(error), wait)
        time.sleep(wait)

    def _looked_for(self, request: JobRequest, error: Exception) -> Any | None:
        """Look for a job that may have been started; the service may need time to show it."""
        for look in range(1, _LOOKS + 1):
            time.sleep(self._wait(error, look))
            if found := self._found(request):
                logger.info("tune: %s had been started all the same", found.name)
                return found
        return None

    def _found(self, request: JobRequest) -> Any | None:
        """The oldest job of a request that did not end badly, else the newest that did."""
        jobs = self._all_of(request)
        alive = [job for job in jobs if job.state not in _ENDED_BADLY]
        return alive[0] if alive else jobs[-1] if jobs else None

    def _all_of(self, request: JobRequest) -> list[Any]:
        """Every job of a request, the oldest first.

        The labels are compared here: a filter that the service read otherwise would hide a job.
        """

        def listed() -> list[Any]:
            config = types.ListTuningJobsConfig(page_size=_JOBS_A_PAGE)
            return [
                job
                for job in self._client.tunings.list(config=config)
                if (job.labels or {}).get(RUN_LABEL) == request.label
            ]

        jobs = self._again("looking for the job", listed)
        return sorted(jobs, key=_age)

    def _only(self, request: JobRequest, job: Any) -> Any:
        """The first of the jobs that two processes may have started at one moment.

        Each cancels all but the first, so that one is left whoever looks last.
        """
        alive = {
            each.name: each for each in self._all_of(request) if each.state not in _ENDED_BADLY
        }
        # The service may not show it yet, or another process may have cancelled it already.
        alive.setdefault(job.name, job)
        first, *late = sorted(alive.values(), key=_age)
        for each in late:
            logger.warning("tune: %s was started twice; cancelling %s", first.name, each.name)
            self.cancel(each.name)
        return first

    def _usable(self, job: Any) -> Any:
        if job.state not in _ENDED_BADLY:
            return job
        raise ConfigurationError(
            f"{job.name}: this job ended as {job.state.value.removeprefix('JOB_STATE_').lower()}"
            f"{_reason(job)} It is not started again by itself, since that is paid for again: "
            "change what failed, or raise attempt."
        )

    def _again(self, doing: str, function: Callable[[], Answer]) -> Answer:
        """Call what changes nothing when it is called twice, until it answers."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return function()
            except FAILURES as error:
                if not passes(error):
                    raise _refusal(doing, error) from error
                if attempt == _ATTEMPTS:
                    raise _no_answer(doing, error) from error
                wait = self._wait(error, attempt)
                logger.info("tune: %s: %s; again in %.1f s", doing, describe(error), wait)
                time.sleep(wait)
        raise AssertionError(doing)  # the loop returns or raises

    def _wait(self, error: Exception, attempt: int) -> float:
        settings = self._settings
        return wait_s(
            error,
            attempt,
            first_wait_s=settings.first_wait_s,
            longest_wait_s=settings.longest_wait_s,
        )


def _age(job: Any) -> tuple[Any, str]:
    return job.create_time, job.name


def _reason(job: Any) -> str:
    error = job.error
    return f" ({error.code}: {error.message})." if error and error.message else "."


def _refusal(doing: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"{doing}: the service refuses: {describe(error)}.")


def _no_answer(doing: str, error: Exception) -> ServiceError:
    return ServiceError(
        f"{doing}: no answer after {_ATTEMPTS} attempts: {describe(error)}. Run the same again: a "
        "job that was started is found, not paid for twice."
    )
