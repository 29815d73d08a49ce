"""What registration is given: a tuned model's result, a verdict and a report."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.vertex.stand_in import PROJECT, Vertex
from tuneline.registry.mlflow_registry import RegistryEntry
from tuneline.registry.register import register_model
from tuneline.registry.settings import RegisterSettings
from tuneline.vertex.tuning.result import ManagedBase, ManagedResult, ManagedSplit

IMAGE = "us-docker.pkg.dev/project/containers/vllm:1"
SCHEMAS = "gs://google-cloud-aiplatform/schema/modelevaluation"


def _metrics(value: float) -> dict[str, Any]:
    ends = {"low": value - 0.05, "high": value + 0.05}
    return {
        "accuracy": {"value": value, **ends},
        "macro_f1": {"value": value - 0.1, "low": None, "high": None},
    }


def verdict_of(value: float, method: str = "pet", task: str = "classification") -> dict[str, Any]:
    return {
        "passed": True,
        "winner": method,
        "best_baseline": "4-shot",
        "headline": f"{method} is better than the best baseline",
        "reasons": ["passed: accuracy", "passed: p < 0.001"],
        "task": task,
        "rows": 40,
        "primary_metric": "accuracy",
        "candidates": [
            {"name": "4-shot", "kind": "baseline", "metrics": _metrics(0.4)},
            {"name": method, "kind": method, "metrics": _metrics(value)},
        ],
    }


@dataclass
class Registration:
    """What the component is given, on disk."""

    vertex: Vertex
    folder: Path
    given: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Path:
        return self.folder / "verdict.json"

    def run(self, **settings: Any) -> RegistryEntry:
        asked = {"model_name": "tickets", "registry": f"vertex://{PROJECT}", **self.settings}
        return register_model(
            self.verdict,
            self.folder / "report.html",
            RegisterSettings(**{**asked, **settings}),
            **self.given,
        )

    def change_verdict(self, **fields: Any) -> None:
        self.verdict.write_text(json.dumps({**json.loads(self.verdict.read_text()), **fields}))

    def write_scores(self, **fields: Any) -> None:
        """Write metrics.json of the same evaluation."""
        verdict = json.loads(self.verdict.read_text())
        candidates = [
            {**one, "labels": [], "confusion": None, **fields.get(one["name"], {})}
            for one in verdict["candidates"]
        ]
        scores = {
            "examples_digest": "e1",
            "candidates": candidates,
            "slices": fields.get("slices", []),
        }
        path = self.folder / "metrics.json"
        path.write_text(json.dumps(scores))
        self.given["scores"] = path


def managed_result(**fields: Any) -> ManagedResult:
    split = ManagedSplit(
        digest=hashlib.sha256(b"rows").hexdigest(),
        rows=80,
        tokens=900,
        uri="gs://sources/t.jsonl",
        file_digest="f1",
        file_bytes=10,
    )
    given: dict[str, Any] = {
        "tuneline_version": "0.1.0",
        "run_digest": hashlib.sha256(fields["job"].encode()).hexdigest(),
        "engine": "gemini",
        "method": "pet",
        "base_model": ManagedBase(reference="gemini-3.1-flash-lite", digest="b1"),
        "base_weights": "",
        "settings": {"epochs": 3},
        "data": {"train": split},
        "model": "",
        "endpoint": "",
        "weights_uri": "",
        "checkpoints": [],
        "statistics": {},
        "curves": {},
        "experiment": "",
        "token_counter": "estimate",
        "estimated_cost_usd": 1.0,
        "billed_tokens": 0,
        "cost_usd": None,
        "started": None,
        "ended": None,
        "seconds": 60.0,
    }
    return ManagedResult(**{**given, **fields})
