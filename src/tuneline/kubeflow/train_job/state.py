"""A TrainJob, its pods and their events, as the cluster shows them.

What is read is taken piece by piece and not by the SDK's models: they refuse answers of servers
that have a field more, and the SDK's own TrainJob has no message, reason or suspension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NODE = "node"
"""Name of the replicated job and of the container that tunes."""

_INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
_REPLICATED_JOB_LABEL = "jobset.sigs.k8s.io/replicatedjob-name"
_HARDLY_PASSING = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""Reasons for which a container does not start and that seldom pass by themselves."""

_ORDINARY = frozenset({"ContainerCreating", "PodInitializing", "Completed"})


@dataclass(frozen=True, slots=True)
class JobState:
    """A TrainJob.

    Attributes:
        phase: ``Created``, ``Suspended``, ``Complete`` or ``Failed``.
        reason: Why, in a word; empty where it is not said.
        message: Why, in a sentence.
        is_deleting: Whether it is about to go.
        uid: What tells it from a later job of the same name.
    """

    phase: str
    reason: str = ""
    message: str = ""
    is_deleting: bool = False
    uid: str = ""

    @property
    def said(self) -> str:
        """The phase with all that is said of it."""
        return ": ".join(part for part in (self.phase.lower(), self.reason, self.message) if part)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod does not work: a reason in a word, a sentence, and whether it hardly passes."""

    reason: str
    message: str
    hardly_passes: bool = False

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


@dataclass(frozen=True, slots=True)
class NodePod:
    """A pod of one node.

    Attributes:
        name: Of the pod.
        node: Which node it is, from 0.
        created: When it was made; text that sorts by time.
        has_started: Whether its program runs or ran.
        trouble: Why it does not work; None where nothing is known.
    """

    name: str
    node: int
    created: str
    has_started: bool
    trouble: Trouble | None


def job_state(job: Mapping[str, Any]) -> JobState:
    """Read a TrainJob."""
    metadata = _part(job, "metadata")
    is_deleting, uid = bool(metadata.get("deletionTimestamp")), str(metadata.get("uid", ""))
    conditions = _part(job, "status").get("conditions") or []
    true = {found.get("type"): found for found in conditions if found.get("status") == "True"}
    for phase in ("Complete", "Failed", "Suspended"):
        if found := true.get(phase):
            reason, message = str(found.get("reason", "")), str(found.get("message", ""))
            return JobState(phase, reason if reason != phase else "", message, is_deleting, uid)
    return JobState("Created", is_deleting=is_deleting, uid=uid)


def node_pods(pods: Iterable[Mapping[str, Any]]) -> list[NodePod]:
    """The pods that tune, by node; of one node's pods the newest alone."""
    newest: dict[int, NodePod] = {}
    for pod in pods:
        metadata = _part(pod, "metadata")
        labels = metadata.get("labels") or {}
        index = str(labels.get(_INDEX_LABEL, ""))
        if labels.get(_REPLICATED_JOB_LABEL) != NODE or not index.isdecimal():
            continue
        found = NodePod(
            name=str(metadata["name"]),
            node=int(index),
            created=str(metadata.get("creationTimestamp", "")),
            has_started=_has_started(pod),
            trouble=_trouble(pod),
        )
        before = newest.get(found.node)
        if before is None or (before.created, before.name) < (found.created, found.name):
            newest[found.node] = found
    return [newest[node] for node in sorted(newest)]


def warnings_of(name: str, events: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the cluster warned of about a job and all that was made for it, the newest last."""
    about = []
    for event in events:
        thing = str(_part(event, "involvedObject").get("name", ""))
        if event.get("type") == "Warning" and (thing == name or thing.startswith(f"{name}-")):
            when = str(event.get("lastTimestamp") or event.get("eventTime") or "")
            about.append((when, f"{thing}: {event.get('reason', '')}: {event.get('message', '')}"))
    return list(dict.fromkeys(text for _, text in sorted(about)))


def _has_started(pod: Mapping[str, Any]) -> bool:
    return any({"running", "terminated"} & _part(each, "state").keys() for each in _containers(pod))


def _trouble(pod: Mapping[str, Any]) -> Trouble | None:
    status = _part(pod, "status")
    for container in _containers(pod):
        state = _part(container, "state")
        for end in (state.get("terminated"), _part(container, "lastState").get("terminated")):
            if end and end.get("exitCode"):
                return _ended(end)
        waiting = state.get("waiting") or {}
        reason = str(waiting.get("reason", ""))
        if reason and reason not in _ORDINARY:
            return Trouble(reason, str(waiting.get("message", "")), reason in _HARDLY_PASSING)
    if status.get("reason"):  # Evicted, NodeLost and the like
        return Trouble(str(status["reason"]), str(status.get("message", "")))
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            reason = str(condition.get("reason", "Unschedulable"))
            return Trouble(reason, str(condition.get("message", "")))
    return None


def _ended(end: Mapping[str, Any]) -> Trouble:
    message = f"exit code {end['exitCode']}"
    if end.get("message"):
        message += f", {' '.join(str(end['message']).split())}"
    return Trouble(str(end.get("reason") or "Error"), message)


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = _part(pod, "status").get("containerStatuses") or []
    return [each for each in found if each.get("name") == NODE]


def _part(thing: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = thing.get(name) or {}
    return found
