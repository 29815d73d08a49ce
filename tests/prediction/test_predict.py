import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from tests.lamps import COLORS, lamps, write_split
from tuneline.data.schema import ExamplesInfo, write_examples
from tuneline.errors import ConfigurationError, DataError, MachineError
from tuneline.files import sha256_file
from tuneline.models.loading import load_model
from tuneline.models.source import resolve_base_model
from tuneline.prediction.predict import predict_baselines, predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.prediction.store import read_predictions
from tuneline.training.result import read_result

TEST = lamps(201, 10)


@pytest.fixture(scope="module")
def baselines(lamp_splits, qwen3, tmp_path_factory) -> Path:
    output: Path = tmp_path_factory.mktemp("predictions") / "baselines.parquet"
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    predict_baselines(test, train, str(qwen3), PredictSettings(shots=(0, 2), seed=1), output)
    return output


@pytest.mark.parametrize("run", ["pet_run", "full_run"])
def test_a_tuned_model_answers_every_row(run, lamp_splits, tmp_path, request):
    folder = request.getfixturevalue(run)
    result = read_result(folder)
    output = tmp_path / "tuned.parquet"
    given = predict_tuned(
        lamp_splits / "test.parquet",
        lamp_splits / "train.parquet",
        folder,
        PredictSettings(),
        output,
    )
    read = read_predictions(output)
    assert read.info == given.info
    (candidate,) = read.info.candidates
    assert (candidate.name, candidate.kind, candidate.shots) == (result.method, result.method, 0)
    assert candidate.model_digest == result.model_digest
    assert candidate.trainable_parameters == result.trainable_parameters
    assert candidate.total_parameters == result.total_parameters
    assert candidate.training_seconds == result.seconds
    assert candidate.prediction_seconds > 0
    assert candidate.prompt_example == (
        f"<|im_start|>user\n{TEST[0].turns[0].text}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert read.info.base_digest == result.base_model.digest
    rows = read.rows.to_pylist()
    assert [row["example_id"] for row in rows] == [example.example_id for example in TEST]
    assert [row["prompt"] for row in rows] == [example.turns[0].text for example in TEST]
    assert [row["reference"] for row in rows] == [example.answer for example in TEST]
    assert [row["label"] for row in rows] == [example.label for example in TEST]


def test_baselines_are_one_candidate_for_each_number_of_shots(baselines, lamp_splits, qwen3):
    read = read_predictions(baselines)
    assert [(each.name, each.kind, each.shots) for each in read.info.candidates] == [
        ("zero-shot", "baseline", 0),
        ("2-shot", "baseline", 2),
    ]
    base = resolve_base_model(str(qwen3))
    parameters = load_model(qwen3, dtype="float32").num_parameters()
    for candidate in read.info.candidates:
        assert candidate.model_digest == read.info.base_digest == base.digest
        assert (candidate.trainable_parameters, candidate.training_seconds) == (0, 0.0)
        assert candidate.total_parameters == parameters
        assert read.rows_of(candidate.name).num_rows == len(TEST)
    assert read.info.labels == COLORS
    assert read.info.examples_digest == sha256_file(lamp_splits / "test.parquet")
    assert read.info.base_model == str(qwen3)


def test_the_prompts_hold_the_instruction_and_shots_from_training_alone(baselines):
    zero, two = (each.prompt_example for each in read_predictions(baselines).info.candidates)
    assert zero.count("<|im_start|>user") == 1
    assert two.count("<|im_start|>user") == 3
    for prompt in (zero, two):
        assert "Answer with exactly one of: blue, green, red.<|im_end|>" in prompt
        assert prompt.endswith(f"{TEST[0].turns[0].text}<|im_end|>\n<|im_start|>assistant\n")
    held_out = [row.turns[0].text for row in TEST]
    assert sum(text in two for text in held_out) == 1


def test_the_same_question_gives_the_same_answers(baselines, lamp_splits, qwen3, tmp_path):
    again = predict_baselines(
        lamp_splits / "test.parquet",
        lamp_splits / "train.parquet",
        str(qwen3),
        PredictSettings(shots=(0, 2), seed=1, batch_size=3),
        tmp_path / "again.parquet",
    )
    assert again.rows.equals(read_predictions(baselines).rows)


def test_weights_that_were_changed_are_refused(pet_run, lamp_splits, tmp_path):
    folder = Path(shutil.copytree(pet_run, tmp_path / "run"))
    weights = folder / "merged" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    output = tmp_path / "tuned.parquet"
    with pytest.raises(DataError, match="merged: its files are not those that the tuning run"):
        predict_tuned(
            lamp_splits / "test.parquet",
            lamp_splits / "train.parquet",
            folder,
            PredictSettings(),
            output,
        )
    assert not output.exists()


def test_a_folder_without_a_finished_run_is_refused(lamp_splits, qwen3, tmp_path):
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    with pytest.raises(DataError, match=r"holds no result\.json"):
        predict_tuned(test, train, qwen3, PredictSettings(), tmp_path / "tuned.parquet")


def test_more_shots_than_examples_stop_before_any_answer(lamp_splits, qwen3, tmp_path, caplog):
    caplog.set_level("INFO", logger="tuneline")
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    output = tmp_path / "baselines.parquet"
    with pytest.raises(ConfigurationError, match="shots: 26 wanted, .* holds 25 examples"):
        predict_baselines(test, train, str(qwen3), PredictSettings(shots=(0, 26)), output)
    assert "answered" not in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_split_is_refused(split, lamp_splits, qwen3, tmp_path):
    paths = {name: lamp_splits / f"{name}.parquet" for name in ("train", "test")}
    paths[split] = write_split(tmp_path / f"{split}.parquet", [])
    with pytest.raises(DataError, match=f"{split}.parquet: this split holds no examples"):
        predict_baselines(
            paths["test"], paths["train"], str(qwen3), PredictSettings(), tmp_path / "out.parquet"
        )


def test_an_output_that_cannot_be_written_stops_before_any_work(lamp_splits, tmp_path):
    (tmp_path / "file").write_text("in the way")
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    with pytest.raises(MachineError, match="cannot be written"):
        predict_baselines(
            test, train, "/no/such/model", PredictSettings(), tmp_path / "file" / "out.parquet"
        )


def test_free_answers_get_no_instruction(qwen3, tmp_path):
    rows = [replace(row, label=None) for row in lamps(1, 3)]
    for name in ("train", "test"):
        write_examples(tmp_path / f"{name}.parquet", rows, ExamplesInfo(name, "generation"))
    predicted = predict_baselines(
        tmp_path / "test.parquet",
        tmp_path / "train.parquet",
        str(qwen3),
        PredictSettings(shots=(0,), max_new_tokens=3),
        tmp_path / "out.parquet",
    )
    (candidate,) = predicted.info.candidates
    assert "<|im_start|>system" not in candidate.prompt_example
    assert predicted.rows["label"].to_pylist() == [None] * 3
    assert max(predicted.rows["output_tokens"].to_pylist()) <= 3


@pytest.mark.parametrize("shots", [(), (-1,), (4, 4)])
def test_shots_that_make_no_sense_are_refused(shots):
    with pytest.raises(ValidationError, match="different numbers of shots"):
        PredictSettings(shots=shots)
