"""What the API server and Kubeflow Trainer refuse of a TrainJob, and the pods that they make of it.

Structure: the SDK's own models of the API, with nothing left over. Rules: those of the CRD and of
the admission webhook (kubeflow/trainer, trainjob_types.go and the JobSet and Torch plugins). Every
pod that would be made is held against the JSON schema of Kubernetes, strictly.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes_validate
from kubeflow_trainer_api import models
from pydantic import ValidationError

KUBERNETES = "1.34"
NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
RESERVED = {
    "PET_NNODES",
    "PET_NPROC_PER_NODE",
    "PET_NODE_RANK",
    "PET_MASTER_ADDR",
    "PET_MASTER_PORT",
}
PORT = 29500


def structure_problems(job: Mapping[str, Any]) -> Iterator[str]:
    """Fields that the API does not have, in the words of strict decoding."""
    try:
        read = models.TrainerV1alpha1TrainJob.from_dict(copy.deepcopy(dict(job)))
    except (ValidationError, ValueError) as error:
        yield f"json: cannot unmarshal: {error}"
        return
    yield from _unknown("", job, read.to_dict())


def _unknown(path: str, given: Any, known: Any) -> Iterator[str]:
    if isinstance(given, Mapping):
        for name, value in given.items():
            if not isinstance(known, Mapping) or name not in known:
                yield f'unknown field "{path}{name}"'
            else:
                yield from _unknown(f"{path}{name}.", value, known[name])
    elif isinstance(given, list):
        for one, other in zip(given, known, strict=True):
            yield from _unknown(path, one, other)
    elif given != known:
        yield f"{path}: {given!r} is read as {known!r}"


def rule_problems(job: Mapping[str, Any], runtime: Mapping[str, Any]) -> Iterator[str]:
    """What the CRD's rules and the webhook refuse."""
    name, spec = job["metadata"]["name"], job["spec"]
    if not NAME.fullmatch(name) or len(name) > 63:
        yield "metadata.name must match RFC 1035 DNS label format"
    jobs = {
        each["name"]: {
            c["name"] for c in each["template"]["spec"]["template"]["spec"]["containers"]
        }
        for each in runtime["spec"]["template"]["spec"]["replicatedJobs"]
    }
    managers = [patch["manager"] for patch in spec.get("runtimePatches", [])]
    yield from _duplicates("runtimePatches", managers)
    for patch in spec.get("runtimePatches", []):
        for replicated in patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]:
            yield from _patch_problems(replicated, jobs)
    environment = [entry["name"] for entry in spec["trainer"].get("env", [])]
    yield from _duplicates("spec.trainer.env", environment)
    if reserved := RESERVED & set(environment):
        yield f"spec.trainer.env: must not have reserved envs: {sorted(reserved)}"


def _patch_problems(replicated: Mapping[str, Any], jobs: Mapping[str, set[str]]) -> Iterator[str]:
    if replicated["name"] not in jobs:
        yield "runtimePatches: must not have job that doesn't exist in the runtime job template"
        return
    pod = _pod_spec(replicated)
    for container in pod.get("containers", []):
        if container["name"] not in jobs[replicated["name"]]:
            yield "runtimePatches: must not have container that doesn't exist in the runtime job"
        if container.get("env"):
            yield "runtimePatches: must not have envs for the node container"
    yield from _duplicates("volumes", [volume["name"] for volume in pod.get("volumes", [])])


def _pod_spec(replicated: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = replicated["template"]["spec"]["template"]["spec"]
    return found


def _duplicates(where: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f'{where}: Duplicate value: "{name}"'


def pod_of(job: Mapping[str, Any], runtime: Mapping[str, Any], node: int) -> dict[str, Any]:
    """The pod that a TrainJob's controllers make for one node."""
    name, trainer = job["metadata"]["name"], job["spec"]["trainer"]
    (replicated,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    spec = copy.deepcopy(_pod_spec(replicated))
    (container,) = spec["containers"]
    metadata: dict[str, Any] = {"labels": {}, "annotations": {}}
    for patch in job["spec"].get("runtimePatches", []):
        (each,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
        template = copy.deepcopy(each["template"]["spec"]["template"])
        for kind, values in template.get("metadata", {}).items():
            metadata[kind].update(values)
        for patched in template["spec"].pop("containers", []):
            container.setdefault("volumeMounts", []).extend(patched.get("volumeMounts", []))
        spec |= template["spec"]
    container |= {"image": trainer["image"], "command": trainer["command"]}
    if "resourcesPerNode" in trainer:
        container["resources"] = trainer["resourcesPerNode"]
    container["env"] = [*trainer.get("env", []), *torch_environment(job)]
    container["ports"] = [{"containerPort": PORT}]
    metadata["labels"] |= {
        "jobset.sigs.k8s.io/jobset-name": name,
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
        "batch.kubernetes.io/job-completion-index": str(node),
    }
    metadata |= {"name": f"{name}-node-0-{node}-x{node}z9q", "namespace": "team"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def torch_environment(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the Torch plugin sets."""
    name, trainer = job["metadata"]["name"], job["spec"]["trainer"]
    rank = {
        "fieldRef": {
            "fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"
        }
    }
    return [
        {"name": "PET_NNODES", "value": str(trainer.get("numNodes", 1))},
        {"name": "PET_NPROC_PER_NODE", "value": str(trainer.get("numProcPerNode", "auto"))},
        {"name": "PET_NODE_RANK", "valueFrom": rank},
        {"name": "PET_MASTER_ADDR", "value": f"{name}-node-0-0.{name}"},
        {"name": "PET_MASTER_PORT", "value": str(PORT)},
    ]


def pod_problems(pod: Mapping[str, Any]) -> Iterator[str]:
    """What Kubernetes refuses of a pod."""
    try:
        kubernetes_validate.validate(copy.deepcopy(pod), KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    (container,) = pod["spec"]["containers"]
    volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
    mounts = container.get("volumeMounts", [])
    for mount in mounts:
        if mount["name"] not in volumes:
            yield f"volumeMounts: Not found: {mount['name']}"
    yield from _duplicates("mountPath", [mount["mountPath"] for mount in mounts])
    if len(pod["metadata"]["name"]) > 63:
        yield "metadata.name: must be no more than 63 characters"
