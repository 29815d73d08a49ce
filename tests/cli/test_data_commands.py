"""`tuneline check` and `tuneline prepare`: what they take, what they say, and how they end."""

import json

from tests.cli.command_line import left_behind, tuneline

PRICED = "gemini-3.1-flash-lite"


def write_rows(path, count, start=0):
    path.parent.mkdir(exist_ok=True)
    rows = [
        {"prompt": f"question {number * 7919}", "completion": f"answer {number}"}
        for number in range(start, start + count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_folder_and_a_pattern_are_one_data_set(tmp_path):
    write_rows(tmp_path / "data" / "a.jsonl", 30)
    write_rows(tmp_path / "data" / "b.jsonl", 20, start=30)
    checked = tuneline(tmp_path, "check", "data")
    assert checked.returncode == 0
    assert "data: 50 rows read = 50 kept + 0 rejected + 0 duplicates" in checked.stdout
    assert checked.stdout.rstrip().endswith("passed")
    prepared = tuneline(
        tmp_path,
        "prepare",
        "data/*.jsonl",
        "--out",
        "out",
        "-s",
        "exports=[gemini_jsonl]",
        "-s",
        "near_duplicates=off",
    )
    assert prepared.returncode == 0
    assert "read 50 = kept 50 (train " in prepared.stdout
    names = [name for name in left_behind(tmp_path) if name.startswith("out/")]
    assert "out/gemini.train.jsonl" in names
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [source["file"] for source in manifest["sources"]] == ["a.jsonl", "b.jsonl"]
    assert manifest["near_duplicates"] is None


def test_everything_that_is_not_there_is_listed_at_once(tmp_path):
    write_rows(tmp_path / "a.jsonl", 20)
    given = [
        "none/*.jsonl",
        "--test-data",
        "memory://test.jsonl",
        "-s",
        "mixture={gone.jsonl: 1}",
        "-s",
        "validation_data=ftp://host/a.jsonl",
    ]
    for command in (["check", *given], ["prepare", *given, "--out", "out"]):
        refused = tuneline(tmp_path, *command)
        assert refused.returncode == 2
        for word in ("none/*.jsonl", "memory://test.jsonl", "gone.jsonl", "ftp://host/a.jsonl"):
            assert word in refused.stderr
        assert refused.stderr.count("error:") == 1
        assert "Traceback" not in refused.stderr
    assert left_behind(tmp_path) == ["a.jsonl"]


def test_wrong_rules_masks_and_targets_are_wrong_usage(tmp_path):
    write_rows(tmp_path / "a.jsonl", 20)
    wrong = ["-s", "rules={pii_emial: off, bad_json: warn}", "-s", "mask=[duplicate]"]
    refused = tuneline(tmp_path, "check", "a.jsonl", *wrong)
    assert refused.returncode == 2
    for word in ("'pii_email'", "bad_json", "'duplicate' cannot be masked"):
        assert word in refused.stderr
    target = tuneline(
        tmp_path, "prepare", "a.jsonl", "--out", "out", "-s", "target=gemini-3.5-flsh"
    )
    assert target.returncode == 2
    assert "'gemini-3.5-flash'" in target.stderr
    assert left_behind(tmp_path) == ["a.jsonl"]


def test_the_price_is_told_in_words_and_in_json(tmp_path):
    write_rows(tmp_path / "a.jsonl", 300)
    in_words = tuneline(tmp_path, "check", "a.jsonl", "--for", PRICED, "-s", "epochs=2")
    assert in_words.returncode == 0
    assert f"for {PRICED}: " in in_words.stdout
    assert "$" in in_words.stdout
    found = tuneline(tmp_path, "check", "a.jsonl", "--for", PRICED, "-s", "epochs=2", "--json")
    result = json.loads(found.stdout)
    assert result["passed"] is True
    assert result["target"]["cost"]["usd"] > 0
    assert result["target"]["epochs"] == 2
    assert result["target"]["cost_says"] in in_words.stdout
    assert result["target"]["statistics"]["tuningDatasetExampleCount"] > 100


def test_a_target_over_its_limits_ends_both_commands_with_1(tmp_path):
    write_rows(tmp_path / "a.jsonl", 60)
    own = {"engine": "gemini", "as_of": "2026-01-31", "source": "https://example.com/a"}
    models = {"models": {"mine": {**own, "max_train_rows": 20}}}
    (tmp_path / "own.yaml").write_text(json.dumps(models))
    checked = tuneline(tmp_path, "check", "a.jsonl", "--for", "mine", "-s", "catalogue=own.yaml")
    settings = ["-s", "target=mine", "-s", "catalogue=own.yaml"]
    prepared = tuneline(tmp_path, "prepare", "a.jsonl", "--out", "out", *settings)
    assert (checked.returncode, prepared.returncode) == (1, 1)
    assert "refused: mine would refuse this" in checked.stdout
    reason = checked.stdout.split("refused:")[1].strip().splitlines()[0]
    assert "20" in reason
    assert reason in prepared.stderr
    assert left_behind(tmp_path) == ["a.jsonl", "own.yaml"]


def test_json_says_what_the_manifest_says(tmp_path):
    write_rows(tmp_path / "a.jsonl", 40)
    prepared = tuneline(tmp_path, "prepare", "a.jsonl", "--out", "out", "--json")
    assert json.loads(prepared.stdout) == json.loads((tmp_path / "out/manifest.json").read_text())
