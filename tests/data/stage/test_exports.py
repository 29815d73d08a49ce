"""Further files beside the canonical ones: the same examples, in the forms of others."""

import json

import pyarrow.parquet as pq
import pytest

from tests.data.hostile_rows import SHAPES
from tests.data.source_files import names_in, pairs, prepare_into, splits_in, write_jsonl
from tuneline.data.shapes.contents import from_contents
from tuneline.data.split.names import SPLITS
from tuneline.files import sha256_file

EXPORTS = ["gemini_jsonl", "prompt_completion_jsonl", "messages_jsonl", "messages_parquet"]

CALL = {
    "tools": [{"functionDeclarations": [{"name": "weather", "description": "Of a city."}]}],
    "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "What is this weather?"},
                {"fileData": {"fileUri": "gs://bucket/a.png", "mimeType": "image/png"}},
            ],
        },
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"at": [1]}}}]},
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "weather", "response": {"result": "rain"}}}],
        },
        {"role": "model", "parts": [{"text": "It rains."}]},
    ],
}


def author_messages(number):
    said = [("user", f"author {number}"), ("bot", f"bot {number}")]
    messages = [{"author": author, "content": content} for author, content in said]
    return {"context": "Be polite.", "messages": messages}


def lines_of(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def content_of(example):
    return (example.turns, example.system, example.tools, example.media_resolution)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder with a file of every shape, prepared with the export for Gemini."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "data").mkdir()
    for name, make in {**SHAPES, "author_messages": author_messages}.items():
        rows = [make(number) for number in range(12)]
        write_jsonl(
            folder / "data" / f"{name}.jsonl", [*rows, CALL] if name == "contents" else rows
        )
    return folder, prepare_into(folder / "out", folder / "data", exports=["gemini_jsonl"])


def test_a_file_of_each_shape_is_read_as_that_shape(mixed):
    _, manifest = mixed
    assert {source.file.removesuffix(".jsonl"): source.shape for source in manifest.sources} == {
        shape: shape for shape in (*SHAPES, "author_messages")
    }
    assert manifest.counts.kept == manifest.counts.read == 12 * (len(SHAPES) + 1) + 1


def test_the_export_for_gemini_holds_what_the_examples_hold(mixed):
    folder, manifest = mixed
    for split, examples in splits_in(folder / "out").items():
        lines = lines_of(folder / "out" / f"gemini.{split}.jsonl")
        found = [from_contents(line) for line in lines]
        assert [content_of(content) for content in found] == [
            content_of(example) for example in examples
        ]
        assert len(examples) == manifest.counts.per_split[split]


def test_what_was_exported_can_be_prepared_again(mixed, tmp_path):
    folder, manifest = mixed
    again = prepare_into(tmp_path / "out", f"{folder}/out/gemini.*.jsonl")
    assert again.counts.kept == again.counts.read == manifest.counts.kept
    ids = [
        {example.example_id for split in splits_in(out).values() for example in split}
        for out in (folder / "out", tmp_path / "out")
    ]
    assert ids[0] == ids[1]


def test_every_export_is_in_the_manifest_with_its_rows_and_digest(tmp_path):
    out = tmp_path / "out"
    manifest = prepare_into(out, write_jsonl(tmp_path / "a.jsonl", pairs(60)), exports=EXPORTS)
    exported = {
        f"{form}.{split}.{suffix}": split
        for form, suffix in (name.rsplit("_", 1) for name in EXPORTS)
        for split in SPLITS
    }
    assert set(manifest.files) == {*SPLITS, "rejected", *exported}
    assert set(names_in(out)) == {
        *exported,
        *(f"{name}.parquet" for name in (*SPLITS, "rejected")),
        "manifest.json",
        "report.html",
    }
    for name, split in exported.items():
        written = manifest.files[name]
        assert written.rows == manifest.counts.per_split[split] > 0
        assert written.sha256 == sha256_file(out / name)
        assert written.bytes == (out / name).stat().st_size
        if name.endswith(".jsonl"):
            assert len(lines_of(out / name)) == written.rows
        else:
            assert pq.read_metadata(out / name).num_rows == written.rows


def test_exports_have_the_rows_of_their_split_in_its_order(tmp_path):
    out = tmp_path / "out"
    prepare_into(out, write_jsonl(tmp_path / "a.jsonl", pairs(60)), exports=EXPORTS)
    for split, examples in splits_in(out).items():
        prompts = [example.turns[0].text for example in examples]
        pair_lines = lines_of(out / f"prompt_completion.{split}.jsonl")
        assert [line["prompt"] for line in pair_lines] == prompts
        chats = lines_of(out / f"messages.{split}.jsonl")
        assert [line["messages"][0]["content"] for line in chats] == prompts
        table = pq.read_table(out / f"messages.{split}.parquet").to_pylist()
        assert [row["messages"][0]["content"] for row in table] == prompts


def test_a_row_that_an_export_cannot_hold_is_rejected_from_all_files(tmp_path):
    rows = [SHAPES["messages"](number) for number in range(41)]
    rows[40]["messages"][2]["weight"] = 0
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    assert prepare_into(tmp_path / "without", data).counts.kept == 41
    manifest = prepare_into(tmp_path / "out", data, exports=["gemini_jsonl"])
    assert manifest.counts.per_reason == {"not_exportable": 1}
    [row] = pq.read_table(tmp_path / "out" / "rejected.parquet").to_pylist()
    assert (row["row"], row["reason"]) == (41, "not_exportable")
    assert "gemini_jsonl" in row["message"]
    exported = [lines_of(tmp_path / "out" / f"gemini.{split}.jsonl") for split in SPLITS]
    assert sum(map(len, exported)) == 40


def test_without_exports_there_are_none(tmp_path):
    manifest = prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", pairs(30)))
    assert set(manifest.files) == {*SPLITS, "rejected"}


def test_an_export_that_is_named_twice_is_written_once(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(30))
    manifest = prepare_into(tmp_path / "out", data, exports=["gemini_jsonl", "gemini_jsonl"])
    assert manifest.parameters["exports"] == ["gemini_jsonl"]
    assert len(lines_of(tmp_path / "out" / "gemini.train.jsonl")) == 21
