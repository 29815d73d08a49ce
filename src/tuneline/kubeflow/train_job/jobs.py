"""The job of a request: found again, started once, deleted."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from tuneline.errors import ServiceError
from tuneline.kubeflow.train_job.failures import (
    FAILURES,
    code_of,
    no_answer,
    passes,
    refusal,
    said,
    wait_s,
)

if TYPE_CHECKING:
    from tuneline.kubeflow.train_job.api import TrainJobApi
    from tuneline.kubeflow.train_job.settings import Patience
    from tuneline.kubeflow.train_job.state import JobState

logger = logging.getLogger("tuneline")

_CONFLICT = 409
_TRIES_S = (0.0, 0.5, 1.0, 2.0, 4.0)
_DELETED_WITHIN_S = 8.0
# Kubernetes kills 30 s after it asked to stop.


class TrainJobs:
    """The job of one request, which has one name.

    Args:
        api: The way to the cluster.
        name: Of the job.
        patience: How long to wait.
    """

    def __init__(self, api: TrainJobApi, name: str, patience: Patience) -> None:
        self._api = api
        self._name = name
        self._patience = patience
        self._may_appear = False

    def find_or_start(self, job: Any) -> None:
        """Go on with the job that is there, or start it.

        One that failed before, or is complete and left no result, is deleted and started again:
        it goes on from its checkpoints.

        Raises:
            ConfigurationError: The server refuses the job.
            ServiceError: It does not answer, or the job before does not go.
            StoppedError: A signal asked to stop.
        """
        end, attempt = time.monotonic() + self._patience.failing_s, 0
        while True:
            found = self._api.look(self._name)
            if found is None:
                error = self._created(job)
                if error is None:
                    return
                attempt += 1
                wait = wait_s(error, attempt, self._patience)
                if time.monotonic() + wait > end:
                    raise no_answer(self._doing, error, self._patience.failing_s) from error
                logger.info("tune: %s: %s; looking in %.1f s", self._doing, said(error), wait)
                self._api.pause(wait)
            elif self._is_of_use(found):
                logger.info("tune: TrainJob %s is there: going on with it", self._name)
                self._tell_how_to_end_it()
                return
            else:
                self._replaced(found)

    def delete_within_seconds(self) -> str:
        """Delete the job, without long waits; raises nothing.

        Returns:
            What became of it, in a sentence.
        """
        end, problem = time.monotonic() + _DELETED_WITHIN_S, ""
        for wait in _TRIES_S:
            time.sleep(wait)
            try:
                if self._api.delete(self._name):
                    return f"TrainJob {self._name} was deleted"
                # One that was asked for, and whose answer was lost, may still appear.
                problem, is_final = "", not self._may_appear
            except FAILURES as error:
                problem, is_final = said(error), not passes(error, answered=False)
            if is_final or time.monotonic() > end:
                break
        if not problem:
            return f"TrainJob {self._name} is not there"
        return (
            f"TrainJob {self._name} could not be deleted ({problem}); if it is there, it goes on "
            "for an hour where nobody follows it. "
            f"Delete it: {self._by_hand}"
        )

    @property
    def _doing(self) -> str:
        return f"starting TrainJob {self._name}"

    @property
    def _by_hand(self) -> str:
        return f"kubectl -n {self._api.namespace} delete trainjob {self._name}"

    @staticmethod
    def _is_of_use(found: JobState) -> bool:
        # A result that is there was taken before any job was looked for.
        return found.phase not in ("Failed", "Complete") and not found.is_deleting

    def _created(self, job: Any) -> Exception | None:
        """Ask once for the job; what happened where it is not known to be there."""
        try:
            self._api.create(job)
        except FAILURES as error:
            # A conflict: an earlier request of ours, or another task, was there first.
            if code_of(error) != _CONFLICT and not passes(error, answered=False):
                raise refusal(self._doing, error) from error
            self._may_appear = True
            return error
        logger.info("tune: started TrainJob %s in %s", self._name, self._api.namespace)
        self._tell_how_to_end_it()
        return None

    def _tell_how_to_end_it(self) -> None:
        logger.info("tune: to end it by hand: %s", self._by_hand)

    def _replaced(self, found: JobState) -> None:
        """Delete a job and wait until all of it is gone: its last pod may still be writing."""
        if not found.is_deleting:
            logger.info(
                "tune: TrainJob %s is %s; starting it again, from its newest checkpoint",
                self._name,
                found.said,
            )
            self._api.again(f"deleting TrainJob {self._name}", lambda: self._delete_alone(found))
        end, wait = time.monotonic() + self._patience.gone_s, self._patience.first_wait_s
        while not self._is_gone(found):
            if time.monotonic() > end:
                raise ServiceError(
                    f"TrainJob {self._name} was deleted and is not gone after "
                    f"{self._patience.gone_s:.0f} s. Look at what holds it: kubectl describe "
                    f"trainjob {self._name} --namespace {self._api.namespace}"
                )
            self._api.pause(wait)
            wait = min(wait * 1.5, self._patience.longest_wait_s)

    def _delete_alone(self, found: JobState) -> None:
        """Delete a job, but not one that another task put in its place meanwhile."""
        try:
            self._api.delete(self._name, found.uid)
        except FAILURES as error:
            if code_of(error) != _CONFLICT:
                raise

    def _is_gone(self, found: JobState) -> bool:
        now = self._api.look(self._name)
        if now is None:
            return not self._api.any_pods(self._name)
        return now.uid != found.uid
