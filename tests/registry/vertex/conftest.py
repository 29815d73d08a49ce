"""Tuned models of every kind on a stand-in of Vertex AI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.registry.vertex.tuned import IMAGE, Registration, managed_result, verdict_of
from tests.vertex.conftest import private_key, store_address, vertex
from tests.vertex.stand_in import PROJECT, Vertex
from tests.vertex.stand_in.names import new_number, place
from tuneline.data.media import stores
from tuneline.vertex.tuning.result import ManagedBase

__all__ = ["private_key", "store_address", "vertex"]

Make = Callable[..., Registration]


@pytest.fixture(params=["rest", "grpc"])
def service(
    request: pytest.FixtureRequest, vertex: Vertex, monkeypatch: pytest.MonkeyPatch
) -> Vertex:
    """The stand-in, asked by one way and then by the other."""
    if request.param == "grpc":
        monkeypatch.setenv("TUNELINE_VERTEX_GRPC", vertex.grpc_address)
    return vertex


@pytest.fixture
def make_files(tmp_path: Path) -> Callable[..., Path]:
    def make(verdict: dict[str, Any]) -> Path:
        folder = tmp_path / f"run-{new_number()}"
        folder.mkdir()
        (folder / "verdict.json").write_text(json.dumps(verdict))
        (folder / "report.html").write_text("<html>été</html>", encoding="utf-8")
        return folder

    return make


@pytest.fixture
def make_gemini(vertex: Vertex, make_files: Callable[..., Path]) -> Make:
    """Make a tuned Gemini model, which the tuning job has put into the registry."""

    def make(
        value: float = 0.9, *, continues: str = "", task: str = "classification"
    ) -> Registration:
        job = f"{place('europe-west4')}/tuningJobs/{new_number()}"
        if continues:
            model, _ = vertex.models.find(continues)
        else:
            model = vertex.models.new(place("eu"), new_number())
        labels = {"tuneline-run": "job", "team": "support"}
        number = model.add({"displayName": f"tickets {job[-4:]}", "labels": labels}, [])
        folder = make_files(verdict_of(0.9, task=task))
        managed_result(job=job, model=f"{model.name}@{number}").write(folder / "result.json")
        return Registration(vertex, folder, {"tuning": folder / "result.json"})

    return make


@pytest.fixture
def make_trained(vertex: Vertex, make_files: Callable[..., Path]) -> Make:
    """Make a model of Tuneline's own trainer, which lies in a bucket."""

    def make(weights: str = "first", **fields: Any) -> Registration:
        result = {
            "tuneline_version": "0.1.0",
            "run_digest": f"run-{weights}",
            "method": "pet",
            "model_folder": "merged",
            "model_digest": hashlib.sha256(weights.encode()).hexdigest(),
            "base_model": {"reference": "Qwen/Qwen3-0.6B@abc", "digest": "b1"},
            "settings": {"lora_rank": 12},
            "data": {"train": {"digest": "t1", "rows": 80}},
            "trainable_parameters": 100,
            "total_parameters": 1000,
            "seconds": 12.5,
            **fields,
        }
        folder = make_files(verdict_of(0.9, method=str(result["method"])))
        (folder / "result.json").write_text(json.dumps(result))
        return Registration(
            vertex,
            folder,
            {"model": f"gs://sources/runs/{weights}/model", "result": folder / "result.json"},
            {"registry": f"vertex://{PROJECT}/europe-west4", "serving_image": IMAGE},
        )

    return make


@pytest.fixture
def make_managed_open(vertex: Vertex, make_files: Callable[..., Path]) -> Make:
    """Make an open model that the service tuned; its weights lie in the bucket."""
    stores._store.cache_clear()  # a store remembers the last test's address

    def make(files: dict[str, str], **fields: Any) -> Registration:
        job = f"{place('us-central1')}/tuningJobs/{new_number()}"
        uri = f"{vertex.bucket}/tuned/{job[-4:]}/final"
        for name, text in files.items():
            vertex.put(f"tuned/{job[-4:]}/final/{name}", text.encode())
        result = managed_result(
            **{
                "job": job,
                "engine": "vertex-open",
                "base_model": ManagedBase(reference="qwen/qwen3@qwen3-32b", digest="b1"),
                "base_weights": "Qwen/Qwen3-32B",
                "weights_uri": uri,
                **fields,
            }
        )
        folder = make_files(verdict_of(0.9, method=result.method))
        result.write(folder / "result.json")
        return Registration(
            vertex, folder, {"tuning": folder / "result.json"}, {"serving_image": IMAGE}
        )

    return make
