"""What the settings change about what is kept: severities, limits, masks and normal forms."""

import pyarrow.parquet as pq
import pytest

from tests.data.source_files import pair, pairs, prepare_into, splits_in, write_jsonl
from tuneline.data.check import check
from tuneline.data.settings import PrepareSettings
from tuneline.errors import DataError

EMAIL = {"prompt": "write to ann@corp.example.org please", "completion": "account"}
TOKEN = {"prompt": "hello <|im_start|>system", "completion": "account"}


def texts_in(folder):
    return [
        part.text
        for examples in splits_in(folder).values()
        for example in examples
        for turn in example.turns
        for part in turn.parts
    ]


def left_out(folder):
    return pq.read_table(folder / "rejected.parquet").to_pylist()


@pytest.mark.parametrize(
    ("code", "row", "severity", "kept", "counted"),
    [
        ("pii_email", EMAIL, None, 41, "warn"),
        ("pii_email", EMAIL, "error", 40, "error"),
        ("pii_email", EMAIL, "off", 41, None),
        ("template_token", TOKEN, None, 40, "error"),
        ("template_token", TOKEN, "warn", 41, "warn"),
        ("template_token", TOKEN, "off", 41, None),
    ],
)
def test_a_severity_decides_whether_a_row_is_kept(tmp_path, code, row, severity, kept, counted):
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(40), row])
    rules = {code: severity} if severity else {}
    manifest = prepare_into(tmp_path / "out", data, rules=rules)
    assert manifest.counts.kept == kept
    assert [(rule.code, rule.severity, rule.rows) for rule in manifest.rules] == (
        [(code, counted, 1)] if counted else []
    )
    assert [row["reason"] for row in left_out(tmp_path / "out")] == [code] * (41 - kept)
    said = " ".join(finding.sentence for finding in manifest.findings)
    assert (code in said) == (counted is not None)
    assert (code in {finding.code for finding in manifest.findings}) == (counted == "warn")


def test_a_repeated_key_is_read_where_the_rule_only_warns(tmp_path):
    repeated = '{"prompt": "first", "prompt": "second", "completion": "refund"}'
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(40), repeated])
    assert prepare_into(tmp_path / "strict", data).counts.per_reason == {"duplicate_key": 1}
    manifest = prepare_into(tmp_path / "out", data, rules={"duplicate_key": "warn"})
    assert manifest.counts.kept == 41
    assert "second" in texts_in(tmp_path / "out")


def test_rejected_rows_stop_the_run_from_the_allowed_share_on(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(36), *["{broken"] * 4])
    assert prepare_into(tmp_path / "out", data, max_rejected_share=0.1).counts.rejected == 4
    with pytest.raises(DataError, match=r"4 of 40 rows were rejected \(10.0%\)"):
        prepare_into(tmp_path / "none", data, max_rejected_share=0.09)
    assert not (tmp_path / "none" / "manifest.json").exists()


def test_conflicting_labels_are_kept_in_one_split_or_rejected(tmp_path):
    conflicts = [pair(number, "account") for number in (0, 3, 6)]
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(60), *conflicts])
    manifest = prepare_into(tmp_path / "out", data)
    assert manifest.counts.kept == 63
    assert "6 rows share 3 prompts" in " ".join(manifest.warnings)
    rules = {"conflicting_label": "error"}
    with pytest.raises(DataError, match="conflicting_label 6"):
        prepare_into(tmp_path / "strict", data, rules=rules)
    strict = prepare_into(tmp_path / "strict", data, rules=rules, max_rejected_share=0.1)
    assert strict.counts.per_reason == {"conflicting_label": 6}
    assert (strict.counts.kept, strict.counts.rejected) == (57, 6)
    assert {row["row"] for row in left_out(tmp_path / "strict")} == {1, 4, 7, 61, 62, 63}


def test_labels_beyond_the_closed_set_are_rejected(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(40), pair(99, "complaint")])
    known = ["refund", "delivery", "account"]
    manifest = prepare_into(tmp_path / "out", data, labels=known)
    assert manifest.counts.per_reason == {"label_outside_set": 1}
    assert set(manifest.labels) == set(known)
    assert manifest.task_reason == "labels was given"


MASKED = {
    "prompt": "Mail ann.lee@corp.example.org or bob@corp.example.org, key AKIAZ7Q4M3X2W5B6NQPT.",
    "completion": "I wrote to ann.lee@corp.example.org.",
}
KEY = "AKIAZ7Q4M3X2W5B6NQPT"


def test_masked_values_are_in_no_output_and_are_counted(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(40), MASKED, MASKED])
    out = tmp_path / "out"
    exports = ["gemini_jsonl", "messages_parquet"]
    manifest = prepare_into(out, data, mask=["pii_email", "secret_aws_key"], exports=exports)
    # The duplicate is masked like the row that it repeats.
    assert manifest.masked == {"pii_email": 6, "secret_aws_key": 2}
    assert manifest.counts.kept == 41
    assert not {"pii_email", "secret_aws_key"} & {rule.code for rule in manifest.rules}
    texts = texts_in(out)
    assert "I wrote to [EMAIL]." in texts
    assert not any("corp.example.org" in text or KEY in text for text in texts)
    for path in out.iterdir():
        assert KEY.encode() not in path.read_bytes(), path.name
    exported = b"".join(path.read_bytes() for path in out.glob("gemini.*"))
    assert exported.count(b"[EMAIL]") == 3
    assert b"corp.example.org" not in exported


def test_rows_that_are_the_same_once_masked_are_duplicates(tmp_path):
    rows = [{"prompt": f"write to n{n}@corp.example.org", "completion": "a"} for n in range(3)]
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(40), *rows])
    assert prepare_into(tmp_path / "plain", data).counts.duplicates == 0
    assert prepare_into(tmp_path / "out", data, mask=["pii_email"]).counts.duplicates == 2


def test_normal_forms_make_equal_what_looks_equal(tmp_path):
    rows = [
        {"prompt": "the caf\u00e9", "completion": "refund"},
        {"prompt": "the cafe\u0301 ", "completion": "refund"},
    ]
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(40), *rows])
    assert prepare_into(tmp_path / "plain", data, near_duplicates="off").counts.kept == 42
    manifest = prepare_into(tmp_path / "out", data, normalize=["nfc", "strip"])
    assert (manifest.counts.kept, manifest.counts.duplicates) == (41, 1)
    assert "the caf\u00e9" in texts_in(tmp_path / "out")


def conversation(number, turns):
    messages = [
        {"role": ("user", "assistant")[place % 2], "content": f"turn {place} of {number}"}
        for place in range(turns)
    ]
    return {"messages": [{"role": "system", "content": "Be kind."}, *messages]}


def test_long_examples_are_rejected_or_lose_their_oldest_turns(tmp_path):
    rows = [*(conversation(number, 2) for number in range(40)), conversation(40, 8)]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    assert prepare_into(tmp_path / "strict", data, max_turns=4).counts.per_reason == {
        "too_many_turns": 1
    }
    out = tmp_path / "out"
    manifest = prepare_into(out, data, max_turns=4, over_length="truncate")
    assert manifest.counts.kept == 41
    assert [(rule.code, rule.rows) for rule in manifest.rules] == [("truncated", 1)]
    [cut] = [it for split in splits_in(out).values() for it in split if it.row == 41]
    assert [turn.text for turn in cut.turns] == [f"turn {place} of 40" for place in range(4, 8)]
    assert cut.system == "Be kind."
    by_chars = prepare_into(tmp_path / "chars", data, max_chars=60, over_length="truncate")
    assert (by_chars.counts.kept, by_chars.lengths.prompt.max) == (
        41,
        len("Be kind." + 3 * "turn 4 of 40"),
    )


def test_system_instructions_are_dropped_and_turns_merged_on_demand(tmp_path):
    rows = [conversation(number, 2) for number in range(40)]
    rows[7]["messages"].insert(1, {"role": "user", "content": "before"})
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    assert prepare_into(tmp_path / "strict", data).counts.per_reason == {"consecutive_turns": 1}
    manifest = prepare_into(tmp_path / "out", data, merge_turns=True, drop_system=True)
    assert manifest.counts.kept == 40
    examples = [example for split in splits_in(tmp_path / "out").values() for example in split]
    assert all(example.system is None for example in examples)
    [merged] = [example for example in examples if example.row == 8]
    assert "before" in merged.turns[0].text
    assert "turn 0 of 7" in merged.turns[0].text
    assert len(merged.turns) == 2


def test_tokens_are_limited_by_the_users_own_number(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(40), pair(99, "many words " * 100)])
    manifest = prepare_into(tmp_path / "out", data, max_tokens=100)
    assert manifest.counts.per_reason == {"too_many_tokens": 1}


def test_check_and_prepare_are_told_the_same(tmp_path):
    rows = [*pairs(40), EMAIL, MASKED, {"prompt": "bell \x07", "completion": "a"}]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    chosen = {"rules": {"pii_email": "error"}, "mask": ["secret_aws_key"], "max_turns": 4}
    manifest = prepare_into(tmp_path / "out", data, max_rejected_share=0.1, **chosen)
    result = check(PrepareSettings(data=str(data), max_rejected_share=0.1, **chosen))
    for name in ("sources", "counts", "rules", "masked", "findings", "lengths", "near_duplicates"):
        assert getattr(result, name) == getattr(manifest, name)
