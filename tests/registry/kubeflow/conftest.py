"""Tuned models of every kind, and a stand-in of Kubeflow Model Registry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.registry.kubeflow.stand_in import Server, running
from tests.registry.vertex.tuned import managed_result, verdict_of
from tuneline.registry.kubeflow import client
from tuneline.registry.mlflow_registry import RegistryEntry
from tuneline.registry.register import register_model
from tuneline.registry.settings import RegisterSettings

_VARIABLES = (
    "KF_PIPELINES_SA_TOKEN_PATH",
    "SSL_CERT_FILE",
    "KFP_RUN_ID",
    "KFP_RUN_NAME",
    "KFP_NAMESPACE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)
QUICK = client.Patience(request_s=2.0, failing_s=0.5, first_wait_s=0.02, longest_wait_s=0.1)


@dataclass
class Registration:
    """What registration is given, on disk."""

    folder: Path
    given: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Path:
        return self.folder / "verdict.json"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def digest(self) -> str:
        result = json.loads((self.given.get("result") or self.given["tuning"]).read_text())
        return str(result["model_digest"])

    def run(self, **settings: Any) -> RegistryEntry:
        asked = RegisterSettings(**{"model_name": "tickets", **self.settings, **settings})
        return register_model(self.verdict, self.report, asked, **self.given)


Make = Callable[..., Registration]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that tests can afford, and nothing of this machine's environment."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(client, "REGISTERING", QUICK)
    monkeypatch.setattr(client, "WATCHED", QUICK)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Server]:
    """A server that speaks plain HTTP."""
    with running(tmp_path, secure=False) as server:
        yield server


@pytest.fixture(params=["http", "https"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A server that asks for a token, by either way, which the environment gives."""
    (tmp_path / "token").write_text("good-token\n")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    with running(tmp_path, secure=request.param == "https") as started:
        started.token = "good-token"
        if started.certificate:
            monkeypatch.setenv("SSL_CERT_FILE", str(started.certificate))
        yield started


@pytest.fixture
def make_trained(tmp_path: Path) -> Make:
    """Make a model of Tuneline's own trainer, which lies in the object store of a cluster."""

    def make(weights: str = "first", **fields: Any) -> Registration:
        result = {
            "tuneline_version": "0.1.0",
            "run_digest": f"run-{weights}",
            "method": "pet",
            "model_folder": "merged",
            "model_digest": hashlib.sha256(weights.encode()).hexdigest(),
            "base_model": {"reference": "Qwen/Qwen3-0.6B", "digest": "b1", "revision": "abc"},
            "settings": {"lora_rank": 12},
            "data": {
                "train": {"digest": "t1", "rows": 80},
                "validation": {"digest": "v1", "rows": 10},
            },
            "trainable_parameters": 100,
            "total_parameters": 8_000_000_000,
            "seconds": 12.5,
            **fields,
        }
        folder = _files(tmp_path / weights, str(result["method"]))
        (folder / "result.json").write_text(json.dumps(result))
        uri = f"minio://mlpipeline/v2/artifacts/supervised-tuning/{weights}/tune-model/model"
        return Registration(folder, {"model": uri, "result": folder / "result.json"})

    return make


@pytest.fixture
def make_managed(tmp_path: Path) -> Make:
    """Make a model that a service tuned."""

    def make(**fields: Any) -> Registration:
        result = managed_result(**fields)
        folder = _files(tmp_path / "managed", result.method)
        result.write(folder / "result.json")
        return Registration(folder, {"tuning": folder / "result.json"})

    return make


def _files(folder: Path, method: str) -> Path:
    folder.mkdir()
    (folder / "verdict.json").write_text(json.dumps(verdict_of(0.9, method=method)))
    (folder / "report.html").write_text("<html>été</html>", encoding="utf-8")
    return folder
