import dataclasses

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.errors import DataError, MachineError
from tuneline.prediction.store import (
    Candidate,
    Prediction,
    PredictionInfo,
    PredictionSet,
    read_predictions,
    write_predictions,
)


def candidate(name: str) -> Candidate:
    return Candidate(name, "baseline", 0, 0, 100, 0.0, 1.5, "d" * 64, "<|user|>hi")


def info(*names: str) -> PredictionInfo:
    candidates = tuple(candidate(name) for name in names)
    return PredictionInfo("classification", ("a", "b"), "e" * 64, "base", "b" * 64, candidates)


def row(name: str, example_id: str) -> Prediction:
    return Prediction(name, example_id, "prompt", "a", "a", "a", 12, 1, "stop")


def two_candidates() -> PredictionSet:
    rows = [row(name, example_id) for name in ("zero-shot", "pet") for example_id in ("1", "2")]
    return PredictionSet.of(info("zero-shot", "pet"), rows)


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, two_candidates())
    read = read_predictions(path)
    assert read.info == two_candidates().info
    assert read.rows.equals(two_candidates().rows)
    assert read.rows_of("pet")["candidate"].to_pylist() == ["pet", "pet"]


# Parquet text is UTF-8, which has no lone surrogates.
words = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(words, words, st.none() | words), max_size=5))
def test_any_text_survives(tmp_path_factory, answers):
    path = tmp_path_factory.mktemp("predictions") / "predictions.parquet"
    rows = [
        Prediction("pet", str(index), prompt, prompt, prediction, label, 1, 0, "length")
        for index, (prompt, prediction, label) in enumerate(answers)
    ]
    predictions = PredictionSet.of(info("pet"), rows)
    write_predictions(path, predictions)
    assert read_predictions(path).rows.to_pylist() == [dataclasses.asdict(row) for row in rows]


def test_bytes_are_deterministic(tmp_path):
    for name in ("first", "second"):
        write_predictions(tmp_path / name, two_candidates())
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (PredictionSet.of(info("pet", "pet"), []), "two candidates have one name"),
        (PredictionSet.of(info(), []), "no candidate"),
        (PredictionSet.of(info("pet"), [row("full", "1")]), "full"),
        (
            PredictionSet.of(info("a", "b"), [row("a", "1"), row("b", "2")]),
            "same examples in the same order",
        ),
        (PredictionSet(info("pet"), pa.table({"candidate": ["pet"]})), "columns"),
    ],
)
def test_a_set_that_contradicts_itself_is_not_written(tmp_path, predictions, message):
    with pytest.raises(DataError, match=message):
        write_predictions(tmp_path / "predictions.parquet", predictions)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused_by_name(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"x": [1]}), other)
    for path in (text, other, tmp_path / "absent.parquet"):
        with pytest.raises(DataError, match=path.name):
            read_predictions(path)


def test_another_schema_version_is_refused(tmp_path):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, two_candidates())
    table = pq.read_table(path)
    described = orjson.loads(table.schema.metadata[b"tuneline"])
    newer = orjson.dumps({**described, "schema_version": 2})
    pq.write_table(table.replace_schema_metadata({b"tuneline": newer}), path)
    with pytest.raises(DataError, match="schema version 2"):
        read_predictions(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="file"):
        write_predictions(tmp_path / "file" / "predictions.parquet", two_candidates())
