"""Requests to the cluster: what changes nothing is sent until it is answered."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

from kubeflow.trainer.constants import constants
from kubernetes import client

from tuneline.errors import ConfigurationError, StoppedError
from tuneline.kubeflow.train_job.connection import connected
from tuneline.kubeflow.train_job.failures import (
    FAILURES,
    BrokenAnswerError,
    is_missing_object,
    no_answer,
    passes,
    refusal,
    said,
    wait_s,
)
from tuneline.kubeflow.train_job.state import (
    JobState,
    NodePod,
    job_state,
    node_pods,
    warnings_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.kubeflow.train_job.settings import Patience
    from tuneline.stop import StopRequest

logger = logging.getLogger("tuneline")

Answer = TypeVar("Answer")


class TrainJobApi:
    """TrainJobs of this task's namespace, and what is made for them.

    Args:
        patience: How long failures that pass are ridden out.
        stop: Ends every wait.

    Raises:
        ConfigurationError: It is not said where the cluster is, or which namespace.
    """

    def __init__(self, patience: Patience, stop: StopRequest) -> None:
        self._backend = connected()
        self._patience = patience
        self._stop = stop
        self._answered = False
        self.core: Any = self._backend.core_api
        self.namespace: str = self._backend.namespace

    def runtime_kind(self, name: str) -> str:
        """Find what jobs are built on: a runtime of the namespace, else of the cluster.

        Read here, since the SDK refuses runtimes with devices that it does not know.

        Returns:
            Its kind.

        Raises:
            ConfigurationError: There is none, it may not be read, or its nodes are not told of each
                other as torchrun's are.
            ServiceError: The server does not answer.
            StoppedError: A signal asked to stop.
        """
        doing = f"training_runtime {name}"
        runtime = self.again(doing, lambda: self._runtime(name))
        policy = runtime.get("spec", {}).get("mlPolicy") or {}
        if policy.get("torch") is None:
            found = ", ".join(sorted(set(policy) - {"numNodes"})) or "none"
            raise ConfigurationError(
                f"{doing}: its nodes are not told of each other as torchrun's are (its policy is "
                f"{found}). Name one with mlPolicy.torch, such as torch-distributed."
            )
        return str(runtime["kind"])

    def create(self, job: Any) -> None:
        """Ask once for a job, and fail as the client does.

        Fields that the server does not know are refused: it would leave the volumes out.
        """
        self._backend.custom_api.create_namespaced_custom_object(
            constants.GROUP,
            constants.VERSION,
            self.namespace,
            constants.TRAINJOB_PLURAL,
            job.to_dict(),
            field_validation="Strict",
        )

    def look(self, name: str) -> JobState | None:
        """A job as it is now; None where there is none.

        Raises:
            ConfigurationError: It may not be read, or the cluster knows no TrainJobs.
            ServiceError: The server does not answer.
            StoppedError: A signal asked to stop.
        """
        return self.again(f"TrainJob {name}", lambda: self._look(name))

    def pods(self, name: str) -> list[NodePod]:
        """The newest pod of each node of a job; raises as `look` does."""
        return node_pods(self.again(f"pods of {name}", lambda: self._pods(name)))

    def any_pods(self, name: str) -> bool:
        """Whether any pod of a job is left; raises as `look` does."""
        return bool(self.again(f"pods of {name}", lambda: self._pods(name)))

    def warnings(self, name: str) -> list[str]:
        """What the cluster warned of about a job, the newest last; asked once.

        It explains a failure that is told anyway: where it may not be read, that is said instead.
        """
        try:
            answer = self.core.list_namespaced_event(
                self.namespace, field_selector="type=Warning", _preload_content=False
            )
            found = _mapping(answer)
        except FAILURES as error:
            return [f"events cannot be read: {said(error)}"]
        return warnings_of(name, found.get("items") or [])

    def delete(self, name: str, uid: str = "") -> bool:
        """Ask once for a job's deletion, and fail as the client does.

        Args:
            name: Of the job.
            uid: Delete that job alone, and no later one of the same name; empty: whichever it is.

        Returns:
            Whether it was there.
        """
        only = client.V1Preconditions(uid=uid) if uid else None
        try:
            self._backend.custom_api.delete_namespaced_custom_object(
                constants.GROUP,
                constants.VERSION,
                self.namespace,
                constants.TRAINJOB_PLURAL,
                name,
                body=client.V1DeleteOptions(preconditions=only),
            )
        except FAILURES as error:
            if is_missing_object(error):
                return False
            raise
        return True

    def again(self, doing: str, function: Callable[[], Answer]) -> Answer:
        """Call what may be called twice, until it is answered.

        Raises:
            ConfigurationError: The server refuses.
            ServiceError: It does not answer.
            StoppedError: A signal asked to stop.
        """
        end, attempt = time.monotonic() + self._patience.failing_s, 0
        while True:
            try:
                answer = function()
            except FAILURES as error:
                attempt += 1
                if not passes(error, answered=self._answered):
                    raise refusal(doing, error) from error
                wait = wait_s(error, attempt, self._patience)
                if time.monotonic() + wait > end:
                    raise no_answer(doing, error, self._patience.failing_s) from error
                logger.info("tune: %s: %s; again in %.1f s", doing, said(error), wait)
                self.pause(wait)
            else:
                self._answered = True
                return answer

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: A signal asked to stop.
        """
        self._stop.sleep(seconds)
        if self._stop:
            raise StoppedError("Asked to stop.", self._stop.signal)

    def _runtime(self, name: str) -> dict[str, Any]:
        at = (constants.GROUP, constants.VERSION)
        api = self._backend.custom_api
        try:
            plural = constants.TRAINING_RUNTIME_PLURAL
            answer = api.get_namespaced_custom_object(
                *at, self.namespace, plural, name, _preload_content=False
            )
        except FAILURES as error:
            if not is_missing_object(error):
                raise
            plural = constants.CLUSTER_TRAINING_RUNTIME_PLURAL
            answer = api.get_cluster_custom_object(*at, plural, name, _preload_content=False)
        return _mapping(answer)

    def _look(self, name: str) -> JobState | None:
        try:
            answer = self._backend.custom_api.get_namespaced_custom_object(
                constants.GROUP,
                constants.VERSION,
                self.namespace,
                constants.TRAINJOB_PLURAL,
                name,
                _preload_content=False,
            )
        except FAILURES as error:
            if is_missing_object(error):
                return None
            raise
        return job_state(_mapping(answer))

    def _pods(self, name: str) -> list[Any]:
        answer = self.core.list_namespaced_pod(
            self.namespace,
            label_selector=f"{constants.JOBSET_NAME_LABEL}={name}",
            _preload_content=False,
        )
        found: list[Any] = _mapping(answer).get("items") or []
        return found


def _mapping(response: Any) -> dict[str, Any]:
    """The JSON object of an answer."""
    try:
        found = json.loads(response.data)
    except ValueError as error:
        raise BrokenAnswerError("the answer is no JSON") from error
    finally:
        response.release_conn()
    if not isinstance(found, dict):
        raise BrokenAnswerError("the answer is no JSON object")
    return found
