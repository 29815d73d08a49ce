from tuneline.prediction import open_model
from tuneline.prediction.predict import predict_baselines, predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.progress import Progress


def test_the_progress_counts_one_candidates_rows(lamp_splits, qwen3, tmp_path, monkeypatch):
    shown = []

    class Watched(Progress):
        def __init__(self, doing, total, unit, done=0):
            shown.append((doing, total, unit, done))
            super().__init__(doing, total, unit, done)

    monkeypatch.setattr(open_model, "Progress", Watched)
    monkeypatch.setattr(open_model, "_ROWS_AT_ONCE", 6)
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    settings = PredictSettings(shots=(0,), samples=2, max_new_tokens=1)
    predict_baselines(test, train, str(qwen3), settings, tmp_path / "out.parquet")
    doing = "predict: zero-shot"
    assert shown == [
        (doing, 10, "answers", 0),
        (doing, 20, "samples", 0),
        (doing, 10, "likelihoods", 0),
        (doing, 10, "answers", 6),
        (doing, 20, "samples", 12),
        (doing, 10, "likelihoods", 6),
    ]


def test_a_candidate_has_the_name_that_it_is_given(pet_run, lamp_splits, tmp_path):
    test, train = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    settings = PredictSettings(likelihood=False)
    read = predict_tuned(test, train, pet_run, settings, tmp_path / "out.parquet", name="second")
    (candidate,) = read.info.candidates
    assert (candidate.name, candidate.kind) == ("second", "pet")
