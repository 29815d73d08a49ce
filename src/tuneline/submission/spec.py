"""A compiled pipeline as a service takes it, and what its content says of the run."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tuneline.errors import ConfigurationError
from tuneline.pipelines.check import require_valid
from tuneline.pipelines.compile import compile_pipeline
from tuneline.pipelines.platform import Platform
from tuneline.settings import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Spec:
    """A pipeline's spec as a mapping, checked.

    Attributes:
        content: The portable spec.
        platform: What only the platform of the target reads; empty: nothing.
    """

    content: dict[str, Any]
    platform: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.content["pipelineInfo"]["name"])

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """Definitions of the parameters by name."""
        definitions = self.content["root"].get("inputDefinitions", {})
        return dict(definitions.get("parameters", {}))

    @property
    def defaults(self) -> dict[str, Any]:
        """Values of the parameters that need not be given."""
        return {
            name: definition["defaultValue"]
            for name, definition in self.inputs.items()
            if "defaultValue" in definition
        }

    def without_cache(self) -> Spec:
        """The same pipeline, with every task run anew."""
        content = json.loads(json.dumps(self.content))
        for component in (content["root"], *content["components"].values()):
            for task in component.get("dag", {}).get("tasks", {}).values():
                task["cachingOptions"] = {"enableCache": False}
        return Spec(content, self.platform)

    def missing(self, parameters: Mapping[str, Any]) -> list[str]:
        """Parameters that must be given and are not."""
        return [
            name
            for name, definition in self.inputs.items()
            if name not in parameters
            and name not in self.defaults
            and not definition.get("isOptional")
        ]

    def problems(self, parameters: Mapping[str, Any]) -> list[str]:
        """What does not fit: parameters that the pipeline has not, and those that are missing."""
        return [
            *(
                f"{name}: pipeline {self.name} has no such parameter."
                f"{suggestion(name, self.inputs)}"
                for name in parameters
                if name not in self.inputs
            ),
            *(
                f"{name}: pipeline {self.name} needs this parameter. Give -p {name}=VALUE."
                for name in self.missing(parameters)
            ),
        ]


def compiled_or_loaded(pipeline: str, platform: Platform) -> Spec:
    """Compile a pipeline, or load a spec that was compiled before.

    Args:
        pipeline: A pipeline's name, or a spec's file.
        platform: Choices to compile with; a compiled spec has its own.

    Raises:
        ConfigurationError: There is no such pipeline or file, the spec does not pass the check or
            is for another target, or choices are given that a compiled spec cannot take.
    """
    path = Path(pipeline)
    if path.suffix not in SUFFIXES:
        with tempfile.TemporaryDirectory() as folder:
            compiled = Path(folder) / "spec.yaml"
            compile_pipeline(pipeline, platform, compiled)
            return _read(compiled)
    if platform != Platform(target=platform.target):
        raise ConfigurationError(
            f"{path}: is compiled; accelerators, machines and the platform file are chosen when it "
            f"is: tuneline compile PIPELINE --target {platform.target} ..."
        )
    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no such spec.")
    require_valid(path, portable=platform.target != "kubeflow")
    spec = _read(path)
    if problems := list(_of_another_target(spec.content, platform.target)):
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])
    return spec


def _read(path: Path) -> Spec:
    # YAML is a superset of JSON.
    content, *platforms = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return Spec(content, platforms[0] if platforms else {})


def _of_another_target(content: Mapping[str, Any], target: str) -> Iterator[str]:
    """What only another target understands: names of devices, jobs of its own."""
    again = f"Compile it with --target {target}."
    for label, executor in content["deploymentSpec"]["executors"].items():
        resources = executor.get("container", {}).get("resources", {})
        device = resources.get("accelerator", {}).get("resourceType", "")
        # Kubernetes' names of devices have a domain, and those of Vertex AI have none.
        if device and ("/" in device) != (target == "kubeflow"):
            yield f"{label}: {device!r} is no device that {target} knows. {again}"
    for task in working_tasks(content):
        parameters = task.component.get("inputDefinitions", {}).get("parameters", {})
        if target == "kubeflow" and "worker_pool_specs" in parameters:
            yield f"task {task.name!r} is a custom job of Vertex AI. {again}"
        if target == "vertex" and task.component["executorLabel"] == "exec-tune-by-train-job":
            yield f"task {task.name!r} starts a TrainJob of Kubeflow. {again}"


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a graph: its name, the title that people read, and its component."""

    name: str
    title: str
    component: dict[str, Any]


def working_tasks(content: Mapping[str, Any]) -> Iterator[Task]:
    """The tasks that run something; those that are graphs themselves are left out."""
    components = content["components"]
    for graph in (content["root"], *components.values()):
        for name, task in graph.get("dag", {}).get("tasks", {}).items():
            component = components[task["componentRef"]["name"]]
            if "executorLabel" in component:
                yield Task(name, task.get("taskInfo", {}).get("name", name), component)
