"""Data frames in, data frames out."""

import pandas as pd
import pytest

from tests.data.source_files import pairs, prepare_into, write_jsonl
from tuneline.data.frames import prepare_frame
from tuneline.data.schema import read_examples
from tuneline.errors import ConfigurationError, DataError


def test_a_frame_gives_what_a_file_of_its_rows_gives(tmp_path):
    rows = [*pairs(60), *pairs(2), {"prompt": "", "completion": "refund"}]
    prepared = prepare_frame(pd.DataFrame(rows, index=range(500, 563)))
    manifest = prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows))
    assert prepared.manifest.counts == manifest.counts
    for split in ("train", "validation", "test"):
        frame = getattr(prepared, split)
        expected = list(read_examples(tmp_path / "out" / f"{split}.parquet"))
        assert frame["example_id"].tolist() == [example.example_id for example in expected]
        assert frame["row"].tolist() == [example.row for example in expected]
        assert frame["label"].tolist() == [example.label for example in expected]
        assert frame["turns"][0][0]["parts"][0]["text"] == expected[0].turns[0].text
    assert prepared.rejected["row"].tolist() == [61, 62, 63]
    assert prepared.rejected["reason"].tolist() == ["duplicate", "duplicate", "empty_text"]
    assert {source.file for source in prepared.manifest.sources} == {"frame"}


def test_settings_and_held_out_files_go_with_a_frame(tmp_path):
    rows = [{"text": f"q {number}", "kind": number % 2} for number in range(68)]
    test = write_jsonl(tmp_path / "test.jsonl", rows[60:])
    prepared = prepare_frame(
        pd.DataFrame(rows[:60]),
        prompt_template="Sort: {text}",
        completion_template="{kind}",
        test_data=str(test),
        exports=["gemini_jsonl"],
    )
    assert prepared.manifest.task == "classification"
    assert len(prepared.test) == 8
    assert len(prepared.train) + len(prepared.validation) == 60
    assert prepared.train["label"].isin(["0", "1"]).all()


def test_a_frame_that_cannot_be_used_says_why(tmp_path):
    with pytest.raises(DataError, match="frame: the rows have a"):
        prepare_frame(pd.DataFrame({"a": ["b"] * 20}))
    with pytest.raises(DataError, match="frame: has no rows"):
        prepare_frame(pd.DataFrame({"prompt": [], "completion": []}))
    frame = pd.DataFrame(pairs(20))
    with pytest.raises(ConfigurationError, match="no such setting"):
        prepare_frame(frame, sed=1)
    with pytest.raises(ConfigurationError, match="no such file"):
        prepare_frame(frame, test_data=str(tmp_path / "none.jsonl"))
