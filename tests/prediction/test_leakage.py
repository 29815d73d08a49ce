"""Held-out rows that were learned from are not asked."""

import pytest

from tests.lamps import lamps, write_split
from tuneline.errors import DataError
from tuneline.prediction.predict import predict_baselines, predict_endpoint, predict_tuned
from tuneline.prediction.settings import PredictSettings


def test_a_run_on_another_training_split_is_refused(pet_run, lamp_splits, tmp_path):
    other = write_split(tmp_path / "train.parquet", lamps(1, 24))
    with pytest.raises(DataError, match=r"pet: was tuned on another training split than .*train"):
        predict_tuned(
            *(lamp_splits / "test.parquet", other, pet_run, PredictSettings()),
            tmp_path / "tuned.parquet",
        )
    assert not (tmp_path / "tuned.parquet").exists()


def test_rows_that_were_learned_from_are_not_asked(pet_run, qwen3, lamp_splits, tmp_path):
    test = write_split(tmp_path / "test.parquet", [*lamps(201, 4), *lamps(3, 2)])
    train, output = lamp_splits / "train.parquet", tmp_path / "out.parquet"
    refused = pytest.raises(
        DataError, match=r"train.parquet: 2 of its rows ask .* from lamps.jsonl:3\."
    )
    with refused:
        predict_baselines(test, train, str(qwen3), PredictSettings(), output)
    with refused:
        predict_tuned(test, train, pet_run, PredictSettings(), output)
    with refused:
        predict_endpoint(
            *(test, train, "projects/p/locations/us/endpoints/1", PredictSettings(), output)
        )
    assert not output.exists()
