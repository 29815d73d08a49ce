"""Specs that come with runs: checked as the service's compiler does, and the tasks they make."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2 as proto

from tests.kubeflow.stand_in.refusals import invalid

_Json = dict[str, Any]


def check_spec(spec: Any) -> _Json:
    """The pipeline's own document out of what a run gives.

    Raises:
        RefusedError: It is none, or its platform document is none.
    """
    if not isinstance(spec, dict) or not spec:
        raise invalid("Pipeline spec is missing")
    content = spec
    if "pipeline_spec" in spec:
        if set(spec) != {"pipeline_spec", "platform_spec"}:
            raise invalid(f"unknown documents {sorted(spec)}")
        content = spec["pipeline_spec"]
        _check_platform(spec["platform_spec"], content)
    _parse(content, proto.PipelineSpec())
    return content


def check_parameters(content: _Json, given: _Json) -> None:
    """Refuse parameters that the pipeline has not, and a run without one that it needs."""
    known = content["root"].get("inputDefinitions", {}).get("parameters", {})
    for name in given:
        if name not in known:
            raise invalid(f"parameter {name} is not found in the pipeline's inputs")
    for name, definition in known.items():
        may_miss = definition.get("isOptional") or "defaultValue" in definition
        if name not in given and not may_miss:
            raise invalid(f"required input parameter {name} is not provided")


def task_details(
    content: _Json, state: str, failing: tuple[str, str] | None, place: str
) -> list[_Json]:
    """The nodes of a run's workflow: the engine's own beside those of tasks.

    Args:
        content: The spec.
        state: Of the run.
        failing: The task that fails when the run does, and its message.
        place: Where the message is.
    """
    nodes = [_node("root", state)]
    for name in _tasks(content):
        failed = state == "FAILED" and failing is not None and failing[0] == name
        own = "FAILED" if failed else "SUCCEEDED" if state in ("FAILED", "SUCCEEDED") else state
        nodes.append(_node(f"{name}-driver", "SUCCEEDED" if own != "PENDING" else own))
        task = _node(name, own)
        executor = _node("executor", own) | {"parent_task_id": task["task_id"]}
        if failed and failing:
            error = {"code": 2, "message": failing[1]}
            if place == "task":
                task["error"] = error
            elif place == "history":
                task["state_history"] = [{"state": "RUNNING"}, {"state": "FAILED", "error": error}]
            elif place == "executor":
                executor["error"] = error
        nodes += [task, executor]
    return nodes


def _tasks(content: _Json) -> list[str]:
    graphs = [content["root"], *content["components"].values()]
    components = content["components"]
    return [
        name
        for graph in graphs
        for name, task in graph.get("dag", {}).get("tasks", {}).items()
        if "executorLabel" in components[task["componentRef"]["name"]]
    ]


def _node(name: str, state: str) -> _Json:
    return {"display_name": name, "task_id": f"id-of-{name}", "state": state}


def _check_platform(platform: _Json, content: _Json) -> None:
    parsed = _parse(platform, proto.PlatformSpec())
    for name, single in parsed.platforms.items():
        if name != "kubernetes":
            raise invalid(f"platform {name} is not supported")
        for label, config in single.deployment_spec.executors.items():
            if label not in content["deploymentSpec"]["executors"]:
                raise invalid(f"no executor {label}")
            _parse(json_format.MessageToDict(config), kubernetes.KubernetesExecutorConfig())


def _parse(content: Any, message: Any) -> Any:
    try:
        return json_format.ParseDict(content, message)
    except json_format.ParseError as error:
        raise invalid(f"Failed to parse the {message.DESCRIPTOR.name}: {error}") from error
