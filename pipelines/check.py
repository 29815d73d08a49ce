"""Check a compiled pipeline more strictly than the services do before they accept it.

The spec is parsed as the protocol buffers that Kubeflow Pipelines and Vertex AI Pipelines share, in
which an unknown key is an error; then every reference in it is followed to what it names.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as proto

from tuneline.errors import ConfigurationError

_INPUT_IN_CONDITION = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
_PIP_INSTALL = re.compile(r"\bpip3?\s+install\b")
_SCHEMA_VERSION = re.compile(r"2\.\d+\.\d+")
# What the compiler adds to a task whose image or resources are pipeline parameters: inputs of these
# names, and one for each parameter, none of which its component declares.
_CHANNEL = "pipelinechannel--"
_KUBERNETES = "kubernetes"
_INJECTED = frozenset(
    {
        "base_image",
        "cpu_request",
        "cpu_limit",
        "memory_request",
        "memory_limit",
        "accelerator_type",
        "accelerator_count",
    }
)


@dataclass(frozen=True, slots=True)
class _Dag:
    """A component that is a graph of tasks, and the components that its tasks may name."""

    name: str
    owner: proto.ComponentSpec
    components: Mapping[str, proto.ComponentSpec]

    @property
    def tasks(self) -> Any:
        """Task specs by name."""
        return self.owner.dag.tasks

    def component_of(self, task: str) -> proto.ComponentSpec | None:
        """The component of a task; None where the task or the component does not exist."""
        if task not in self.tasks:
            return None
        return self.components.get(self.tasks[task].component_ref.name)


def require_valid(path: Path, *, portable: bool = True) -> None:
    """Raise unless `check_spec` finds nothing.

    Raises:
        ConfigurationError: Lists every problem.
    """
    problems = check_spec(path, portable=portable)
    if problems:
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])


def check_spec(path: Path, *, portable: bool = True) -> list[str]:
    """List what is wrong with a compiled pipeline; nothing where it is sound.

    Args:
        path: A ``.yaml`` or ``.json`` file. Further YAML documents are platform specs.
        portable: Whether the file must be a single document, as Vertex AI demands.
    """
    try:
        documents = _documents(path)
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [f"cannot be read as YAML or JSON: {error}"]
    if not documents or not all(isinstance(document, dict) for document in documents):
        return ["not a compiled pipeline: every document must be a mapping"]
    spec, platforms = documents[0], documents[1:]
    problems: list[str] = []
    if portable and platforms:
        problems.append(
            f"{len(documents)} documents, but a portable pipeline is a single one: compiled with a "
            "platform file of Kubeflow, it is for Kubeflow alone"
        )
    pipeline = _parsed(proto.PipelineSpec(), spec, problems)
    deployment = _parsed(proto.PipelineDeploymentConfig(), spec.get("deploymentSpec", {}), problems)
    if pipeline is not None and deployment is not None:
        problems.extend(_pipeline_problems(pipeline, deployment.executors))
        for platform in platforms:
            parsed = _parsed(proto.PlatformSpec(), platform, problems)
            if parsed is not None:
                problems.extend(_platform_problems(parsed, deployment.executors))
    return problems


def _documents(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    return [json.loads(text)] if path.suffix == ".json" else list(yaml.safe_load_all(text))


def _parsed(message: Any, content: Mapping[str, Any], problems: list[str]) -> Any:
    """Fill a message strictly; note the problem and return None where that fails."""
    try:
        return json_format.ParseDict(content, message)
    except (json_format.ParseError, TypeError, AttributeError) as error:
        problems.append(f"{message.DESCRIPTOR.name}: {error}")
        return None


def _pipeline_problems(pipeline: proto.PipelineSpec, executors: Mapping[str, Any]) -> Iterator[str]:
    if not pipeline.pipeline_info.name:
        yield "pipelineInfo.name: is missing"
    if not _SCHEMA_VERSION.fullmatch(pipeline.schema_version):
        yield f"schemaVersion: must be 2.x.y, not {pipeline.schema_version!r}"
    if not pipeline.root.dag.tasks:
        yield "root: has no tasks"
    for label, executor in executors.items():
        yield from _executor_problems(label, executor)
    components = pipeline.components
    for name, component in [("root", pipeline.root), *sorted(components.items())]:
        kind = component.WhichOneof("implementation")
        if kind == "dag":
            yield from _dag_problems(_Dag(name, component, components))
        elif kind is None:
            yield f"{name}: has neither an executorLabel nor a dag"
        elif component.executor_label not in executors:
            yield f"{name}: executorLabel: there is no executor {component.executor_label!r}"


def _executor_problems(label: str, executor: Any) -> Iterator[str]:
    kind = executor.WhichOneof("spec")
    if kind is None:
        yield f"deploymentSpec: executor {label!r} runs nothing"
    if kind != "container":
        return
    if not executor.container.image:
        yield f"deploymentSpec: executor {label!r} has no image"
    words = [*executor.container.command, *executor.container.args]
    if any(_PIP_INSTALL.search(word) for word in words):
        yield f"deploymentSpec: executor {label!r} runs pip; its image must hold what it needs"


def _platform_problems(platform: Any, executors: Mapping[str, Any]) -> Iterator[str]:
    for name, single in platform.platforms.items():
        if name != _KUBERNETES:
            yield f"platform {name}: is not known; the one of Kubeflow Pipelines is {_KUBERNETES}"
        for label, config in single.deployment_spec.executors.items():
            if label not in executors:
                yield f"platform {name}: there is no executor {label!r}"
            if name == _KUBERNETES:
                where = f"platform {name}: executor {label!r}"
                content = json_format.MessageToDict(config)
                yield from (f"{where}: {each}" for each in _pod_problems(content))


def _pod_problems(content: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the configuration of a task's pod."""
    try:
        from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
    except ImportError as error:
        yield f"cannot be checked without an extra: pip install 'tuneline[kubeflow]' ({error})"
        return
    problems: list[str] = []
    config = _parsed(kubernetes.KubernetesExecutorConfig(), content, problems)
    yield from problems
    if config is None:
        return
    volumes = [*config.empty_dir_mounts, *config.generic_ephemeral_volume]
    names = [volume.volume_name for volume in volumes]
    names += [mount.constant for mount in config.pvc_mount if mount.constant]
    names += [mount.secret_name for mount in config.secret_as_volume]
    mounted = [*volumes, *config.pvc_mount, *config.secret_as_volume, *config.config_map_as_volume]
    variables = [pair.env_var for env in config.secret_as_env for pair in env.key_to_env]
    for kind, values in (
        ("volume", names),
        ("mount path", [mount.mount_path for mount in mounted]),
        ("environment variable", variables),
    ):
        for value in sorted({each for each in values if values.count(each) > 1}):
            yield f"the {kind} {value!r} is given twice"


def _dag_problems(dag: _Dag) -> Iterator[str]:
    for name, task in sorted(dag.tasks.items()):
        where = f"{dag.name}: task {name!r}"
        for needed in task.dependent_tasks:
            if needed not in dag.tasks:
                yield f"{where}: depends on {needed!r}, which does not exist"
        component = dag.component_of(name)
        if component is None:
            yield f"{where}: there is no component {task.component_ref.name!r}"
            continue
        yield from _supply_problems(where, task, component)
        yield from _source_problems(dag, where, task)
        yield from _iterator_problems(where, task)
        for missing in _INPUT_IN_CONDITION.findall(task.trigger_policy.condition):
            if missing not in task.inputs.parameters:
                yield f"{where}: its condition names {missing!r}, which it is not given"
    yield from _output_problems(dag)


def _supply_problems(
    where: str, task: proto.PipelineTaskSpec, component: proto.ComponentSpec
) -> Iterator[str]:
    """Compare what a component needs with what its task gives."""
    items = {task.parameter_iterator.item_input, task.artifact_iterator.item_input}
    declared = component.input_definitions
    for kind, known, given in (
        ("parameter", declared.parameters, task.inputs.parameters),
        ("artifact", declared.artifacts, task.inputs.artifacts),
    ):
        for name, definition in sorted(known.items()):
            if name not in given and name not in items and not _may_be_left_out(definition):
                yield f"{where}: its {kind} {name!r} is required but not given"
        for name in sorted(set(given) - set(known) - _INJECTED):
            if not name.startswith(_CHANNEL):
                yield f"{where}: is given the {kind} {name!r}, which its component does not have"


def _may_be_left_out(definition: Any) -> bool:
    fields = definition.DESCRIPTOR.fields_by_name
    return definition.is_optional or (
        "default_value" in fields and definition.HasField("default_value")
    )


def _source_problems(dag: _Dag, where: str, task: proto.PipelineTaskSpec) -> Iterator[str]:
    """Follow each given input to the output or pipeline input that it comes from."""
    for name, given in sorted(task.inputs.parameters.items()):
        kind = given.WhichOneof("kind")
        place = f"{where}: parameter {name!r}"
        if kind is None:
            yield f"{place}: has no source"
        elif kind == "task_output_parameter":
            source = given.task_output_parameter
            yield from _missing_output(
                dag, place, "parameters", source.producer_task, source.output_parameter_key
            )
        elif kind == "task_final_status" and given.task_final_status.producer_task not in dag.tasks:
            yield f"{place}: there is no task {given.task_final_status.producer_task!r}"
        elif kind == "component_input_parameter":
            yield from _missing_input(dag, place, "parameters", given.component_input_parameter)
    for name, given in sorted(task.inputs.artifacts.items()):
        kind = given.WhichOneof("kind")
        place = f"{where}: artifact {name!r}"
        if kind is None:
            yield f"{place}: has no source"
        elif kind == "task_output_artifact":
            source = given.task_output_artifact
            yield from _missing_output(
                dag, place, "artifacts", source.producer_task, source.output_artifact_key
            )
        else:
            yield from _missing_input(dag, place, "artifacts", given.component_input_artifact)


def _missing_output(dag: _Dag, place: str, kind: str, task: str, key: str) -> Iterator[str]:
    component = dag.component_of(task)
    if task not in dag.tasks:
        yield f"{place}: comes from task {task!r}, which does not exist"
    elif component is not None and key not in getattr(component.output_definitions, kind):
        yield f"{place}: task {task!r} has no output {key!r} among its {kind}"


def _missing_input(dag: _Dag, place: str, kind: str, key: str) -> Iterator[str]:
    if key not in getattr(dag.owner.input_definitions, kind):
        yield f"{place}: {dag.name} has no input {key!r} among its {kind}"


def _iterator_problems(where: str, task: proto.PipelineTaskSpec) -> Iterator[str]:
    parameter = task.parameter_iterator.items.input_parameter
    artifact = task.artifact_iterator.items.input_artifact
    if parameter and parameter not in task.inputs.parameters:
        yield f"{where}: loops over {parameter!r}, which it is not given"
    if artifact and artifact not in task.inputs.artifacts:
        yield f"{where}: loops over {artifact!r}, which it is not given"


def _output_problems(dag: _Dag) -> Iterator[str]:
    """Follow the outputs of a graph to the tasks that make them."""
    outputs = dag.owner.dag.outputs
    declared = dag.owner.output_definitions
    for name, selected in sorted(outputs.artifacts.items()):
        place = f"{dag.name}: output {name!r}"
        if name not in declared.artifacts:
            yield f"{place}: is not declared"
        for selector in selected.artifact_selectors:
            yield from _missing_output(
                dag, place, "artifacts", selector.producer_subtask, selector.output_artifact_key
            )
    for name, selected in sorted(outputs.parameters.items()):
        place = f"{dag.name}: output {name!r}"
        if name not in declared.parameters:
            yield f"{place}: is not declared"
        single = selected.WhichOneof("kind") == "value_from_parameter"
        for selector in (
            [selected.value_from_parameter]
            if single
            else selected.value_from_oneof.parameter_selectors
        ):
            yield from _missing_output(
                dag, place, "parameters", selector.producer_subtask, selector.output_parameter_key
            )
    for kind in ("artifacts", "parameters"):
        for name in sorted(set(getattr(declared, kind)) - set(getattr(outputs, kind))):
            yield f"{dag.name}: output {name!r}: no task makes it"
