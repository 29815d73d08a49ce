"""The wheel at work in an environment that holds no more than pipelines need."""

import json

import pytest

from tests.packaging.steps import REPOSITORY, run

pytestmark = pytest.mark.packaging

HEAVY = ("torch", "transformers", "sklearn", "scipy", "matplotlib", "mlflow")

COMPILE_ALL = f"""
import importlib.util, json, sys
from pathlib import Path
import tuneline
from tuneline.pipelines import PIPELINES
from tuneline.pipelines.compile import compile_pipeline
from tuneline.pipelines.platform import Platform
for name in PIPELINES:
    compile_pipeline(name, Platform(), Path(f"{{name}}.yaml"))
    compile_pipeline(name, Platform(), Path(f"{{name}}.json"))
print(json.dumps({{
    "package": tuneline.__file__,
    "pipelines": list(PIPELINES),
    "installed": [name for name in {HEAVY!r} if importlib.util.find_spec(name)],
    "imported": [name for name in {HEAVY!r} if name in sys.modules],
}}))
"""


@pytest.fixture(scope="session")
def compiled(installed):
    """What a script outside the repository says after it compiled every pipeline."""
    output = run(installed.python, "-c", COMPILE_ALL, cwd=installed.folder)
    return json.loads(output.splitlines()[-1])


def test_package_is_the_installed_one(compiled, installed):
    assert compiled["package"].startswith(str(installed.python.parents[1]))


def test_every_pipeline_compiles_to_the_checked_in_spec(compiled, installed):
    specs = REPOSITORY / "pipelines" / "specs"
    assert sorted(compiled["pipelines"]) == sorted(path.stem for path in specs.glob("*.yaml"))
    for name in compiled["pipelines"]:
        made = (installed.folder / f"{name}.yaml").read_bytes()
        assert made == (specs / f"{name}.yaml").read_bytes()


def test_compiling_needs_nothing_heavy(compiled):
    assert compiled["installed"] == []
    assert compiled["imported"] == []


def test_command_line_works(installed):
    shown = run(installed.command, "--help", cwd=installed.folder)
    for command in ("demo", "check", "prepare", "train", "compile", "run", "models"):
        assert command in shown


def test_module_is_the_same_command(installed):
    assert run(installed.python, "-m", "tuneline", "--help", cwd=installed.folder)


def test_dependencies_agree(installed):
    run(installed.python, "-m", "pip", "check", cwd=installed.folder)
