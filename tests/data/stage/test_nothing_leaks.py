"""Personal data and secrets are in no file for people, no message and no log."""

import io
import json
import logging

import pyarrow.parquet as pq
import pytest

from tests.data.checks.labelled import labelled_texts
from tests.data.source_files import pair, pairs, prepare_into, write_jsonl
from tuneline.data.check import check
from tuneline.data.checks.table import MASKABLE
from tuneline.data.settings import PrepareSettings
from tuneline.errors import DataError


def marked():
    """A text and the value in it for each kind, the first that is long enough to look for."""
    found: dict[str, tuple[str, str]] = {}
    for text in labelled_texts():
        for code, span in text.finds:
            value = text.text[span.start : span.end]
            if len(value) > 8 and value.isascii():
                found.setdefault(code, (text.text, value))
    return found


MARKED = marked()

PLACES = {
    "kept": lambda text: {"prompt": text, "completion": "refund"},
    "kept answer": lambda text: {"prompt": "what is it, then", "completion": f"{text} {text}"},
    "rejected prompt": lambda text: {"prompt": f"{text} <|im_start|>", "completion": "refund"},
    "rejected answer": lambda text: {"prompt": f"{text} \x07", "completion": text},
    "without answer": lambda text: {"prompt": text, "completion": ""},
    "wrong type": lambda text: {"prompt": [text], "completion": "refund"},
    "an unknown key": lambda text: {"prompt": "a", "answer": text},
    "a key": lambda text: {"prompt": "a", text: "refund"},
    "a key twice": lambda text: "{" + f"{json.dumps(text)}: 1, " * 2 + '"prompt": "a"}',
    "broken": lambda text: '{"prompt": "' + text.replace("\n", " ") + '", "compl',
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A data set with every kind in every place, twice, and all that was said of it."""
    folder = tmp_path_factory.mktemp("everything")
    rows = [*pairs(60), *(make(text) for text, _ in MARKED.values() for make in PLACES.values())]
    rows += [{**pair(1), "completion": text} for text, _ in MARKED.values()]
    data = write_jsonl(folder / "a.jsonl", [*rows, *rows])
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger("tuneline").addHandler(handler)
    try:
        prepare_into(folder / "out", data, max_rejected_share=1)
        result = check(PrepareSettings(data=str(data), max_rejected_share=1))
        with pytest.raises(DataError) as refused:
            prepare_into(folder / "none", data, max_rejected_share=0)
    finally:
        logging.getLogger("tuneline").removeHandler(handler)
    left_out = pq.read_table(folder / "out" / "rejected.parquet").to_pylist()
    return {
        "manifest.json": (folder / "out" / "manifest.json").read_text(),
        "report.html": (folder / "out" / "report.html").read_text(),
        "the log": said.getvalue(),
        "check": result.model_dump_json(),
        "the refusal": str(refused.value),
        "messages of rejected.parquet": "\n".join(row["message"] for row in left_out),
        "texts of rejected.parquet": "\n".join(
            row["text"] for row in left_out if row["kind"] == "rejected"
        ),
        "texts of duplicates": "\n".join(
            row["text"] for row in left_out if row["kind"] == "duplicate"
        ),
    }


def test_the_canaries_are_of_every_kind():
    assert set(MARKED) == set(MASKABLE)


@pytest.mark.parametrize(
    "place",
    [
        "manifest.json",
        "report.html",
        "the log",
        "check",
        "the refusal",
        "messages of rejected.parquet",
        "texts of rejected.parquet",
        "texts of duplicates",
    ],
)
def test_no_value_is_shown(everything, place):
    assert len(everything[place]) > 100
    shown = {code for code, (_, value) in MARKED.items() if value in everything[place]}
    assert shown == set()


def test_masked_values_are_in_no_file_at_all(tmp_path):
    texts = [text for text, _ in MARKED.values()]
    rows = [{"prompt": f"{text} {n}", "completion": text} for n, text in enumerate(texts)]
    out = tmp_path / "out"
    manifest = prepare_into(
        out,
        write_jsonl(tmp_path / "a.jsonl", [*pairs(40), *rows, *rows]),
        mask=sorted(MASKABLE),
        exports=["gemini_jsonl", "messages_jsonl"],
    )
    assert set(manifest.masked) >= set(MASKABLE)
    contents = [path.read_bytes() for path in out.iterdir() if path.suffix != ".parquet"]
    tables = [pq.read_table(path).to_pylist() for path in out.glob("*.parquet")]
    everything = b"".join(contents).decode() + repr(tables)
    shown = {code for code, (_, value) in MARKED.items() if value in everything}
    assert shown == set()


def test_what_the_report_shows_of_kept_rows_is_concealed(tmp_path, caplog):
    rows = [
        {
            "prompt": f"question {n} of person{n}@corp.example.org",
            "completion": f"see a{n}@b.example",
        }
        for n in range(60)
    ]
    out = tmp_path / "out"
    prepare_into(out, write_jsonl(tmp_path / "a.jsonl", rows))
    for said in (
        *((out / name).read_text() for name in ("manifest.json", "report.html")),
        caplog.text,
    ):
        assert "corp.example.org" not in said
        assert "@b.example" not in said
    assert "pii_email" in caplog.text


MAIL = "write to ann@corp.example.org"


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        (f"{MAIL},refund\n" + "question,refund\n" * 20, {}),
        (f"{MAIL},refund\n" + "question,refund\n" * 20, {"shape": "prompt_completion"}),
        (
            f"{MAIL},refund\n" + "question,refund\n" * 20,
            {"prompt_template": "{write to ann@corp}", "completion_template": "{refund}"},
        ),
    ],
)
def test_a_table_without_a_header_shows_no_value_as_a_column(tmp_path, content, settings):
    (tmp_path / "a.csv").write_text(content)
    result = check(PrepareSettings(data=str(tmp_path / "a.csv"), **settings))
    assert "a.csv" in result.failure
    assert "[EMAIL]" in result.failure
    assert "corp.example" not in result.model_dump_json()


def test_names_in_a_conversation_are_concealed_too(tmp_path):
    def chat(role, **more):
        return {
            "messages": [
                {"role": role, "content": "a"},
                {"role": "assistant", "content": "b", **more},
            ]
        }

    good = [chat("user") | {"n": n} for n in range(3)]
    rows = [*good, chat(MAIL), chat("user", **{MAIL: 1})]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    result = check(PrepareSettings(data=str(data), max_rejected_share=1))
    assert {rule.code for rule in result.rules} >= {"unknown_role", "unknown_key"}
    assert "corp.example" not in result.model_dump_json()


def test_rows_that_cannot_be_read_at_all_are_concealed(tmp_path):
    data = write_jsonl(
        tmp_path / "a.jsonl", ['{"ann@corp.example.org": 1, "ann@corp.example.org": 2}']
    )
    result = check(PrepareSettings(data=str(data)))
    assert "[EMAIL]" in result.failure
    assert "corp.example" not in result.model_dump_json()
