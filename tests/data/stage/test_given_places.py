"""What a person may give for data, beside a single file."""

import logging

import pytest

from tests.data.source_files import pairs, prepare_into, splits_in, write_jsonl
from tuneline.errors import ConfigurationError


def test_a_held_out_file_of_the_folder_is_not_trained_on(tmp_path, caplog):
    folder = tmp_path / "data"
    folder.mkdir()
    write_jsonl(folder / "a.jsonl", pairs(60))
    test = write_jsonl(folder / "test.jsonl", pairs(20, start=100))
    with caplog.at_level(logging.WARNING, logger="tuneline"):
        manifest = prepare_into(tmp_path / "out", folder, test_data=str(test))
    assert [source.file for source in manifest.sources] == ["a.jsonl", "test.jsonl"]
    assert manifest.counts.per_split["test"] == 20
    assert manifest.counts.duplicates == 0
    assert "test.jsonl is held out" in caplog.text


def test_empty_files_of_a_folder_are_left_out_with_a_word(tmp_path, caplog):
    folder = tmp_path / "data"
    folder.mkdir()
    write_jsonl(folder / "part-0.jsonl", pairs(30))
    (folder / "part-1.jsonl").touch()
    with caplog.at_level(logging.WARNING, logger="tuneline"):
        for data in (folder, f"{folder}/*.jsonl"):
            assert len(prepare_into(tmp_path / "out", data).sources) == 1
    assert caplog.text.count("part-1.jsonl is empty") == 2


def test_the_outputs_do_not_go_where_data_is_read_from(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", pairs(30))
    with pytest.raises(ConfigurationError, match="Choose another folder"):
        prepare_into(tmp_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_held_out_file_needs_no_time_column(tmp_path):
    rows = [{**row, "day": f"2026-01-{1 + n % 28:02}"} for n, row in enumerate(pairs(60))]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    test = write_jsonl(tmp_path / "b.jsonl", pairs(20, start=100))
    prepare_into(tmp_path / "out", data, test_data=str(test), time_column="day")
    splits = splits_in(tmp_path / "out")
    days = {
        name: [rows[it.row - 1]["day"] for it in splits[name]] for name in ("train", "validation")
    }
    assert max(days["train"]) <= min(days["validation"])
    assert len(splits["test"]) == 20


def test_a_secret_at_the_end_of_the_shown_text_is_concealed_too(tmp_path):
    token = "ghp_" + "a1B2" * 9
    text = "x" * 1970 + " " + token
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(60), {"prompt": text, "completion": ""}])
    prepare_into(tmp_path / "out", data)
    for path in (tmp_path / "out").iterdir():
        assert token[:12].encode() not in path.read_bytes()
