from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.lamps import lamps, run_config, write_split
from tuneline.data.schema import Example, read_examples
from tuneline.errors import ConfigurationError, DataError
from tuneline.prediction import learning_curve
from tuneline.prediction.learning_curve import predict_parts
from tuneline.prediction.predict import predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.prediction.store import read_predictions
from tuneline.training import learning_curve as tuning
from tuneline.training.learning_curve import check_fractions, retune_on_fractions
from tuneline.training.train import train

SETTINGS = PredictSettings(max_new_tokens=4)


@pytest.fixture
def config(lamp_splits, qwen3, tmp_path):
    overrides = {"epochs": 2.0, "batch_size": 8}
    return run_config(lamp_splits, tmp_path / "work", qwen3, overrides=overrides)


@pytest.fixture
def asked_parts(monkeypatch):
    """Records what is tuned on, and tunes nothing."""
    parts: list[tuple[Path, list[Example]]] = []

    def record(config):
        rows = list(read_examples(config.train))
        parts.append((config.output, rows))
        config.output.mkdir(parents=True)

    monkeypatch.setattr(tuning, "tune", record)
    return parts


def test_a_smaller_part_lies_in_each_larger_one_label_by_label(config, asked_parts, tmp_path):
    list(retune_on_fractions(config, [0.75, 0.25, 0.5], tmp_path / "parts"))
    whole = list(read_examples(config.train))
    sizes = [len(rows) for _, rows in asked_parts]
    assert sizes == sorted(sizes)
    for fraction, (_, rows) in zip([0.25, 0.5, 0.75], asked_parts, strict=True):
        of_label = Counter(row.label for row in whole)
        for label, count in Counter(row.label for row in rows).items():
            assert abs(count - fraction * of_label[label]) <= 1
    sets = [{row.example_id for row in rows} for _, rows in asked_parts]
    assert sets[0] < sets[1] < sets[2] < {row.example_id for row in whole}
    order = [row.example_id for row in whole]
    assert all(
        [row.example_id for row in rows] == [i for i in order if i in own]
        for (_, rows), own in zip(asked_parts, sets, strict=True)
    )


def test_the_seed_and_the_content_choose_not_the_order(config, asked_parts, tmp_path):
    list(retune_on_fractions(config, [0.5], tmp_path / "one"))
    turned = [replace(row) for row in reversed(list(read_examples(config.train)))]
    other = config.model_copy(update={"train": write_split(tmp_path / "train.parquet", turned)})
    list(retune_on_fractions(other, [0.5], tmp_path / "two"))
    seeded = config.model_copy(
        update={"overrides": config.overrides.model_copy(update={"seed": 1})}
    )
    list(retune_on_fractions(seeded, [0.5], tmp_path / "three"))
    first, second, third = ({row.example_id for row in rows} for _, rows in asked_parts)
    assert first == second != third


@given(st.integers(1, 40), st.floats(0.01, 0.99))
def test_a_part_has_its_share_and_never_nothing(tmp_path_factory, count, fraction):
    path = write_split(tmp_path_factory.mktemp("part") / "train.parquet", lamps(1, count))
    chosen = sum(rank < fraction for rank in tuning._ranks(path, 0))
    assert chosen >= 1
    assert abs(chosen - fraction * count) <= 3  # one for each label


@pytest.mark.parametrize(
    ("fractions", "problems"),
    [
        ([0.5, 1.0], ["fractions: 1 is no part"]),
        ([0.0, 1.5], ["fractions: 0 is no part", "fractions: 1.5 is no part"]),
        ([0.5, 0.5], ["different parts"]),
        ([], ["different parts"]),
        ([float("nan")], ["fractions: nan is no part"]),
    ],
)
def test_fractions_that_are_no_parts_are_refused(fractions, problems, config, tmp_path):
    with pytest.raises(ConfigurationError) as raised:
        predict_parts(tmp_path, config, fractions, SETTINGS, tmp_path / "out.parquet")
    assert len(raised.value.problems) == len(problems)
    for problem, found in zip(problems, raised.value.problems, strict=True):
        assert problem in found
    check_fractions([0.1, 0.9])


def test_each_part_is_a_candidate_and_nothing_else_is_left(config, lamp_splits, tmp_path):
    output = tmp_path / "curve.parquet"
    read = predict_parts(lamp_splits / "test.parquet", config, [0.5, 0.25], SETTINGS, output)
    found = [
        (each.name, each.kind, each.training_fraction, each.training_rows)
        for each in read.info.candidates
    ]
    rows = {each.training_fraction: each.training_rows for each in read.info.candidates}
    assert found == [("pet 25 %", "pet", 0.25, rows[0.25]), ("pet 50 %", "pet", 0.5, rows[0.5])]
    assert 4 <= rows[0.25] < rows[0.5] <= 15
    assert len({each.model_digest for each in read.info.candidates}) == 2
    assert read.rows == 10
    assert list(tmp_path.iterdir()) == [output]
    assert read_predictions(output) == read


def test_a_part_of_another_split_is_refused(config, lamp_splits, tmp_path):
    test, output = lamp_splits / "test.parquet", tmp_path / "out.parquet"
    other = write_split(tmp_path / "train.parquet", lamps(301, 24))
    fraction, model = next(retune_on_fractions(config, [0.5], tmp_path / "parts"))
    part = model.with_name(f"{model.name}.parquet")
    with pytest.raises(DataError, match="50_percent.parquet: holds rows that .*train"):
        predict_tuned(
            *(test, other, model, SETTINGS, output), training_fraction=fraction, tuned_on=part
        )
    with pytest.raises(DataError, match=r"50_percent: was tuned on another training split than"):
        predict_tuned(*(test, config.train, model, SETTINGS, output), training_fraction=fraction)
    assert not output.exists()


def test_an_interrupted_call_goes_on_where_it_was(config, lamp_splits, tmp_path, monkeypatch):
    test, output = lamp_splits / "test.parquet", tmp_path / "curve.parquet"
    asked = []

    def predicted(*args, name, **facts):
        asked.append(name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return predict_tuned(*args, name=name, **facts)

    monkeypatch.setattr(learning_curve, "predict_tuned", predicted)
    with pytest.raises(KeyboardInterrupt):
        predict_parts(test, config, [0.25, 0.5], SETTINGS, output)
    assert not output.exists()
    assert [path.parent.name for path in config.output.rglob("result.json")] == ["50_percent"]
    tuned_again = []

    def tuned(config):
        tuned_again.append(config.output.name)
        train(config)

    monkeypatch.setattr(tuning, "tune", tuned)
    read = predict_parts(test, config, [0.25, 0.5], SETTINGS, output)
    assert asked == ["pet 25 %", "pet 50 %", "pet 50 %"]
    assert tuned_again == ["50_percent"]
    assert [each.name for each in read.info.candidates] == ["pet 25 %", "pet 50 %"]
    whole = predict_parts(test, config, [0.25, 0.5], SETTINGS, tmp_path / "again.parquet")
    for name in ("pet 25 %", "pet 50 %"):
        assert read.table(name).equals(whole.table(name))


def test_answers_of_other_settings_are_not_taken(config, lamp_splits, tmp_path, monkeypatch):
    test = lamp_splits / "test.parquet"

    def stopped(parts, output):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(learning_curve, "_join", stopped)
        with pytest.raises(KeyboardInterrupt):
            predict_parts(test, config, [0.5], SETTINGS, tmp_path / "one.parquet")
    shorter = SETTINGS.model_copy(update={"max_new_tokens": 1})
    read = predict_parts(test, config, [0.5], shorter, tmp_path / "two.parquet")
    assert max(read.table("pet 50 %")["output_tokens"].to_pylist()) <= 1
    overrides = config.overrides.model_copy(update={"lora_rank": 2})
    other = config.model_copy(update={"overrides": overrides})
    again = predict_parts(test, other, [0.5], SETTINGS, tmp_path / "three.parquet")
    sizes = [file.info.candidates[0].trainable_parameters for file in (read, again)]
    assert sizes[0] == 8 * sizes[1]


def test_other_files_in_the_folder_stay(config, lamp_splits, tmp_path):
    config.output.mkdir()
    note = config.output / "note.txt"
    note.write_text("mine")
    predict_parts(lamp_splits / "test.parquet", config, [0.5], SETTINGS, tmp_path / "c.parquet")
    assert list(config.output.iterdir()) == [note]
