"""Follows a job to its end: its state and its nodes by looking, its log by a stream."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from tuneline.errors import ServiceError, StoppedError
from tuneline.kubeflow.train_job.log import NodeLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.kubeflow.train_job.api import TrainJobApi
    from tuneline.kubeflow.train_job.settings import TrainJobSettings
    from tuneline.kubeflow.train_job.state import JobState, NodePod

logger = logging.getLogger("tuneline")

_GROWTH = 1.5
_LAST_LINES_S = 10.0
"""Longest wait for the rest of a log whose pod writes no more."""

_WARNINGS = 3
"""How many of the cluster's warnings an error quotes."""


class GoneError(ServiceError):
    """A job that was followed is not there any more."""


class HopelessError(ServiceError):
    """A job that goes on, and is not waited for any longer."""


class Follower:
    """Waits for the end of one job.

    Args:
        api: The way to the cluster.
        name: Of the job.
        settings: How many nodes it has, and how long to wait.
        renew: Called at every look: tells the nodes that they are followed.
    """

    def __init__(
        self,
        api: TrainJobApi,
        name: str,
        settings: TrainJobSettings,
        renew: Callable[[], None],
    ) -> None:
        self._api = api
        self._name = name
        self._settings = settings
        self._renew = renew
        self._log: NodeLog | None = None
        self._ended = False
        self._told = ""
        self._troubles: dict[int, str] = {}
        self._waiting_since = 0.0
        self._stuck_since = 0.0

    def to_its_end(self) -> None:
        """Return when the job is complete.

        Where a signal asks to stop, the log is left open: the job is to be deleted first, for this
        task may be killed at any moment. `close` ends it.

        Raises:
            ConfigurationError: The job may not be read any more.
            GoneError: Somebody deleted it.
            HopelessError: Its nodes do not start; it is still there.
            ServiceError: It failed, with what its nodes said; or the server does not answer.
            StoppedError: A signal asked to stop; the job is still there.
        """
        self._waiting_since = time.monotonic()
        try:
            self._follow()
        except (StoppedError, KeyboardInterrupt):
            raise
        except BaseException:
            self.close()
            raise
        self.close()

    def close(self) -> None:
        """Tell what is left of the log, and stop reading it."""
        if self._log:
            self._log.finish(_LAST_LINES_S if self._ended else 0.0)
            self._log = None

    def _follow(self) -> None:
        wait = self._settings.first_wait_s
        while True:
            self._renew()
            job = self._api.look(self._name)
            if job is None or job.is_deleting:
                raise GoneError(f"TrainJob {self._name} was deleted while it was followed.")
            pods = self._api.pods(self._name)
            changed = self._tell(job, pods)
            self._ended = job.phase in ("Complete", "Failed")
            if job.phase == "Complete":
                return
            if job.phase == "Failed":
                raise ServiceError(self._last_word(f"TrainJob {self._name} {job.said}"))
            self._require_hope(job, pods)
            wait = self._settings.first_wait_s if changed else wait * _GROWTH
            wait = min(wait, self._settings.longest_wait_s)
            self._api.pause(wait)

    def _tell(self, job: JobState, pods: list[NodePod]) -> bool:
        """Tell what is new; whether anything is."""
        started = sum(pod.has_started for pod in pods)
        line = f"{job.said}, {started} of {self._settings.cluster.nodes} nodes started"
        changed = line != self._told
        if changed:
            self._told = line
            logger.info("tune: TrainJob %s: %s", self._name, line)
        for pod in pods:
            trouble = str(pod.trouble) if pod.trouble else ""
            if not trouble:  # an old one would be told as the cause of a later failure
                self._troubles.pop(pod.node, None)
            elif self._troubles.get(pod.node) != trouble:
                changed = True
                self._troubles[pod.node] = trouble
                logger.warning("tune: node %d (%s): %s", pod.node, pod.name, trouble)
            if pod.node == 0 and pod.has_started:
                self._read_log_of(pod.name)
        return changed

    def _read_log_of(self, pod: str) -> None:
        if self._log and self._log.pod == pod:
            return
        if self._log:  # the node was started again, in another pod
            self._log.finish(_LAST_LINES_S)
        self._log = NodeLog(self._api, pod)

    def _require_hope(self, job: JobState, pods: list[NodePod]) -> None:
        """Give up on nodes that do not start, at first or after they were taken away."""
        now = time.monotonic()
        is_stuck = any(pod.trouble and pod.trouble.hardly_passes for pod in pods)
        self._stuck_since = (self._stuck_since or now) if is_stuck else 0.0
        if is_stuck and now - self._stuck_since > self._settings.stuck_s:
            minutes = self._settings.stuck_s / 60
            raise HopelessError(
                self._last_word(f"TrainJob {self._name}: nodes did not start in {minutes:.0f} min")
            )
        if job.phase != "Suspended" and self._all_work(pods):
            self._waiting_since = now
        hours = self._settings.max_wait_hours
        if hours and now - self._waiting_since > hours * 3600:
            what = f"{job.said}; not at work after {hours:g} hours (max_wait_hours)"
            raise HopelessError(self._last_word(f"TrainJob {self._name}: {what}"))

    def _all_work(self, pods: list[NodePod]) -> bool:
        nodes = self._settings.cluster.nodes
        return len(pods) == nodes and all(pod.has_started for pod in pods)

    def _last_word(self, what: str) -> str:
        """What happened, with what the nodes and the cluster said."""
        nodes = [f"node {node}: {said}" for node, said in sorted(self._troubles.items())]
        warnings = self._api.warnings(self._name)[-_WARNINGS:]
        return "\n  ".join([what, *nodes, *warnings])
