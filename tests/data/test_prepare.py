import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.source_files import LABELS, names_in, pairs, prepare_into, splits_in, write_jsonl
from tuneline.data.check import check
from tuneline.data.manifest import Manifest
from tuneline.data.prepare import PreparedPaths, prepare
from tuneline.data.schema import read_info
from tuneline.data.settings import PrepareSettings
from tuneline.files import sha256_file

OUTPUTS = [
    "manifest.json",
    "rejected.parquet",
    "report.html",
    "test.parquet",
    "train.parquet",
    "validation.parquet",
]


def test_everything_is_written_and_described(tmp_path):
    rows = [*pairs(100), *pairs(5), "{broken"]
    out = tmp_path / "out"
    manifest = prepare_into(out, write_jsonl(tmp_path / "a.jsonl", rows))
    assert names_in(out) == OUTPUTS
    assert Manifest.model_validate_json((out / "manifest.json").read_bytes()) == manifest
    assert json.loads((out / "manifest.json").read_bytes())["counts"] == {
        "read": 106,
        "kept": 100,
        "rejected": 1,
        "duplicates": 5,
        "per_split": {"train": 70, "validation": 9, "test": 21},
        "per_reason": {"bad_json": 1, "duplicate": 5},
    }
    for name, written in manifest.files.items():
        path = out / f"{name}.parquet"
        assert written.rows == pq.read_metadata(path).num_rows
        assert written.sha256 == sha256_file(path)
    assert manifest.task == "classification"
    assert manifest.labels["refund"]["train"] > manifest.labels["refund"]["test"] > 0
    assert manifest.lengths.prompt.max == len("question 99")
    [source] = manifest.sources
    assert (source.file, source.format, source.shape) == ("a.jsonl", "jsonl", "prompt_completion")
    info = read_info(out / "test.parquet")
    assert (info.split, info.task, info.labels) == ("test", "classification", tuple(sorted(LABELS)))
    for examples in splits_in(out).values():
        assert all(example.label == example.answer for example in examples)
        assert [example.row for example in examples] == sorted(example.row for example in examples)


def test_rows_left_out_are_kept_with_their_reason_and_text(tmp_path):
    rows = [*pairs(40), pairs(1)[0], "{broken"]
    prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows))
    duplicate, rejected = pq.read_table(tmp_path / "out" / "rejected.parquet").to_pylist()
    assert duplicate == {
        "source": "a.jsonl",
        "row": 41,
        "kind": "duplicate",
        "reason": "duplicate",
        "field": "",
        "message": "is the same example as a.jsonl:1, which is kept.",
        "text": "question 0\nrefund",
    }
    assert (rejected["row"], rejected["kind"], rejected["text"]) == (42, "rejected", "{broken")


def test_generation_has_no_labels(tmp_path):
    rows = [{"prompt": f"q {n}", "completion": f"answer {n}"} for n in range(50)]
    manifest = prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows))
    assert (manifest.task, manifest.labels) == ("generation", {})
    assert all(
        example.label is None for split in splits_in(tmp_path / "out").values() for example in split
    )


def test_a_label_column_gives_the_label_and_a_group_column_keeps_groups_together(tmp_path):
    rows = [
        {**row, "kind": number % 2, "customer": f"c{number % 17}"}
        for number, row in enumerate(pairs(200))
    ]
    out = tmp_path / "out"
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    manifest = prepare_into(out, data, label_column="kind", group_column="customer")
    assert list(manifest.labels) == ["0", "1"]
    groups = [{example.group for example in split} for split in splits_in(out).values()]
    assert all(groups)
    assert sum(len(group) for group in groups) == 17


def test_own_files_are_the_splits_and_training_loses_what_they_hold(tmp_path):
    data = write_jsonl(
        tmp_path / "train.jsonl",
        [*pairs(60), {"prompt": "question 101", "completion": "another answer"}],
    )
    test = write_jsonl(tmp_path / "test.jsonl", [*pairs(3), *pairs(7, start=100)])
    validation = write_jsonl(tmp_path / "valid.jsonl", [*pairs(2, start=2), *pairs(8, start=200)])
    out = tmp_path / "out"
    manifest = prepare_into(
        out, data, test_data=str(test), validation_data=str(validation), task="classification"
    )
    assert manifest.counts.per_split == {"train": 56, "validation": 9, "test": 10}
    assert manifest.counts.per_reason == {
        "also_in_test": 4,
        "also_in_validation": 1,
        "prompt_in_test": 1,
    }
    assert manifest.counts.read == manifest.counts.kept + manifest.counts.duplicates == 81
    assert "train.jsonl:1" in " ".join(manifest.warnings)
    assert "4 rows are also in the test file" in manifest.warnings[0]
    assert [source.file for source in manifest.sources] == [
        "train.jsonl",
        "valid.jsonl",
        "test.jsonl",
    ]
    prompts = [{example.prompt_id for example in split} for split in splits_in(out).values()]
    assert len(set.union(*prompts)) == sum(map(len, prompts))


def test_a_group_of_the_test_file_does_not_train(tmp_path):
    def grouped(rows, group):
        return [{**row, "customer": group} for row in rows]

    data = write_jsonl(
        tmp_path / "a.jsonl",
        [row for n in range(10) for row in grouped(pairs(5, start=10 * n), f"c{n}")],
    )
    test = write_jsonl(tmp_path / "b.jsonl", grouped(pairs(5, start=500), "c3"))
    manifest = prepare_into(tmp_path / "out", data, test_data=str(test), group_column="customer")
    assert manifest.counts.per_reason == {"group_in_test": 5}


def test_a_test_label_that_training_lacks_is_kept_and_warned_about(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(60))
    test = write_jsonl(tmp_path / "b.jsonl", [{"prompt": "new", "completion": "complaint"}])
    manifest = prepare_into(tmp_path / "out", data, test_data=str(test))
    assert manifest.counts.per_split["test"] == 1
    assert "complaint" not in read_info(tmp_path / "out" / "test.parquet").labels
    assert "1 test rows have a label that no training row has: 'complaint'" in manifest.warnings[0]


def test_files_of_the_same_name_are_told_apart(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    data = write_jsonl(tmp_path / "one" / "a.jsonl", pairs(60))
    test = write_jsonl(tmp_path / "two" / "a.jsonl", pairs(10, start=100))
    manifest = prepare_into(tmp_path / "out", data, test_data=str(test))
    assert [source.file for source in manifest.sources] == ["one/a.jsonl", "two/a.jsonl"]


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_each_format_gives_the_same_examples(tmp_path, form):
    rows = pairs(60)
    path = tmp_path / f"a.{form}"
    if form == "csv":
        lines = ["prompt,completion", *(",".join(row.values()) for row in rows)]
        path.write_text("\r\n".join(lines))
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        write_jsonl(path, rows)
    prepare_into(tmp_path / "out", path)
    write_jsonl(tmp_path / "b.jsonl", rows)
    prepare_into(tmp_path / "expected", tmp_path / "b.jsonl")
    found, expected = (
        {split: [example.example_id for example in examples] for split, examples in it.items()}
        for it in (splits_in(tmp_path / "out"), splits_in(tmp_path / "expected"))
    )
    assert found == expected


def test_names_are_free(tmp_path):
    data = write_jsonl(tmp_path / "artifact", pairs(30))
    names = ("train", "validation", "test", "rejected", "report", "manifest")
    paths = {name: tmp_path / name / "data" for name in names}
    settings = PrepareSettings(data=str(data), exports=["gemini_jsonl"])
    prepare(settings, PreparedPaths(**paths, exports=tmp_path / "exports"))
    assert all(path.is_file() for path in paths.values())
    assert names_in(tmp_path / "exports") == [
        "gemini.test.jsonl",
        "gemini.train.jsonl",
        "gemini.validation.jsonl",
    ]


def test_two_runs_give_the_same_bytes_wherever_they_are_written(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(60), *pairs(3), "{broken"])
    for name in ("one", "two"):
        prepare_into(tmp_path / name, data)
    prepare_into(tmp_path / "two", data)
    for name in OUTPUTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert str(tmp_path) not in (tmp_path / "one" / "manifest.json").read_text()


def test_check_agrees_with_prepare(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(60), *pairs(3), "{broken"])
    manifest = prepare_into(tmp_path / "out", data)
    result = check(PrepareSettings(data=str(data)))
    assert result.passed
    for name in ("counts", "sources", "task", "task_reason", "labels", "lengths", "warnings"):
        assert getattr(result, name) == getattr(manifest, name)
