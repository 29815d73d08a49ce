"""The service's tuning jobs, one request at a time; what changes nothing is asked until it answers.

A job that is sent to ``global`` runs in a region, and its name says which: it is read there.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from google import genai
from google.genai import types

from tuneline.errors import ConfigurationError, ServiceError, StoppedError
from tuneline.vertex.credentials import application_credentials
from tuneline.vertex.failures import FAILURES, describe, passes, wait_s
from tuneline.vertex.place import Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.stop import StopRequest
    from tuneline.vertex.place import Place
    from tuneline.vertex.tuning.request import JobRequest
    from tuneline.vertex.tuning.settings import ManagedSettings

logger = logging.getLogger("tuneline")

Answer = TypeVar("Answer")

ATTEMPTS = 8
"""How often a request is sent in all whose failures pass."""

_ATTEMPT_MS = 60_000
_JOBS_A_PAGE = 100
_BEHIND_GLOBAL = ("us-central1", "europe-west4")
"""Regions that run what is sent to ``global`` (the vendor's page on tuning open models)."""


class TuningClient:
    """Tuning jobs of a place.

    Args:
        place: Where jobs are sent to.
        settings: How long to wait between attempts.
        stop: Ends every wait.

    Raises:
        ConfigurationError: There are no application default credentials.
    """

    def __init__(self, place: Place, settings: ManagedSettings, stop: StopRequest) -> None:
        self._credentials, _ = application_credentials()
        self._place = place
        self._settings = settings
        self._stop = stop
        self._clients: dict[str, Any] = {}

    def create(self, request: JobRequest) -> Any:
        """Start a job; sent once, and fails as the client does."""
        options = None
        if request.service_account:
            options = types.HttpOptions(extra_body={"serviceAccount": request.service_account})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "experimental" since it exists
            return self._at(self._place.location).tunings.tune(
                base_model=request.base_model,
                training_dataset=types.TuningDataset(gcs_uri=request.training_uri),
                config=types.CreateTuningJobConfig(http_options=options, **request.config),
            )

    def listed(self) -> list[Any]:
        """Every job of the place, those included that it sent on to a region.

        Raises:
            ConfigurationError: They may not be read.
            ServiceError: The service does not answer.
            StoppedError: A signal asked to stop.
        """
        location = self._place.location
        further = _BEHIND_GLOBAL if location == "global" else ()
        jobs = {
            Resource.parse(job.name).id: job
            for each in (location, *further)
            for job in self.again("looking for the job", lambda each=each: self._all_at(each))  # type: ignore[misc]
        }
        return list(jobs.values())

    def get(self, name: str) -> Any:
        """A job as it is now; raises as `listed` does."""
        return self.again(f"reading {name}", lambda: self._tunings(name).get(name=name))

    def look(self, name: str) -> Any | None:
        """Likewise, asked once; None where no answer came that says anything of the job."""
        try:
            return self._tunings(name).get(name=name)
        except FAILURES as error:
            logger.info("tune: %s: %s", name, describe(error))
            return None

    def cancel(self, name: str) -> None:
        """Ask once for a job's cancellation, and fail as the client does."""
        self._tunings(name).cancel(name=name)

    def again(self, doing: str, function: Callable[[], Answer]) -> Answer:
        """Call what changes nothing when it is called twice, until it answers.

        Raises:
            ConfigurationError: The service refuses.
            ServiceError: It does not answer.
            StoppedError: A signal asked to stop.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return function()
            except FAILURES as error:
                if not passes(error):
                    raise refusal(doing, error) from error
                if attempt == ATTEMPTS:
                    raise no_answer(doing, error) from error
                wait = self.wait_s(error, attempt)
                logger.info("tune: %s: %s; again in %.1f s", doing, describe(error), wait)
                self.pause(wait)
        raise AssertionError(doing)  # the loop returns or raises

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: A signal asked to stop.
        """
        self._stop.sleep(seconds)
        self.require_wanted()

    def require_wanted(self) -> None:
        """Raise `StoppedError` where a signal asked to stop."""
        if self._stop:
            raise StoppedError("Asked to stop.", self._stop.signal)

    def wait_s(self, error: Exception, attempt: int) -> float:
        """Seconds before the next attempt, whatever the service asks for."""
        settings = self._settings
        longest = settings.longest_wait_s
        asked = wait_s(error, attempt, first_wait_s=settings.first_wait_s, longest_wait_s=longest)
        return min(asked, longest)

    def _all_at(self, location: str) -> list[Any]:
        config = types.ListTuningJobsConfig(page_size=_JOBS_A_PAGE)
        return list(self._at(location).tunings.list(config=config))

    def _tunings(self, job: str) -> Any:
        return self._at(Resource.parse(job).place.location).tunings

    def _at(self, location: str) -> Any:
        """The client of a location; kept, since a client that is let go closes its connection."""
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


def refusal(doing: str, error: Exception) -> ConfigurationError:
    """What to end with where the service refuses."""
    return ConfigurationError(f"{doing}: the service refuses: {describe(error)}.")


def no_answer(doing: str, error: Exception) -> ServiceError:
    """What to end with where it does not answer."""
    return ServiceError(
        f"{doing}: no answer after {ATTEMPTS} attempts: {describe(error)}. Run the same again: a "
        "job that was started is found, not paid for twice."
    )
