"""The command line starts quickly: nothing heavy is imported before it is needed."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "trl", "datasets", "kfp", "mlflow", "sklearn", "scipy", "pyarrow"}


def imported_by(code: str) -> set[str]:
    script = f"{code}\nimport sys; print('\\n'.join(name.split('.')[0] for name in sys.modules))"
    finished = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(finished.stdout.split())


def test_command_line_imports_nothing_heavy():
    assert imported_by("import tuneline.cli.main") & HEAVY == set()


@pytest.mark.parametrize(
    "module",
    [
        "tuneline.data.prepare",
        "tuneline.parameters",
        "tuneline.evaluation.evaluate",
        "tuneline.registry.mlflow_registry",
        "tuneline.local.run",
        "tuneline.pipelines",
    ],
)
def test_only_tuning_and_prediction_import_torch(module):
    assert imported_by(f"import {module}") & {"torch", "transformers", "trl"} == set()


def test_prediction_does_not_pay_for_the_trainer():
    assert (
        imported_by("import tuneline.prediction.predict") & {"trl", "datasets", "mlflow"} == set()
    )
