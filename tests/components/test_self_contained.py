"""KFP embeds a component's source alone: it must not need anything beside it in its module."""

import ast
import builtins
import dis
import types
from pathlib import Path

import pytest
import yaml

from tuneline.components.data.component import fingerprint_source, prepare_dataset
from tuneline.components.evaluation.component import evaluate, predict, predict_learning_curve
from tuneline.components.registration.component import register_model
from tuneline.components.training.component import (
    tune_by_train_job,
    tune_managed_model,
    tune_model,
)

COMPONENTS = [
    fingerprint_source,
    prepare_dataset,
    tune_model,
    tune_by_train_job,
    tune_managed_model,
    predict,
    predict_learning_curve,
    evaluate,
    register_model,
]
FOLDERS = Path(__file__).parents[2] / "components"


def embedded_source(component):
    return component.component_spec.implementation.container.command[-1]


def globals_read(code: types.CodeType) -> set[str]:
    names = {
        instruction.argval
        for instruction in dis.get_instructions(code)
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"}
    }
    nested = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return names.union(*(globals_read(inner) for inner in nested)) if nested else names


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_embedded_source_runs_by_itself(component):
    namespace: dict[str, object] = {}
    exec(embedded_source(component), namespace)
    function = namespace[component.name.replace("-", "_")]
    assert isinstance(function, types.FunctionType)
    unknown = globals_read(function.__code__) - namespace.keys() - set(dir(builtins))
    assert unknown == set()


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_nothing_is_installed_at_run_time(component):
    container = component.component_spec.implementation.container
    assert "pip install" not in " ".join([*container.command, *container.args])


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_body_is_thin(component):
    (function,) = [
        node
        for node in ast.walk(ast.parse(embedded_source(component)))
        if isinstance(node, ast.FunctionDef)
    ]
    first = function.body[1].lineno if len(function.body) > 1 else function.lineno
    assert function.end_lineno is not None
    assert function.end_lineno - first < 40


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_every_parameter_is_described(component):
    inputs = component.component_spec.inputs or {}
    described = component.python_func.__doc__
    assert [name for name in inputs if f"{name}: " not in described] == []


def test_metadata_names_the_components_of_its_folder():
    found = {}
    for path in sorted(FOLDERS.glob("*/metadata.yaml")):
        metadata = yaml.safe_load(path.read_text())
        assert (path.parent / "README.md").is_file()
        found.update(dict.fromkeys(metadata["components"], metadata["stage"]))
    assert set(found) == {component.name.replace("-", "_") for component in COMPONENTS}
