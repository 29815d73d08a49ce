"""Equal inputs and settings give equal bytes, however the work is shared out."""

import io
import json
import logging

import pyarrow.parquet as pq
import pytest

from tests.data.hostile_rows import SHAPES
from tests.data.source_files import pair, pairs, prepare_into, write_jsonl
from tests.data.stage.pieces import small_pieces
from tests.data.stage.test_splits import twins
from tuneline.data.writing import second_pass

CHOSEN = {
    "exports": ["gemini_jsonl", "messages_parquet"],
    "mask": ["pii_email"],
    "normalize": ["nfc", "strip"],
    "max_rejected_share": 1,
}


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A file with some of everything, and a held-out one."""
    folder = tmp_path_factory.mktemp("sources")
    odd = ["{broken", [1], pair(3), "", b'{"prompt": "\xff", "completion": "b"}']
    mails = [{"prompt": f"write to n{n}@corp.example.org", "completion": "refund"} for n in (1, 2)]
    rows = [*pairs(60), *odd, *mails, *twins(20), *pairs(9), pair(1, "account"), *odd]
    data = write_jsonl(folder / "a.jsonl", rows)
    return data, write_jsonl(folder / "test.jsonl", [*pairs(5), *pairs(9, start=900), "{"])


@pytest.fixture(scope="module")
def expected(sources, tmp_path_factory):
    """The result in one process, the file cut in pieces as others are."""
    data, test = sources
    out = tmp_path_factory.mktemp("expected") / "out"
    with pytest.MonkeyPatch.context() as patch:
        assert small_pieces(patch, data) > 15
        prepare_into(out, data, test_data=str(test), workers=1, **CHOSEN)
    return bytes_of(out)


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_the_number_of_workers_changes_no_byte(sources, expected, tmp_path, monkeypatch, workers):
    data, test = sources
    small_pieces(monkeypatch, data)
    prepare_into(tmp_path / "out", data, test_data=str(test), workers=workers, **CHOSEN)
    found = bytes_of(tmp_path / "out")
    assert found.keys() == expected.keys()
    for name, content in found.items():
        assert content == expected[name], name


def test_other_pieces_change_no_row(sources, expected, tmp_path):
    """Where a file is cut follows from it alone; however it is cut, no row is lost or moved."""
    data, test = sources
    out = tmp_path / "out"
    prepare_into(out, data, test_data=str(test), **CHOSEN)
    for name in expected.keys() - {"manifest.json", "report.html", "rejected.parquet"}:
        assert (out / name).read_bytes() == expected[name], name
    left_out = pq.read_table(io.BytesIO(expected["rejected.parquet"])).to_pylist()
    assert pq.read_table(out / "rejected.parquet").to_pylist() == left_out
    said = json.loads((out / "manifest.json").read_bytes())
    known = json.loads(expected["manifest.json"])
    assert said["files"].pop("rejected")["rows"] == known["files"].pop("rejected")["rows"]
    assert said == known


def test_another_seed_gives_another_split(sources, expected, tmp_path):
    data, test = sources
    prepare_into(tmp_path / "out", data, test_data=str(test), seed=1, **CHOSEN)
    assert bytes_of(tmp_path / "out")["train.parquet"] != expected["train.parquet"]


def test_workers_say_nothing_of_their_own(sources, tmp_path, monkeypatch, caplog, capfd):
    data, _ = sources
    small_pieces(monkeypatch, data)
    with caplog.at_level(logging.WARNING):
        manifest = prepare_into(tmp_path / "out", data, workers=2, **CHOSEN)
    assert [record.getMessage() for record in caplog.records] == [
        f"data: {sentence}" for sentence in manifest.warnings
    ]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("shape", ["messages", "contents", "sharegpt"])
def test_conversations_in_two_processes(tmp_path, monkeypatch, shape):
    data = write_jsonl(tmp_path / "a.jsonl", [SHAPES[shape](number) for number in range(30)])
    small_pieces(monkeypatch, data)
    for workers in (1, 2):
        prepare_into(tmp_path / f"out{workers}", data, workers=workers)
    assert bytes_of(tmp_path / "out1") == bytes_of(tmp_path / "out2")


def test_many_left_out_rows_of_a_file_that_is_one_piece_are_written_as_a_stream(
    tmp_path, monkeypatch
):
    """CSV stays whole, so what it leaves out must not wait for its end; nothing is lost by that."""
    rows = [*pairs(60), *pairs(60), *pairs(60)]
    lines = ["prompt,completion", *(",".join(row.values()) for row in rows), ",", ","]
    data = tmp_path / "a.csv"
    data.write_text("\n".join(lines))
    whole = prepare_into(tmp_path / "whole", data)
    monkeypatch.setattr(second_pass, "_LEFT_OUT_AT_ONCE", 1)
    parts = prepare_into(tmp_path / "parts", data)
    assert parts.counts == whole.counts
    found = [pq.read_table(tmp_path / name / "rejected.parquet") for name in ("whole", "parts")]
    assert found[0].num_rows == 122
    assert found[0].sort_by("row") == found[1].sort_by("row")
