"""Every way in which a user's file can be wrong ends in one clear message and no output."""

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from tests.data.source_files import names_in, pair, pairs, prepare_into, write_jsonl
from tuneline.data.check import check
from tuneline.data.settings import PrepareSettings
from tuneline.errors import ConfigurationError, DataError, MachineError, ServiceError


def refused(folder, data, error, **settings):
    """The message of the error that preparing ends with; nothing may be left behind."""
    with pytest.raises(error) as raised:
        prepare_into(folder / "out", data, **settings)
    assert names_in(folder / "out") == []
    return str(raised.value)


def test_missing_files_are_all_named(tmp_path):
    message = refused(
        tmp_path, tmp_path / "none.jsonl", ConfigurationError, test_data=str(tmp_path)
    )
    assert f"{tmp_path / 'none.jsonl'}: no such file" in message
    assert f"{tmp_path}: the folder holds no data file" in message


def test_a_scheme_that_nothing_opens(tmp_path):
    message = refused(tmp_path, "nonsense://bucket/a.jsonl", ConfigurationError)
    assert "nonsense://bucket/a.jsonl: this kind of URI is not taken" in message
    assert "gs://" in message


def test_all_sources_that_are_not_there_are_named_together(tmp_path):
    message = refused(
        tmp_path,
        f"{tmp_path}/none-*.csv",
        ConfigurationError,
        validation_data="memory://a.jsonl",
        test_data="http://example.com/a.jsonl",
        mixture={f"{tmp_path}/gone.jsonl": 2},
    )
    assert message.startswith("4 problems:")
    assert "none-*.csv: matches no file" in message
    assert "memory://a.jsonl: this kind of URI is not taken" in message
    assert "http://example.com/a.jsonl: http:// is open to changes on the way" in message
    assert "gone.jsonl: no such file" in message


def test_a_service_that_fails_is_no_wrong_usage(tmp_path, monkeypatch):
    def down(*_, **__):
        raise RuntimeError("503 try later")

    monkeypatch.setattr(LocalFileSystem, "info", down)
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda *_, **__: (LocalFileSystem(), "/a"))
    message = refused(tmp_path, "gs://bucket/a.jsonl", ServiceError)
    assert message == "gs://bucket/a.jsonl: cannot be looked up (503 try later)."


@pytest.mark.parametrize("content", [[], ["", "  "]])
def test_an_empty_file(tmp_path, content):
    data = write_jsonl(tmp_path / "a.jsonl", content)
    assert "a.jsonl: is empty" in refused(tmp_path, data, DataError)


def test_a_csv_with_a_header_only(tmp_path):
    (tmp_path / "a.csv").write_text("prompt,completion\n")
    assert "a.csv: has no rows" in refused(tmp_path, tmp_path / "a.csv", DataError)


def test_a_file_of_the_wrong_kind(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    message = refused(tmp_path, tmp_path / "a.jsonl", DataError)
    assert "a.jsonl: the name says JSON lines, but the content looks like a PNG image" in message


def test_a_missing_column(tmp_path):
    (tmp_path / "a.csv").write_text("text,category\n" + "hello,greeting\n" * 20)
    message = refused(
        tmp_path,
        tmp_path / "a.csv",
        DataError,
        prompt_template="{txt}",
        completion_template="{category}",
    )
    assert "a.csv: no column 'txt'. Did you mean 'text'?" in message
    assert "The columns are text, category." in message


def test_columns_of_no_known_shape(tmp_path):
    (tmp_path / "a.csv").write_text("text,category\n" + "hello,greeting\n" * 20)
    message = refused(tmp_path, tmp_path / "a.csv", DataError)
    assert "a.csv: the rows have text, category" in message
    assert "prompt_template" in message


def test_too_many_broken_lines(tmp_path):
    rows = [*pairs(10), '{"prompt": "a", "compl', *pairs(6, start=10), {"prompt": "b"}]
    message = refused(tmp_path, write_jsonl(tmp_path / "a.jsonl", rows), DataError)
    assert "a.jsonl: 2 of 18 rows were rejected (11.1%)" in message
    assert "max_rejected_share allows 5.0%" in message
    assert "bad_json 1, missing_field 1" in message
    assert "a.jsonl:11: is not JSON" in message
    assert "a.jsonl:18: completion: is missing; the row has prompt." in message


@pytest.mark.parametrize(
    ("bad", "reason", "problem"),
    [
        ('{"prompt": "a", "compl', "bad_json", "is not JSON"),
        (b'{"prompt": "caf\xe9", "completion": "b"}', "bad_utf8", "is not UTF-8: byte 0xe9"),
        ({"prompt": "a", "completion": ""}, "empty_answer", "completion: is empty"),
        ({"prompt": " ", "completion": "b"}, "empty_text", "prompt: is empty"),
        ([1], "not_object", "must be a JSON object, not a list"),
    ],
)
def test_one_bad_row_in_the_middle_is_rejected_with_its_place(tmp_path, bad, reason, problem):
    rows = [*pairs(20), bad, *pairs(20, start=20)]
    manifest = prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows))
    assert manifest.counts.per_reason == {reason: 1}
    assert manifest.counts.kept == 40
    assert f"The first: a.jsonl:21: {problem}" in manifest.warnings[0]
    assert manifest.findings[0].code == "rejected"


def test_csv_bytes_that_are_no_utf8_reject_their_row_alone(tmp_path):
    lines = [b"prompt,completion\r\n", *(b"q%d,a%d\r\n" % (n, n % 2) for n in range(40))]
    lines[20] = b"caf\xe9,a\r\n"
    (tmp_path / "a.csv").write_bytes(b"".join(lines))
    manifest = prepare_into(tmp_path / "out", tmp_path / "a.csv")
    assert manifest.counts.per_reason == {"bad_utf8": 1}
    assert "a.csv:21: is not UTF-8: byte 0xe9" in manifest.warnings[0]


def test_rows_that_are_all_bad(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", ["{broken"] * 20)
    message = refused(tmp_path, data, DataError)
    assert "none of the first 20 rows" in message
    assert "a.jsonl:1: is not JSON" in message


def test_three_rows_in_all(tmp_path):
    message = refused(tmp_path, write_jsonl(tmp_path / "a.jsonl", pairs(3)), DataError)
    assert "a.jsonl: 3 examples in all, and at least 10 are needed" in message


def test_one_prompt_cannot_fill_three_splits(tmp_path):
    rows = [{"prompt": "same", "completion": f"answer {number}"} for number in range(20)]
    message = refused(tmp_path, write_jsonl(tmp_path / "a.jsonl", rows), DataError)
    assert "1 distinct prompts (or groups) cannot fill 3 splits" in message


def test_a_conversation_of_very_many_turns_is_read(tmp_path):
    def chat(number, turns):
        said = [
            {"role": ("user", "assistant")[place % 2], "content": f"turn {place} of {number}"}
            for place in range(turns)
        ]
        return {"messages": said}

    rows = [*(chat(number * 7919, 2) for number in range(20)), chat(1, 70_000)]
    manifest = prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows))
    assert manifest.counts.kept == 21


def test_a_test_file_without_a_usable_row(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(100))
    held_out = write_jsonl(tmp_path / "b.jsonl", [{"prompt": "", "completion": ""}])
    message = refused(tmp_path, data, DataError, test_data=str(held_out))
    assert "b.jsonl: none of its 1 rows can be kept (1 rejected, 0 duplicates)" in message


def test_an_output_folder_that_cannot_be_made(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(30))
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(MachineError) as raised:
        prepare_into(tmp_path / "file" / "out", data)
    assert str(tmp_path / "file" / "out") in str(raised.value)
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_failed_run_leaves_the_former_one_alone(tmp_path):
    out = tmp_path / "out"
    prepare_into(out, write_jsonl(tmp_path / "a.jsonl", pairs(30)))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(DataError):
        prepare_into(out, write_jsonl(tmp_path / "b.jsonl", [*pairs(20), *["{"] * 20]))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_check_says_the_same_and_writes_nothing(tmp_path):
    rows = [*pairs(10), "{broken", {**pair(99), "completion": ""}]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    result = check(PrepareSettings(data=str(data)))
    assert names_in(tmp_path) == ["a.jsonl"]
    message = refused(tmp_path, data, DataError)
    assert not result.passed
    assert result.failure == message
    assert (result.counts.read, result.counts.kept, result.counts.rejected) == (12, 10, 2)
    assert [problem.split(": is")[0] for problem in result.problems] == [
        "a.jsonl:11",
        "a.jsonl:12: completion",
    ]


def test_check_of_a_file_of_the_wrong_kind_has_nothing_to_count(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"%PDF-1.7")
    result = check(PrepareSettings(data=str(tmp_path / "a.jsonl")))
    assert (result.passed, result.sources, result.counts.read) == (False, [], 0)
    assert "looks like a PDF document" in result.failure


def test_check_of_a_damaged_archive_has_nothing_to_count(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(b"\x1f\x8b")
    result = check(PrepareSettings(data=str(tmp_path / "a.jsonl.gz")))
    assert (result.passed, result.sources, result.counts.read) == (False, [], 0)
    assert "a.jsonl.gz: is cut off or damaged" in result.failure


def test_check_of_a_file_that_breaks_off_counts_what_was_read(tmp_path):
    pq.write_table(pa.Table.from_pylist(pairs(4000)), tmp_path / "a.parquet", row_group_size=2000)
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    second = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(1).column(0)
    place = second.dictionary_page_offset or second.data_page_offset
    content[place : place + 200] = bytes(200)
    (tmp_path / "a.parquet").write_bytes(content)
    data = str(tmp_path / "a.parquet")
    result = check(PrepareSettings(data=data, workers=1))
    assert not result.passed
    assert "a.parquet" in result.failure
    assert refused(tmp_path, data, DataError, workers=1) == result.failure


def test_check_of_a_missing_file_is_wrong_usage(tmp_path):
    with pytest.raises(ConfigurationError, match="no such file"):
        check(PrepareSettings(data=str(tmp_path / "none")))
