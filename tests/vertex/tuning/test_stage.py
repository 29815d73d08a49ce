"""The stage between its neighbours: the component's body, and predictions by what was tuned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.components.in_process import run_in_process
from tests.vertex.stand_in import PROJECT, Vertex, said
from tests.vertex.tuning.managed import FLASH, OPEN, QUICK, tune
from tests.vertex.tuning.test_parts import result
from tuneline.components.training.component import tune_managed_model
from tuneline.errors import ConfigurationError, DataError
from tuneline.files import sha256_file
from tuneline.prediction.predict import predict_managed, predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.vertex.tuning.result import ManagedResult, read_managed_result

SETTINGS = PredictSettings(gemini={"project": PROJECT})


def given(splits: Path, vertex: Vertex, **values):
    return {
        "train": artifact(splits / "train.parquet"),
        "validation": artifact(splits / "validation.parquet"),
        "base_model": FLASH,
        "project": PROJECT,
        "staging": f"{vertex.bucket}/work",
        "overrides": {"epochs": 2.0, **QUICK},
        **values,
    }


def artifact(path: Path):
    from kfp import dsl

    return dsl.Dataset(name=path.stem, uri=str(path), metadata={})


def test_the_component_gives_what_consoles_and_later_stages_read(
    vertex: Vertex, lamp_splits, tmp_path
):
    outputs = run_in_process(
        tune_managed_model, tmp_path, **given(lamp_splits, vertex), fingerprint="f"
    )
    tuned = read_managed_result(Path(outputs["result"].path))
    assert outputs["Output"] == tuned.endpoint
    model = outputs["model"]
    spec = tune_managed_model.component_spec
    assert spec is not None
    assert spec.outputs["model"].type == "google.VertexModel@0.0.1"
    assert model.metadata["resourceName"] == tuned.model
    assert model.metadata["fingerprint"] == "f"
    assert model.uri.endswith(f"/v1/{tuned.model}")
    (resource,) = json.loads(outputs["gcp_resources"])["resources"]
    assert resource["resourceUri"].endswith(tuned.job)
    metrics = outputs["metrics"].metadata
    assert metrics["training_rows"] == 25
    assert metrics["cost_usd"] == pytest.approx(tuned.cost_usd, abs=1e-4)
    assert tuned.settings["epochs"] == 2


def test_a_wrong_setting_names_itself(vertex: Vertex, lamp_splits, tmp_path):
    values = given(lamp_splits, vertex, overrides={"epoch": 2})
    with pytest.raises(ConfigurationError, match="epoch: no such setting. Did you mean 'epochs'"):
        run_in_process(tune_managed_model, tmp_path, **values)
    assert not vertex.calls


def test_tuned_gemini_answers_from_its_endpoint(vertex: Vertex, lamp_splits, tmp_path):
    tuned = tune(lamp_splits, tmp_path, vertex)
    vertex.tuned_answer = lambda asked: said("red")
    read = predict_managed(
        lamp_splits / "test.parquet",
        lamp_splits / "train.parquet",
        tmp_path / "result.json",
        SETTINGS,
        tmp_path / "out.parquet",
    )
    (candidate,) = read.info.candidates
    assert (candidate.name, candidate.model) == ("pet", tuned.endpoint)
    assert (candidate.training_seconds, candidate.training_rows) == (tuned.seconds, 25)
    assert read.info.base_model == FLASH
    assert set(read.table("pet")["prediction"].to_pylist()) == {"red"}


def test_another_training_split_is_refused(vertex: Vertex, lamp_splits, tmp_path):
    tune(lamp_splits, tmp_path, vertex)
    with pytest.raises(DataError, match="was tuned on another training split"):
        predict_managed(
            lamp_splits / "test.parquet",
            lamp_splits / "validation.parquet",
            tmp_path / "result.json",
            SETTINGS,
            tmp_path / "out.parquet",
        )


def open_result(vertex: Vertex, base: Path, weights: Path, train: Path) -> ManagedResult:
    for path in weights.iterdir():
        vertex.put(f"tuned/{path.name}", path.read_bytes())
    sent = result().data["train"].model_copy(update={"digest": sha256_file(train)})
    return result(
        engine="vertex-open",
        base_model=result().base_model.model_copy(update={"reference": OPEN}),
        base_weights=str(base),
        model="",
        endpoint="",
        weights_uri=f"{vertex.bucket}/tuned",
        data={"train": sent},
    )


@pytest.mark.parametrize("folder", ["adapter", "merged"])
def test_weights_of_an_open_model_answer_here(
    vertex: Vertex, lamp_splits, qwen3, pet_run, tmp_path, monkeypatch, folder
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    tuned = open_result(vertex, qwen3, pet_run / folder, train)
    tuned.write(tmp_path / "result.json")
    ours = predict_tuned(test, train, pet_run, SETTINGS, tmp_path / "ours.parquet")
    theirs = predict_managed(
        test, train, tmp_path / "result.json", SETTINGS, tmp_path / "theirs.parquet"
    )
    assert theirs.table("pet")["prediction"] == ours.table("pet")["prediction"]
    assert theirs.info.base_digest == ours.info.base_digest
    (candidate,) = theirs.info.candidates
    assert candidate.model == tuned.weights_uri
    assert sorted(path.name for path in tmp_path.glob("theirs*")) == ["theirs.parquet"]
