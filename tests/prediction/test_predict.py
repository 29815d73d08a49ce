import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import ValidationError
from transformers import GenerationConfig

from tests.lamps import COLORS, lamps, write_split
from tests.prediction.questions import CALLING, chat
from tuneline.data.schema import ExamplesInfo, read_examples, write_examples
from tuneline.errors import ConfigurationError, DataError, MachineError
from tuneline.files import sha256_file
from tuneline.models.loading import load_model
from tuneline.models.source import resolve_base_model
from tuneline.prediction import open_model
from tuneline.prediction.decoding import Decoding
from tuneline.prediction.generate import Generator
from tuneline.prediction.predict import predict_baselines, predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.prediction.store import PredictionFile, read_predictions
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
    assert read == given
    (candidate,) = read.info.candidates
    assert (candidate.name, candidate.kind, candidate.shots) == (result.method, result.method, 0)
    assert candidate.model_digest == result.model_digest
    assert candidate.trainable_parameters == result.trainable_parameters
    assert candidate.total_parameters == result.total_parameters
    assert candidate.training_seconds == result.seconds
    # The last row of the training split is longer than the run's limit, and left out.
    assert (candidate.training_rows, candidate.training_fraction) == (24, 1.0)
    adapter = folder / "adapter" / "adapter_model.safetensors"
    assert candidate.adapter_bytes == (adapter.stat().st_size if run == "pet_run" else 0)
    assert (candidate.engine, candidate.model) == ("transformers", result.base_model.reference)
    assert candidate.prediction_seconds > 0
    assert candidate.prompt_example == (
        f"<|im_start|>user\n{TEST[0].turns[0].text}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert read.info.base_digest == result.base_model.digest
    rows = read.table(result.method).to_pylist()
    assert all(row["reference_nll"] > 0 and row["reference_tokens"] > 1 for row in rows)
    assert all((row["turn"], row["samples"], row["shot_ids"]) == (1, [], []) for row in rows)
    assert [row["example_id"] for row in rows] == [example.example_id for example in TEST]
    assert [row["prompt"] for row in rows] == [example.turns[0].text for example in TEST]
    assert [row["reference"] for row in rows] == [example.answer for example in TEST]
    assert [row["label"] for row in rows] == [example.label for example in TEST]


def test_baselines_are_one_candidate_for_each_number_of_shots(baselines, lamp_splits, qwen3):
    read = read_predictions(baselines)
    found = [(each.name, each.kind, each.shots, each.shot_choice) for each in read.info.candidates]
    assert found == [("zero-shot", "baseline", 0, ""), ("2-shot", "baseline", 2, "balanced")]
    base = resolve_base_model(str(qwen3))
    parameters = load_model(qwen3, dtype="float32").num_parameters()
    for candidate in read.info.candidates:
        assert candidate.model_digest == read.info.base_digest == base.digest
        assert (candidate.trainable_parameters, candidate.training_seconds) == (0, 0.0)
        assert candidate.total_parameters == parameters
        assert (candidate.adapter_bytes, candidate.training_rows) == (0, 0)
        assert read.table(candidate.name).num_rows == len(TEST)
    assert read.info.labels == COLORS
    assert read.info.examples_digest == sha256_file(lamp_splits / "test.parquet")
    assert read.info.train_digest == sha256_file(lamp_splits / "train.parquet")
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


def test_the_shots_of_each_row_are_recorded(baselines, lamp_splits):
    read = read_predictions(baselines)
    training = {row.example_id: row for row in read_examples(lamp_splits / "train.parquet")}
    assert read.table("zero-shot")["shot_ids"].to_pylist() == [[]] * len(TEST)
    shot_ids = read.table("2-shot")["shot_ids"].to_pylist()
    assert len({tuple(row) for row in shot_ids}) == 1
    prompt = read.info.candidates[1].prompt_example
    first, second = (training[shot].turns[0].text for shot in shot_ids[0])
    assert 0 < prompt.index(first) < prompt.index(second)


def test_nearest_shots_are_chosen_for_each_row(lamp_splits, qwen3, tmp_path):
    settings = PredictSettings(shots=(0, 2), shot_choice="nearest", likelihood=False)
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    read = predict_baselines(test, train, str(qwen3), settings, tmp_path / "out.parquet")
    rows = read.table("2-shot").to_pylist()
    assert len({tuple(row["shot_ids"]) for row in rows}) > 1
    assert [candidate.shot_choice for candidate in read.info.candidates] == ["", "nearest"]
    assert {row["reference_nll"] for row in rows} == {None}


@pytest.mark.parametrize("turns", ["last", "every"])
def test_conversations_are_asked_at_the_last_or_every_turn(turns, pet_run, lamp_splits, tmp_path):
    rows = [chat("lamp 1?", "red", f"lamp {i}?", "green and blue", group="g" * i) for i in range(3)]
    write_examples(tmp_path / "test.parquet", rows, ExamplesInfo("test", "generation"))
    read = predict_tuned(
        tmp_path / "test.parquet",
        lamp_splits / "train.parquet",
        pet_run,
        PredictSettings(turns=turns),
        tmp_path / "out.parquet",
    )
    found = read.table("pet").to_pylist()
    place = [row.example_id for row in rows].index
    last = [(row.example_id, 3, row.group, f"lamp {i}?") for i, row in enumerate(rows)]
    first = [(row.example_id, 1, row.group, "lamp 1?") for row in rows]
    expected = (
        last
        if turns == "last"
        else sorted(first + last, key=lambda turn: (place(turn[0]), turn[1]))
    )
    keys = ("example_id", "turn", "group", "prompt")
    assert [tuple(row[key] for key in keys) for row in found] == expected
    alone = {row["prompt_tokens"] for row in found if row["turn"] == 1}
    assert turns == "last" or len(alone) == 1


def test_samples_are_kept_beside_the_answer(pet_run, lamp_splits, tmp_path):
    settings = PredictSettings(samples=3, sample_temperature=2.0, likelihood=False)
    paths = (lamp_splits / "test.parquet", lamp_splits / "train.parquet", pet_run)
    read = predict_tuned(*paths, settings, tmp_path / "samples.parquet")
    plain = predict_tuned(*paths, PredictSettings(), tmp_path / "plain.parquet")
    with_samples, without = read.table("pet").to_pylist(), plain.table("pet").to_pylist()
    assert [len(row["samples"]) for row in with_samples] == [3] * len(TEST)
    assert any(len(set(row["samples"])) > 1 for row in with_samples)
    assert [row["prediction"] for row in with_samples] == [row["prediction"] for row in without]


def test_a_tuned_model_decodes_by_its_bases_settings(
    pet_run, lamp_splits, qwen3, tmp_path, monkeypatch
):
    """Its own folder says greedy; a base that samples would be compared with one that does not."""
    base = Path(shutil.copytree(qwen3, tmp_path / "base"))
    GenerationConfig(do_sample=True, temperature=0.7, top_k=5).save_pretrained(base)
    seen = []

    def watched(model, tokenizer, plan):
        seen.append(plan)
        return Generator(model, tokenizer, plan)

    monkeypatch.setattr(open_model, "Generator", watched)
    settings = PredictSettings(decoding="model", max_new_tokens=2, seed=9)
    weights, train = pet_run / "merged", lamp_splits / "train.parquet"
    open_model.OpenModel(weights, train, settings, base)
    assert (seen[0].decoding, seen[0].seed) == (Decoding(0.7, 1.0, 5), 9)


def test_pieces_of_rows_change_nothing(baselines, lamp_splits, qwen3, tmp_path, monkeypatch):
    monkeypatch.setattr(open_model, "_ROWS_AT_ONCE", 3)
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    settings = PredictSettings(shots=(0, 2), seed=1)
    again = predict_baselines(test, train, str(qwen3), settings, tmp_path / "again.parquet")
    assert_same_answers(again, read_predictions(baselines))


def test_calls_are_for_other_models(pet_run, lamp_splits, tmp_path):
    test, train = tmp_path / "test.parquet", lamp_splits / "train.parquet"
    write_examples(test, [CALLING], ExamplesInfo("test", "generation"))
    with pytest.raises(DataError, match="calls.jsonl:4: turns: holds a function part"):
        predict_tuned(test, train, pet_run, PredictSettings(), tmp_path / "out.parquet")


def assert_same_answers(one: PredictionFile, other: PredictionFile) -> None:
    for candidate in other.info.candidates:
        left, right = one.table(candidate.name), other.table(candidate.name)
        assert left.drop_columns("reference_nll").equals(right.drop_columns("reference_nll"))
        assert left["reference_nll"].to_pylist() == pytest.approx(
            right["reference_nll"].to_pylist(), abs=1e-4
        )


def test_the_same_question_gives_the_same_answers(baselines, lamp_splits, qwen3, tmp_path):
    again = predict_baselines(
        lamp_splits / "test.parquet",
        lamp_splits / "train.parquet",
        str(qwen3),
        PredictSettings(shots=(0, 2), seed=1, batch_size=3),
        tmp_path / "again.parquet",
    )
    assert_same_answers(again, read_predictions(baselines))


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
    for first, name in ((1, "train"), (201, "test")):
        rows = [replace(row, label=None) for row in lamps(first, 3)]
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
    rows = predicted.table("zero-shot")
    assert rows["label"].to_pylist() == [None] * 3
    assert max(rows["output_tokens"].to_pylist()) <= 3


@pytest.mark.parametrize("shots", [(), (-1,), (4, 4)])
def test_shots_that_make_no_sense_are_refused(shots):
    with pytest.raises(ValidationError, match="different numbers of shots"):
        PredictSettings(shots=shots)


def test_what_holds_for_every_model_is_said_once():
    with pytest.raises(ValidationError, match="gemini: samples, seed: hold for every model"):
        PredictSettings(gemini={"samples": 2, "seed": 1, "concurrency": 3})
