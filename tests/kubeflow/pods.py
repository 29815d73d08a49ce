"""The pods that Kubeflow Pipelines makes of a spec's tasks, and what Kubernetes says of them.

Made as the driver does (kubeflow/pipelines, backend/src/v2/driver: driver.go for the resources,
k8s.go for what the platform document says); structure by Kubernetes' own JSON schema, and the rules
on names that the schema does not have.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as proto

_KUBERNETES = "1.34"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

_Json = dict[str, Any]


def pods_of(path: Path) -> dict[str, _Json]:
    """The pod of every task by its executor's label, each accepted by Kubernetes."""
    content, *platforms = yaml.safe_load_all(path.read_text())
    configured: _Json = {}
    for platform in platforms:
        kubernetes = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        configured.update(kubernetes)
    executors = content["deploymentSpec"]["executors"]
    assert configured.keys() <= executors.keys()
    pods = {
        label: _pod(executor["container"], configured.get(label, {}))
        for label, executor in executors.items()
    }
    for label, pod in pods.items():
        assert list(problems(pod)) == [], label
    return pods


def problems(pod: _Json) -> Iterator[str]:
    """What Kubernetes would refuse."""
    try:
        kubernetes_validate.validate(pod, _KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{list(error.path)}: {error.message}"
    container = pod["spec"]["containers"][0]
    for things, name in (
        (pod["spec"]["volumes"], "name"),
        (container["volumeMounts"], "mountPath"),
        (container["env"], "name"),
    ):
        values = [each[name] for each in things]
        if len(set(values)) < len(values):
            yield f"{name} is not unique: {values}"
    names = [each["name"] for each in pod["spec"]["volumes"]]
    yield from (f"volume {name!r} is no DNS label" for name in names if not _LABEL.fullmatch(name))
    for kind, asked in container["resources"]["requests"].items():
        if container["resources"]["limits"].get(kind) != asked:
            yield f"{kind}: the request is not the limit"


def _pod(container: _Json, content: _Json) -> _Json:
    config = json_format.ParseDict(content, proto.KubernetesExecutorConfig())
    main = {
        "name": "main",
        "image": container["image"],
        "command": container["command"],
        "args": container["args"],
        "env": [*container.get("env", []), *_secrets(config), *_fields(config)],
        "resources": _resources(container.get("resources", {})),
        "volumeMounts": list(_mounts(config)),
    }
    if config.image_pull_policy:
        main["imagePullPolicy"] = config.image_pull_policy
    spec: _Json = {"containers": [main], "volumes": list(_volumes(config))}
    if config.HasField("node_selector"):
        spec["nodeSelector"] = dict(config.node_selector.labels)
    if config.tolerations:
        spec["tolerations"] = [_toleration(each) for each in config.tolerations]
    if config.image_pull_secret:
        spec["imagePullSecrets"] = [
            {"name": _named(each.secret_name_parameter)} for each in config.image_pull_secret
        ]
    metadata = {"name": "task", "labels": dict(config.pod_metadata.labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _named(parameter: Any) -> str:
    """A name that is fixed when a pipeline is compiled."""
    assert parameter.WhichOneof("kind") == "runtime_value"
    return str(parameter.runtime_value.constant.string_value)


def _resources(resources: Mapping[str, Any]) -> _Json:
    requests = {
        "cpu": resources.get("resourceCpuRequest"),
        "memory": resources.get("resourceMemoryRequest"),
    }
    limits = {
        "cpu": resources.get("resourceCpuLimit"),
        "memory": resources.get("resourceMemoryLimit"),
    }
    if accelerator := resources.get("accelerator"):
        limits[accelerator["resourceType"]] = accelerator["resourceCount"]
    return {
        "requests": {name: value for name, value in requests.items() if value},
        "limits": {name: value for name, value in limits.items() if value},
    }


def _secrets(config: Any) -> Iterator[_Json]:
    for secret in config.secret_as_env:
        for pair in secret.key_to_env:
            reference = {
                "name": _named(secret.secret_name_parameter),
                "key": pair.secret_key,
                "optional": secret.optional,
            }
            yield {"name": pair.env_var, "valueFrom": {"secretKeyRef": reference}}


def _fields(config: Any) -> Iterator[_Json]:
    for field in config.field_path_as_env:
        reference = {"fieldPath": field.field_path}
        yield {"name": field.name, "valueFrom": {"fieldRef": reference}}


def _mounts(config: Any) -> Iterator[_Json]:
    for claim in config.pvc_mount:
        name = _named(claim.pvc_name_parameter)
        yield {"name": name, "mountPath": claim.mount_path, "subPath": claim.sub_path}
    for folder in config.empty_dir_mounts:
        yield {"name": folder.volume_name, "mountPath": folder.mount_path}


def _volumes(config: Any) -> Iterator[_Json]:
    for claim in config.pvc_mount:
        name = _named(claim.pvc_name_parameter)
        yield {"name": name, "persistentVolumeClaim": {"claimName": name}}
    for folder in config.empty_dir_mounts:
        source = {"medium": folder.medium, "sizeLimit": folder.size_limit}
        yield {"name": folder.volume_name, "emptyDir": source}


def _toleration(toleration: Any) -> _Json:
    fields = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
    }
    content: _Json = {name: value for name, value in fields.items() if value}
    if toleration.HasField("toleration_seconds"):
        content["tolerationSeconds"] = toleration.toleration_seconds
    return content
