"""Which pipeline jobs the service takes."""

from __future__ import annotations

import re
from typing import Any

from tests.vertex.stand_in.labels import label_problem
from tests.vertex.stand_in.refusals import invalid

_JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")


def check_id(job_id: str) -> None:
    """Let ids of the right form through.

    Raises:
        RefusedError: It has another form.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise invalid(
            f"Invalid pipeline_job_id: {job_id}. It must match ^[a-z][-a-z0-9]{{0,127}}$."
        )


def check_job(job: dict[str, Any]) -> None:
    """Let a right job through.

    Raises:
        RefusedError: Its pipeline, its parameters or its labels are not right.
    """
    spec, runtime = job.get("pipelineSpec", {}), job.get("runtimeConfig", {})
    problem = (
        _spec_problem(spec)
        or _runtime_problem(spec, runtime)
        or label_problem(job.get("labels", {}))
    )
    if problem:
        raise invalid(problem)


def _spec_problem(spec: dict[str, Any]) -> str:
    if not spec:
        return "pipeline_job.pipeline_spec is required."
    if not str(spec.get("schemaVersion", "")).startswith("2."):
        return "Invalid pipeline spec: schemaVersion 2.0.0 or later is required."
    if not spec.get("pipelineInfo", {}).get("name"):
        return "Invalid pipeline spec: pipelineInfo.name is required."
    if not spec.get("root", {}).get("dag", {}).get("tasks"):
        return "Invalid pipeline spec: root.dag.tasks must not be empty."
    components = spec.get("components", {})
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    for name, component in components.items():
        if "dag" not in component and component.get("executorLabel") not in executors:
            return f"Invalid pipeline spec: the executor of component {name} is not found."
    for place in (spec["root"], *components.values()):
        for task, content in place.get("dag", {}).get("tasks", {}).items():
            if content.get("componentRef", {}).get("name") not in components:
                return f"Invalid pipeline spec: the component of task {task} is not found."
    return ""


def _runtime_problem(spec: dict[str, Any], runtime: dict[str, Any]) -> str:
    if not runtime.get("gcsOutputDirectory", "").startswith("gs://"):
        return "runtime_config.gcs_output_directory must be a Cloud Storage path: gs://bucket/path."
    inputs = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    given = runtime.get("parameterValues", {})
    if unknown := sorted(set(given) - set(inputs)):
        return f"Unknown runtime parameters: {', '.join(unknown)}."
    missing = [
        name
        for name, definition in inputs.items()
        if name not in given and "defaultValue" not in definition and not _optional(definition)
    ]
    if missing:
        return f"Missing runtime parameters: {', '.join(sorted(missing))}."
    return ""


def _optional(definition: dict[str, Any]) -> bool:
    return bool(definition.get("isOptional"))
