import dataclasses

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.errors import DataError, MachineError
from tuneline.prediction import store
from tuneline.prediction.candidate_names import name_problem
from tuneline.prediction.store import (
    Candidate,
    Prediction,
    PredictionInfo,
    read_predictions,
    write_predictions,
)


def candidate(name: str) -> Candidate:
    return Candidate(
        name=name,
        kind="baseline",
        engine="transformers",
        model="base",
        model_digest="d" * 64,
        shots=0,
        shot_choice="",
        trainable_parameters=0,
        total_parameters=100,
        adapter_bytes=0,
        training_seconds=0.0,
        training_rows=0,
        training_fraction=1.0,
        prediction_seconds=1.5,
        prompt_example="<|user|>hi",
    )


def info(*names: str) -> PredictionInfo:
    candidates = tuple(candidate(name) for name in names)
    return PredictionInfo("classification", ("a", "b"), "e" * 64, "base", "b" * 64, candidates)


def row(name: str, example_id: str, **changed: object) -> Prediction:
    plain = Prediction(
        candidate=name,
        example_id=example_id,
        turn=1,
        group=None,
        prompt="prompt",
        reference="a",
        prediction="a",
        label="a",
        samples=("a", "b"),
        shot_ids=(),
        prompt_tokens=12,
        output_tokens=1,
        finish_reason="stop",
        reference_nll=None,
        reference_tokens=None,
    )
    return dataclasses.replace(plain, **changed)  # type: ignore[arg-type]


def two_candidates() -> list[Prediction]:
    return [row(name, example_id) for name in ("zero-shot", "pet") for example_id in ("1", "2")]


def as_written(rows: list[Prediction]) -> list[dict[str, object]]:
    listed = {"samples", "shot_ids"}
    return [
        {name: list(value) if name in listed else value for name, value in fields.items()}
        for fields in map(dataclasses.asdict, rows)
    ]


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, info("zero-shot", "pet"), two_candidates())
    read = read_predictions(path)
    assert read.info == info("zero-shot", "pet")
    assert (read.rows, read.pieces) == (2, 1)
    assert read.table("pet").to_pylist() == as_written(two_candidates()[2:])
    assert read.piece("pet", 0, ["example_id"]).to_pylist() == [
        {"example_id": "1"},
        {"example_id": "2"},
    ]


# Parquet text is UTF-8, which has no lone surrogates.
words = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=40)
@given(
    st.lists(st.tuples(words, words, st.none() | words, st.lists(words, max_size=3)), max_size=5)
)
def test_any_text_survives(tmp_path_factory, answers):
    path = tmp_path_factory.mktemp("predictions") / "predictions.parquet"
    rows = [
        row(
            "pet",
            str(index),
            prompt=prompt,
            prediction=prediction,
            label=label,
            samples=tuple(drawn),
        )
        for index, (prompt, prediction, label, drawn) in enumerate(answers)
    ]
    write_predictions(path, info("pet"), rows)
    assert read_predictions(path).table("pet").to_pylist() == as_written(rows)


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 8, 9])
def test_every_candidate_is_cut_into_the_same_pieces(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "ROWS_A_PIECE", 4)
    path = tmp_path / "predictions.parquet"
    names = ("zero-shot", "4-shot", "pet")
    write_predictions(
        path, info(*names), (row(name, str(number)) for name in names for number in range(rows))
    )
    read = read_predictions(path)
    assert read.pieces == -(-rows // 4)
    for name in names:
        sizes = [batch.num_rows for batch in read.batches(name)]
        assert sizes == [4] * (rows // 4) + [rows % 4] * (rows % 4 > 0)
        ids = read.table(name)["example_id"].to_pylist()
        assert ids == [str(number) for number in range(rows)]


def test_bytes_are_deterministic(tmp_path):
    for name in ("first", "second"):
        write_predictions(tmp_path / name, info("zero-shot", "pet"), two_candidates())
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize(
    ("names", "rows", "message"),
    [
        (("pet", "pet"), [], "two candidates have one name"),
        ((), [], "no candidate"),
        (("two\nlines",), [], r"'two\\nlines' is no candidate's name"),
        (("",), [], "'' is no candidate's name"),
        (("n" * 81,), [], r"'n{80}\.\.\.' is no candidate's name: give 1 to 80 printable"),
        (("pet",), [row("full", "1")], "full"),
        (("a", "b"), [row("b", "1"), row("a", "1")], "rows of 'b'"),
        (("a", "b"), [row("a", "1"), row("b", "2")], "same rows in the same order"),
        (("a", "b"), [row("a", "1"), row("b", "1", turn=3)], "same rows in the same order"),
        (("a", "b"), [row("a", "1")], "same rows in the same order"),
    ],
)
def test_rows_that_contradict_each_other_are_not_written(tmp_path, names, rows, message):
    with pytest.raises(DataError, match=message):
        write_predictions(tmp_path / "predictions.parquet", info(*names), rows)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused_by_name(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"x": [1]}), other)
    for path in (text, other, tmp_path / "absent.parquet"):
        with pytest.raises(DataError, match=path.name):
            read_predictions(path)
    with pytest.raises(DataError, match="there is no such file. Give what the predict stage"):
        read_predictions(tmp_path / "absent.parquet")


@given(st.text(max_size=100))
def test_names_fit_in_one_line(name):
    problem = name_problem(name)
    fits = 0 < len(name) <= 80 and name.isprintable() and name.strip() != ""
    assert fits == (not problem)
    assert problem.isprintable()


def rewritten(path, table: pa.Table, **changed: object) -> None:
    """Write the file again with other rows or other words about itself."""
    described = orjson.loads(pq.read_metadata(path).metadata[b"tuneline"])
    metadata = {b"tuneline": orjson.dumps({**described, **changed})}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_another_schema_version_is_refused(tmp_path):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, info("zero-shot", "pet"), two_candidates())
    rewritten(path, pq.read_table(path), schema_version=99)
    with pytest.raises(DataError, match="schema version 99"):
        read_predictions(path)


@pytest.mark.parametrize("damage", ["rows", "column", "count"])
def test_a_file_whose_rows_are_not_what_it_says_is_refused(tmp_path, damage):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, info("pet"), two_candidates()[2:])
    table = pq.read_table(path)
    if damage == "rows":
        rewritten(path, table.slice(1))
    elif damage == "column":
        rewritten(path, table.drop_columns("label"))
    else:
        rewritten(path, table, rows=7)
    with pytest.raises(DataError, match="not those of predictions"):
        read_predictions(path)


def test_rows_of_another_candidate_in_a_candidates_place_are_refused(tmp_path):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, info("zero-shot"), two_candidates()[:2])
    table = pq.read_table(path)
    swapped = table.set_column(0, "candidate", pa.array(["pet", "pet"]))
    rewritten(path, swapped)
    with pytest.raises(DataError, match="another candidate"):
        read_predictions(path).table("zero-shot")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="file"):
        write_predictions(tmp_path / "file" / "predictions.parquet", info("pet"), [])
