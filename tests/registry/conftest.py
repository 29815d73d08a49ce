"""A tuned model's folder, its verdict and report, as the earlier stages leave them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tuneline.files import sha256_folder
from tuneline.registry.connection import DATABASE_FILE, connect
from tuneline.registry.mlflow_registry import RegistryEntry, register_model
from tuneline.registry.settings import RegisterSettings

ODD_NAME = "my models #1 100%25 é"


@dataclass
class Tuned:
    """What registration is given."""

    model: Path
    verdict: Path
    report: Path
    registry: Path

    def register(self, **settings: Any) -> RegistryEntry:
        given = {"registry": str(self.registry), "model_name": "tickets", **settings}
        return register_model(self.model, self.verdict, self.report, RegisterSettings(**given))

    def change(self, path: Path, **fields: Any) -> None:
        content = {**json.loads(path.read_text()), **fields}
        path.write_text(json.dumps(content))


def metric(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.05, "high": value + 0.05}


def candidate(name: str, kind: str, accuracy: float) -> dict[str, Any]:
    return {"name": name, "kind": kind, "shots": 0, "metrics": {"accuracy": metric(accuracy)}}


VERDICT = {
    "passed": True,
    "winner": "pet",
    "best_baseline": "4-shot",
    "headline": "pet is better than the best baseline",
    "reasons": ["accuracy 0.9 against 0.4 of 4-shot", "p < 0.001"],
    "primary_metric": "accuracy",
    "candidates": [
        candidate("zero-shot", "baseline", 0.2),
        candidate("4-shot", "baseline", 0.4),
        candidate("pet", "pet", 0.9),
    ],
}


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with no model in it. A copy is there much sooner than a new one."""
    folder = tmp_path_factory.mktemp("empty") / "deep" / ODD_NAME
    with connect(str(folder)) as client:
        assert list(client.search_registered_models()) == []
    return folder


@pytest.fixture
def make_tuned(tmp_path: Path, empty_registry: Path) -> Callable[..., Tuned]:
    """Make a tuned model whose weights are ``weights``; its registry is there and empty."""
    registry = tmp_path / "registry"
    registry.mkdir()
    shutil.copy(empty_registry / DATABASE_FILE, registry)

    def make(weights: str = "first") -> Tuned:
        model = tmp_path / "runs" / weights
        for file in ("merged/model.safetensors", "adapter/adapter.safetensors", "checkpoints/1/x"):
            (model / file).parent.mkdir(parents=True, exist_ok=True)
            (model / file).write_text(weights)
        result = {
            "tuneline_version": "0.1.0",
            "run_digest": "r1",
            "method": "pet",
            "model_folder": "merged",
            "model_digest": sha256_folder(model / "merged"),
            "base_model": {"reference": "embedded", "digest": "b1"},
            "settings": {"learning_rate": 0.01, "epochs": 3.0},
            "data": {
                "train": {"digest": "t1", "rows": 80},
                "validation": {"digest": "v1", "rows": 10},
            },
            "trainable_parameters": 100,
            "total_parameters": 1000,
            "seconds": 12.5,
            "steps": 7,
        }
        (model / "result.json").write_text(json.dumps(result))
        verdict, report = model.parent / "verdict", model.parent / "report"
        verdict.write_text(json.dumps(VERDICT))
        report.write_text("<html>été</html>", encoding="utf-8")
        return Tuned(model, verdict, report, registry)

    return make


@pytest.fixture
def tuned(make_tuned: Callable[..., Tuned]) -> Tuned:
    """One tuned model."""
    return make_tuned()
