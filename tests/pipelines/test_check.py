"""The spec checker: silent about what KFP compiles, and not about what somebody broke in it."""

# KFP's decorators have no types, and it reads annotations in its own way.
# mypy: disable-error-code="untyped-decorator, type-arg, valid-type, no-any-return"

import copy
import json
import re
import sys
from collections.abc import Callable
from typing import Any, List, NamedTuple  # noqa: UP035 - KFP wants an artifact list spelled this way

import pytest
import yaml
from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Output

from tuneline.errors import ConfigurationError
from tuneline.pipelines.check import check_spec, require_valid

bare = {"base_image": "python:3.11", "install_kfp_package": False}


@dsl.component(**bare)
def make(out: Output[Dataset], rows: int, note: str = "") -> str:
    return note


@dsl.component(**bare)
def use(data: Input[Dataset], share: float = 1.0) -> NamedTuple("Used", good=str, items=list):
    return ("yes", [])


@dsl.component(**bare)
def join(texts: list) -> str:
    return ""


@dsl.component(**bare)
def join_files(files: Input[List[Dataset]]) -> str:  # noqa: UP006
    return ""


@dsl.component(**bare)
def numbers() -> list:
    return [1]


@dsl.component(**bare)
def closing(status: dsl.PipelineTaskFinalStatus, note: str = ""):
    return


@dsl.pipeline(name="inner")
def inner(rows: int, note: str = "x") -> Dataset:
    made = make(rows=rows, note=note)
    with dsl.If(note == "x"):
        use(data=made.outputs["out"])
    return made.outputs["out"]


@dsl.pipeline(name="gated")
def gated(rows: int, note: str = "x") -> str:
    first = make(rows=rows)
    nested = inner(rows=rows, note=note)
    used = use(data=nested.output)
    with dsl.If(used.outputs["good"] == "yes", name="gate"):
        make(rows=rows, note=first.outputs["Output"])
    return used.outputs["good"]


@dsl.pipeline(name="branches")
def branches(texts: list, note: str = "a", image: str = "python:3.11", cpu: str = "1") -> str:
    with dsl.ExitHandler(closing(note=note)):
        make(rows=3)
    imported = dsl.importer(artifact_uri=note, artifact_class=Dataset, metadata={"note": note})
    use(data=imported.output).set_container_image(image).set_cpu_limit(cpu)
    with dsl.If(note == "a"):
        first = join(texts=texts)
    with dsl.Elif(note == "b"):
        second = join(texts=["b"])
    with dsl.Else():
        third = join(texts=["c"])
    return dsl.OneOf(first.output, second.output, third.output)


@dsl.pipeline(name="loops")
def loops(texts: list):
    with dsl.ParallelFor(numbers().output, parallelism=1) as number:
        made = make(rows=number)
        with dsl.ParallelFor(["a", "b"]) as letter:
            make(rows=number, note=letter)
    join_files(files=dsl.Collected(made.outputs["out"]))
    with dsl.ParallelFor(texts) as text:
        noted = make(rows=1, note=text)
    join(texts=dsl.Collected(noted.outputs["Output"]))


@dsl.pipeline(
    name="platform",
    pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Gi")),
)
def with_platform():
    make(rows=1)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """The compiled pipeline that every mutation starts from."""
    path = tmp_path_factory.mktemp("spec") / "gated.yaml"
    compiler.Compiler().compile(gated, str(path))
    return yaml.safe_load(path.read_text())


@pytest.fixture
def problems_of(tmp_path):
    """Check a spec that is given as a mapping."""

    def check(*documents, **options):
        path = tmp_path / "spec.yaml"
        path.write_text(yaml.safe_dump_all(documents))
        return check_spec(path, **options)

    return check


@pytest.mark.parametrize("pipeline", [inner, gated, branches, loops], ids=lambda it: it.name)
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_what_kfp_compiles_is_clean(tmp_path, pipeline, suffix):
    path = tmp_path / f"spec{suffix}"
    compiler.Compiler().compile(pipeline, str(path))
    assert check_spec(path) == []
    require_valid(path)


def test_platform_document_is_for_platforms_alone(tmp_path):
    path = tmp_path / "spec.yaml"
    compiler.Compiler().compile(with_platform, str(path))
    assert check_spec(path, portable=False) == []
    assert check_spec(path) == [
        (
            "2 documents, but a portable pipeline is a single one: compiled with a platform file "
            "of Kubeflow, it is for Kubeflow alone"
        )
    ]


def gated_task(spec: dict[str, Any]) -> Any:
    """The task inside the condition."""
    return spec["components"]["comp-condition-1"]["dag"]["tasks"]["make-2"]


def root_tasks(spec: dict[str, Any]) -> Any:
    return spec["root"]["dag"]["tasks"]


def container(spec: dict[str, Any]) -> Any:
    return spec["deploymentSpec"]["executors"]["exec-make"]["container"]


MUTATIONS: dict[str, tuple[Callable[..., object], str]] = {
    "unknown key": (
        lambda spec: spec.update(colour="red"),
        'PipelineSpec: .*no field named "colour"',
    ),
    "unknown key in a task": (
        lambda spec: root_tasks(spec)["use"].update(retries=3),
        'no field named "retries"',
    ),
    "unknown key in an executor": (
        lambda spec: container(spec).update(gpu=1),
        'PipelineDeploymentConfig: .*no field named "gpu"',
    ),
    "wrong type": (
        lambda spec: root_tasks(spec)["use"].update(dependentTasks="inner"),
        "PipelineSpec: ",
    ),
    "no name": (lambda spec: spec.pop("pipelineInfo"), "pipelineInfo.name: is missing"),
    "no schema version": (lambda spec: spec.pop("schemaVersion"), "schemaVersion: must be 2"),
    "old schema version": (
        lambda spec: spec.update(schemaVersion="1.0"),
        "schemaVersion: must be 2.x.y, not '1.0'",
    ),
    "no tasks": (lambda spec: spec["root"].pop("dag"), "root: has no tasks"),
    "component gone": (
        lambda spec: spec["components"].pop("comp-use"),
        "task 'use': there is no component 'comp-use'",
    ),
    "component renamed in a nested pipeline": (
        lambda spec: spec["components"]["comp-inner"]["dag"]["tasks"]["make"].update(
            componentRef={"name": "comp-other"}
        ),
        "comp-inner: task 'make': there is no component 'comp-other'",
    ),
    "executor gone": (
        lambda spec: spec["deploymentSpec"]["executors"].pop("exec-use"),
        "comp-use: executorLabel: there is no executor 'exec-use'",
    ),
    "component without implementation": (
        lambda spec: spec["components"]["comp-use"].pop("executorLabel"),
        "comp-use: has neither an executorLabel nor a dag",
    ),
    "executor without a kind": (
        lambda spec: spec["deploymentSpec"]["executors"].update({"exec-make": {}}),
        "executor 'exec-make' runs nothing",
    ),
    "no image": (lambda spec: container(spec).pop("image"), "executor 'exec-make' has no image"),
    "pip at run time": (
        lambda spec: container(spec)["command"].insert(0, "python3 -m pip install kfp"),
        "executor 'exec-make' runs pip",
    ),
    "dependency on nothing": (
        lambda spec: root_tasks(spec)["use"]["dependentTasks"].append("gone"),
        "task 'use': depends on 'gone', which does not exist",
    ),
    "required parameter not given": (
        lambda spec: root_tasks(spec)["make"]["inputs"]["parameters"].pop("rows"),
        "root: task 'make': its parameter 'rows' is required but not given",
    ),
    "required artifact not given": (
        lambda spec: root_tasks(spec)["use"]["inputs"].pop("artifacts"),
        "root: task 'use': its artifact 'data' is required but not given",
    ),
    "parameter that nobody takes": (
        lambda spec: root_tasks(spec)["make"]["inputs"]["parameters"].update(
            nota={"runtimeValue": {"constant": "x"}}
        ),
        "task 'make': is given the parameter 'nota', which its component does not have",
    ),
    "output parameter that nobody makes": (
        lambda spec: root_tasks(spec)["condition-1"]["inputs"]["parameters"][
            "pipelinechannel--make-Output"
        ]["taskOutputParameter"].update(outputParameterKey="Gone"),
        "task 'make' has no output 'Gone' among its parameters",
    ),
    "output artifact that nobody makes": (
        lambda spec: root_tasks(spec)["use"]["inputs"]["artifacts"]["data"][
            "taskOutputArtifact"
        ].update(outputArtifactKey="gone"),
        "task 'inner' has no output 'gone' among its artifacts",
    ),
    "output of a task that does not exist": (
        lambda spec: root_tasks(spec)["use"]["inputs"]["artifacts"]["data"][
            "taskOutputArtifact"
        ].update(producerTask="gone"),
        "artifact 'data': comes from task 'gone', which does not exist",
    ),
    "pipeline parameter that does not exist": (
        lambda spec: spec["root"]["inputDefinitions"]["parameters"].pop("rows"),
        "parameter 'rows': root has no input 'rows' among its parameters",
    ),
    "source left empty": (
        lambda spec: gated_task(spec)["inputs"]["parameters"].update(rows={}),
        "comp-condition-1: task 'make-2': parameter 'rows': has no source",
    ),
    "condition on what it is not given": (
        lambda spec: root_tasks(spec)["condition-1"]["triggerPolicy"].update(
            condition="inputs.parameter_values['gone'] == 'yes'"
        ),
        "task 'condition-1': its condition names 'gone', which it is not given",
    ),
    "pipeline output from nothing": (
        lambda spec: spec["components"]["comp-inner"]["dag"]["outputs"]["artifacts"]["Output"][
            "artifactSelectors"
        ][0].update(producerSubtask="gone"),
        "comp-inner: output 'Output': comes from task 'gone', which does not exist",
    ),
    "pipeline output that is not declared": (
        lambda spec: spec["components"]["comp-inner"].pop("outputDefinitions"),
        "comp-inner: output 'Output': is not declared",
    ),
    "declared output that nothing makes": (
        lambda spec: spec["root"]["dag"].pop("outputs"),
        "root: output 'Output': no task makes it",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_spec_is_caught(spec, problems_of, name):
    mutate, message = MUTATIONS[name]
    broken = copy.deepcopy(spec)
    mutate(broken)
    problems = problems_of(broken)
    assert any(re.search(message, problem) for problem in problems), problems


LOOP_MUTATIONS: dict[str, tuple[Callable[..., object], str]] = {
    "loop over what it is not given": (
        lambda task: task["parameterIterator"]["items"].update(inputParameter="gone"),
        "task 'for-loop-1': loops over 'gone', which it is not given",
    ),
    "loop without its item": (
        lambda task: task.pop("parameterIterator"),
        "'pipelinechannel--numbers-Output-loop-item' is required but not given",
    ),
}


@pytest.mark.parametrize("name", LOOP_MUTATIONS)
def test_broken_loop_is_caught(tmp_path, problems_of, name):
    mutate, message = LOOP_MUTATIONS[name]
    path = tmp_path / "loops.yaml"
    compiler.Compiler().compile(loops, str(path))
    broken = yaml.safe_load(path.read_text())
    mutate(root_tasks(broken)["for-loop-1"])
    assert [problem for problem in problems_of(broken) if message in problem]


def test_final_status_of_nothing_is_caught(tmp_path, problems_of):
    path = tmp_path / "branches.yaml"
    compiler.Compiler().compile(branches, str(path))
    broken = yaml.safe_load(path.read_text())
    status = root_tasks(broken)["closing"]["inputs"]["parameters"]["status"]
    status["taskFinalStatus"]["producerTask"] = "gone"
    assert problems_of(broken) == [
        "root: task 'closing': parameter 'status': there is no task 'gone'"
    ]


def test_platform_for_an_executor_that_does_not_exist_is_caught(spec, problems_of):
    platform: dict[str, Any] = {
        "platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-gone": {}}}}}
    }
    assert problems_of(spec, platform, portable=False) == [
        "platform kubernetes: there is no executor 'exec-gone'"
    ]
    platform["platforms"]["kubernetes"]["colour"] = "red"
    assert "no field named" in problems_of(spec, platform, portable=False)[0]


POD_MUTATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"colour": "red"}, "KubernetesExecutorConfig: .*no field named .colour"),
    "wrong type": ({"tolerations": {"key": "a"}}, "KubernetesExecutorConfig: "),
    "unknown field of a toleration": ({"tolerations": [{"kee": "a"}]}, "no field named .kee"),
    "volume twice": (
        {"pvcMount": [{"constant": "a", "mountPath": path} for path in ("/b", "/c")]},
        "the volume 'a' is given twice",
    ),
    "mount path twice": (
        {
            "pvcMount": [{"constant": "a", "mountPath": "/b"}],
            "emptyDirMounts": [{"volumeName": "c", "mountPath": "/b"}],
        },
        "the mount path '/b' is given twice",
    ),
    "variable twice": (
        {
            "secretAsEnv": [
                {"secretName": name, "keyToEnv": [{"secretKey": "k", "envVar": "A"}]}
                for name in ("one", "two")
            ]
        },
        "the environment variable 'A' is given twice",
    ),
}


@pytest.mark.parametrize("name", POD_MUTATIONS)
def test_broken_configuration_of_a_pod_is_caught(spec, problems_of, name):
    config, message = POD_MUTATIONS[name]
    executors = {"exec-make": config}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    [problem] = problems_of(spec, platform, portable=False)
    assert problem.startswith("platform kubernetes: executor 'exec-make': ")
    assert re.search(message, problem), problem


def test_platform_that_nobody_knows_is_caught(spec, problems_of):
    executors: dict[str, Any] = {"exec-make": {}}
    platform = {"platforms": {"nomad": {"deploymentSpec": {"executors": executors}}}}
    assert problems_of(spec, platform, portable=False) == [
        "platform nomad: is not known; the one of Kubeflow Pipelines is kubernetes"
    ]


def test_pods_are_not_passed_unchecked(spec, problems_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "kfp.kubernetes", None)
    executors: dict[str, Any] = {"exec-make": {}}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    [problem] = problems_of(spec, platform, portable=False)
    assert "cannot be checked without an extra: pip install 'tuneline[kubeflow]'" in problem


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("spec.yaml", "", "every document must be a mapping"),
        ("spec.yaml", "- a list", "every document must be a mapping"),
        ("spec.yaml", "a: [", "cannot be read as YAML or JSON"),
        ("spec.json", "{", "cannot be read as YAML or JSON"),
        ("spec.yaml", "deploymentSpec: 3", "PipelineDeploymentConfig: "),
    ],
)
def test_file_that_is_no_spec_is_named(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"{name}: .*{message}"):
        require_valid(path)


def test_all_problems_are_raised_at_once(tmp_path, spec):
    broken = copy.deepcopy(spec)
    del broken["pipelineInfo"], broken["schemaVersion"]
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(ConfigurationError) as caught:
        require_valid(path)
    assert len(caught.value.problems) == 2


def test_missing_file_is_a_problem(tmp_path):
    [problem] = check_spec(tmp_path / "gone.yaml")
    assert "No such file" in problem
