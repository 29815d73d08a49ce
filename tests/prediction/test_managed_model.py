"""Gemini models and endpoints answer the questions that open models get."""

import json

import pytest

from tests.lamps import COLORS, lamps
from tests.prediction.gemini.conftest import private_key, service  # noqa: F401 - fixtures
from tests.prediction.gemini.stand_in import PROJECT, StandIn, said
from tests.prediction.questions import CALLING
from tuneline.data.schema import ExamplesInfo, write_examples
from tuneline.errors import ConfigurationError
from tuneline.evaluation.metrics.tool_calls import Call, calls_of
from tuneline.prediction.predict import predict_baselines, predict_endpoint
from tuneline.prediction.settings import PredictSettings

FLASH = "gemini-2.5-flash"
ENDPOINT = f"projects/{PROJECT}/locations/us/endpoints/42"
TEST = lamps(201, 10)


def settings(**values) -> PredictSettings:
    return PredictSettings(**{"gemini": {"project": PROJECT, "concurrency": 4}, **values})


def test_baselines_ask_the_same_rows_shots_and_instruction(
    service: StandIn,  # noqa: F811
    lamp_splits,
    qwen3,
    tmp_path,
):
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    chosen = settings(shots=(0, 2), seed=1, max_new_tokens=9)
    managed = predict_baselines(test, train, FLASH, chosen, tmp_path / "gemini.parquet")
    open_model = predict_baselines(test, train, str(qwen3), chosen, tmp_path / "open.parquet")
    assert managed.rows_digest == open_model.rows_digest
    assert [each.name for each in managed.info.candidates] == ["zero-shot", "2-shot"]
    for candidate in managed.info.candidates:
        assert (candidate.engine, candidate.kind, candidate.model) == ("gemini", "baseline", FLASH)
        assert (candidate.total_parameters, candidate.adapter_bytes) == (0, 0)
    for name in ("zero-shot", "2-shot"):
        left, right = managed.table(name), open_model.table(name)
        assert left["shot_ids"].equals(right["shot_ids"])
        assert left["prediction"].to_pylist() == [row.turns[0].text.upper() for row in TEST]
        assert set(left["reference_nll"].to_pylist()) == {None}
    asked = [each for each in service.asked if len(each.body["contents"]) == 5]
    assert len(asked) == len(TEST)
    assert asked[0].body["systemInstruction"]["parts"][0]["text"] == (
        f"Answer with exactly one of: {', '.join(COLORS)}."
    )
    assert asked[0].body["generationConfig"]["maxOutputTokens"] == 9
    prompt = json.loads(managed.info.candidates[1].prompt_example)
    assert prompt["contents"] in [each.body["contents"] for each in asked]


def test_what_was_paid_for_is_not_asked_again(
    service: StandIn,  # noqa: F811
    lamp_splits,
    tmp_path,
):
    paths = (lamp_splits / "test.parquet", lamp_splits / "train.parquet", FLASH)
    output = tmp_path / "out.parquet"
    first = predict_baselines(*paths, settings(shots=(0,)), output).table("zero-shot")
    assert len(service.asked) == len(TEST)
    assert (tmp_path / "out.parquet.journal").is_dir()
    assert predict_baselines(*paths, settings(shots=(0,)), output).table("zero-shot") == first
    assert len(service.asked) == len(TEST)
    elsewhere = settings(shots=(0,), journal=str(tmp_path / "kept"))
    predict_baselines(*paths, elsewhere, tmp_path / "two.parquet")
    predict_baselines(*paths, elsewhere, tmp_path / "three.parquet")
    assert len(service.asked) == 2 * len(TEST)


def test_an_endpoint_is_a_tuned_candidate(service: StandIn, lamp_splits, tmp_path):  # noqa: F811
    service.answer = lambda asked: said("red")
    read = predict_endpoint(
        lamp_splits / "test.parquet",
        lamp_splits / "train.parquet",
        ENDPOINT,
        settings(samples=2),
        tmp_path / "out.parquet",
        base_model=FLASH,
        training_seconds=60.0,
    )
    (candidate,) = read.info.candidates
    assert (candidate.name, candidate.kind, candidate.engine) == ("pet", "pet", "gemini")
    assert (candidate.model, candidate.model_digest) == (ENDPOINT, ENDPOINT)
    assert (candidate.training_rows, candidate.training_seconds) == (25, 60.0)
    assert (read.info.base_model, read.info.base_digest) == (
        FLASH,
        f"publishers/google/models/{FLASH}",
    )
    rows = read.table("pet").to_pylist()
    assert [row["prediction"] for row in rows] == ["red"] * len(TEST)
    assert [row["samples"] for row in rows] == [["red", "red"]] * len(TEST)
    assert {asked.model for asked in service.asked} == {"endpoints/42"}
    assert all("systemInstruction" not in asked.body for asked in service.asked)


def test_a_model_that_anyone_can_ask_is_no_endpoint(lamp_splits, tmp_path):
    paths = (lamp_splits / "test.parquet", lamp_splits / "train.parquet")
    with pytest.raises(ConfigurationError, match="endpoint: .* predict it as a baseline"):
        predict_endpoint(*paths, FLASH, settings(), tmp_path / "out.parquet")


def test_every_turn_of_a_conversation_with_calls_is_asked(
    service: StandIn,  # noqa: F811
    lamp_splits,
    tmp_path,
):
    call = {"functionCall": {"name": "turn_on", "args": {"colour": "red", "lamp": 3}}}
    service.answer = lambda asked: said(call if len(asked.body["contents"]) == 1 else "Done.")
    write_examples(tmp_path / "test.parquet", [CALLING], ExamplesInfo("test", "generation"))
    read = predict_endpoint(
        tmp_path / "test.parquet",
        lamp_splits / "train.parquet",
        ENDPOINT,
        settings(turns="every"),
        tmp_path / "out.parquet",
        name="tuned flash",
    )
    assert [each.kind for each in read.info.candidates] == ["pet"]
    first, last = read.table("tuned flash").to_pylist()
    assert calls_of(first["prediction"]) == [Call("turn_on", {"lamp": 3, "colour": "red"})]
    assert first["prediction"] == first["reference"]
    assert (last["prediction"], last["reference"], last["turn"]) == ("Done.", "Lamp 3 is red.", 3)
