"""What counts as almost the same prompt: alike wherever it stands, and never by text alone."""

import random
from string import ascii_lowercase

import pyarrow as pa
import pyarrow.parquet as pq

from tests.data.source_files import prepare_into, write_jsonl

INSTRUCTION = (
    "Read the message of the customer and answer with the name of the queue that it is for: "
)


def question(number):
    letters = random.Random(number)
    return " ".join("".join(letters.choices(ascii_lowercase, k=5)) for _ in range(12))


def row(prompt, number):
    return {"prompt": prompt, "completion": ("refund", "delivery", "account")[number % 3]}


def test_near_twins_of_a_small_test_file_are_found_though_all_prompts_begin_alike(tmp_path):
    rows = [row(INSTRUCTION + question(number), number) for number in range(60)]
    twins = [row(f"{it['prompt']} ok", number) for number, it in enumerate(rows[:12])]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    for name, own in (
        ("few", twins),
        ("many", [*twins, *(row(question(n), n) for n in range(100, 130))]),
    ):
        test = write_jsonl(tmp_path / f"{name}.jsonl", own)
        manifest = prepare_into(tmp_path / name, data, test_data=str(test))
        assert manifest.counts.per_reason == {"near_duplicate_in_test": 12}


def test_rows_with_other_images_or_another_document_are_not_the_same(tmp_path):
    def contents(number, system, parts):
        turns = [
            {"role": "user", "parts": parts},
            {"role": "model", "parts": [{"text": f"a{number}"}]},
        ]
        return {"systemInstruction": {"parts": [{"text": system}]}, "contents": turns}

    asked = {"text": "What is wrong with the part that is shown here?"}
    images = [
        contents(
            n,
            "Be brief.",
            [{"fileData": {"fileUri": f"gs://bucket/{n}.png", "mimeType": "image/png"}}, asked],
        )
        for n in range(40)
    ]
    documents = [contents(n, f"Answer from this text: {question(n)}", [asked]) for n in range(40)]
    for name, rows in (("images", images), ("documents", documents)):
        data = write_jsonl(tmp_path / f"{name}.jsonl", rows)
        manifest = prepare_into(tmp_path / name, data, near_duplicates="remove")
        assert manifest.counts.kept == 40


def test_a_contradiction_is_told_before_near_duplicates_hide_it(tmp_path):
    rows = [row(question(number), number) for number in range(60)]
    rows += [row(question(number), number + 1) for number in range(5)]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    manifest = prepare_into(tmp_path / "out", data, near_duplicates="remove", task="classification")
    assert "conflicting_label" in {finding.code for finding in manifest.findings}


def test_a_file_of_a_folder_may_hold_duplicates_alone(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [row(question(number), number) for number in range(60)]
    write_jsonl(folder / "a.jsonl", rows)
    write_jsonl(folder / "b.jsonl", rows[:3])
    pq.write_table(pa.table({"prompt": [], "completion": []}), folder / "c.parquet")
    manifest = prepare_into(tmp_path / "out", folder)
    assert (manifest.counts.kept, manifest.counts.duplicates) == (60, 3)


def test_exports_of_an_earlier_run_do_not_stay(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", [row(question(n), n) for n in range(40)])
    prepare_into(tmp_path / "out", data, exports=["gemini_jsonl"])
    prepare_into(tmp_path / "out", data)
    assert not list((tmp_path / "out").glob("*.jsonl"))
