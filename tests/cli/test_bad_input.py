"""Bad input: one clear message with file, row and field, an exit code, nothing half-written."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.command_line import left_behind, tuneline
from tests.tickets import write_tickets

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def rows(count: int) -> list[dict[str, str]]:
    return [{"prompt": f"question {i}", "completion": f"answer {i}"} for i in range(count)]


def empty_file(folder):
    (folder / "data.jsonl").write_bytes(b"")
    return "data.jsonl", [], ["data.jsonl", "empty"]


def wrong_kind(folder):
    (folder / "data.jsonl").write_bytes(PNG)
    return "data.jsonl", [], ["data.jsonl", "PNG"]


def parquet_named_csv(folder):
    pq.write_table(pa.table({"a": [1]}), folder / "data.csv")
    return "data.csv", [], ["data.csv", "Parquet"]


def missing_column(folder):
    (folder / "data.csv").write_text("text,category\n" + "hello,greeting\n" * 20)
    templates = ["--prompt-template", "{txt}", "--completion-template", "{category}"]
    return "data.csv", templates, ["data.csv", "'txt'", "'text'"]


def broken_line(folder):
    write_rows(folder / "data.jsonl", rows(15))
    lines = (folder / "data.jsonl").read_text().splitlines()
    lines[7] = lines[7][:-5]
    (folder / "data.jsonl").write_text("\n".join(lines) + "\n")
    return "data.jsonl", [], ["data.jsonl:8", "JSON"]


def no_answer(folder):
    write_rows(folder / "data.jsonl", [*rows(9), {"prompt": "a question", "completion": " "}])
    return "data.jsonl", [], ["data.jsonl:10", "completion"]


def three_rows(folder):
    write_rows(folder / "data.jsonl", rows(3))
    return "data.jsonl", [], ["3", "10"]


def not_utf8(folder):
    write_rows(folder / "data.jsonl", rows(15))
    content = (folder / "data.jsonl").read_bytes().splitlines(keepends=True)
    content[4] = content[4].replace(b"question", b"quest\xffon")
    (folder / "data.jsonl").write_bytes(b"".join(content))
    return "data.jsonl", [], ["data.jsonl:5", "UTF-8"]


INPUTS = [
    empty_file,
    wrong_kind,
    parquet_named_csv,
    missing_column,
    broken_line,
    no_answer,
    three_rows,
    not_utf8,
]


@pytest.mark.parametrize("make", INPUTS)
def test_data_that_says_no(make, tmp_path):
    data, options, words = make(tmp_path)
    before = left_behind(tmp_path)
    prepared = tuneline(tmp_path, "prepare", data, "--out", "prepared", *options)
    checked = tuneline(tmp_path, "check", data, *options)
    assert prepared.returncode == checked.returncode == 1
    for word in words:
        assert word in prepared.stderr
        assert word in checked.stdout
    assert prepared.stderr.count("error:") == 1
    assert "Traceback" not in prepared.stderr + checked.stderr
    assert left_behind(tmp_path) == before


def test_few_bad_rows_are_kept_aside_and_said(tmp_path):
    write_rows(tmp_path / "data.jsonl", rows(100))
    with (tmp_path / "data.jsonl").open("a") as file:
        file.write('{"prompt": "no answer"}\n')
    prepared = tuneline(tmp_path, "prepare", "data.jsonl", "--out", "prepared")
    assert prepared.returncode == 0
    assert "rejected 1" in prepared.stdout
    assert "data.jsonl:101" in prepared.stderr
    assert "completion" in prepared.stderr
    (rejected,) = pq.read_table(tmp_path / "prepared" / "rejected.parquet").to_pylist()
    assert rejected["row"] == 101


def test_duplicate_rows_across_splits_leave_training(tmp_path):
    write_rows(tmp_path / "data.jsonl", rows(100))
    write_rows(tmp_path / "test.jsonl", rows(20))
    options = ("--test-data", "test.jsonl", "--out", "prepared")
    prepared = tuneline(tmp_path, "prepare", "data.jsonl", *options)
    assert prepared.returncode == 0
    assert "data.jsonl:1" in prepared.stderr
    manifest = json.loads((tmp_path / "prepared" / "manifest.json").read_text())
    assert manifest["counts"]["per_split"]["test"] == 20
    assert manifest["counts"]["duplicates"] == 20
    splits = {
        name: set(
            pq.read_table(tmp_path / "prepared" / f"{name}.parquet")["example_id"].to_pylist()
        )
        for name in ("train", "validation", "test")
    }
    assert not splits["test"] & (splits["train"] | splits["validation"])


def test_missing_file_is_wrong_usage(tmp_path):
    for command in (["check"], ["prepare", "--out", "prepared"]):
        result = tuneline(tmp_path, command[0], "nowhere.jsonl", *command[1:])
        assert result.returncode == 2
        assert "nowhere.jsonl" in result.stderr
    assert left_behind(tmp_path) == []


def test_unwritable_output_folder(tmp_path):
    write_tickets(tmp_path / "data.jsonl", rows=100)
    (tmp_path / "file").write_text("in the way")
    before = left_behind(tmp_path)
    prepared = tuneline(tmp_path, "prepare", "data.jsonl", "--out", "file/prepared")
    assert prepared.returncode == 3
    assert "file/prepared" in prepared.stderr
    started = tuneline(
        tmp_path, "run", "supervised_tuning", "-p", "data=data.jsonl", "--runs", "file/r"
    )
    assert started.returncode == 3
    assert "file/r" in started.stderr
    assert left_behind(tmp_path) == before


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (["method=lora"], ["method", "'lora'", "'pet'"]),
        (["base_model=./no/such/model/"], ["base_model", "./no/such/model/"]),
        (["mehtod=pet"], ["mehtod", "'method'"]),
        (["overrides={learning_rat: 1}"], ["learning_rat", "'learning_rate'"]),
        (["method=full", "overrides={lora_rank: 8}"], ["lora_rank", "full"]),
        (["method=lora", "shots=[4, 4]", "preset=slow"], ["method", "shots", "preset"]),
        (["oops"], ["oops", "NAME=VALUE"]),
        (["prompt_template=python3 {text}", "completion_template={x}"], ["python3"]),
    ],
)
def test_wrong_parameters_stop_a_run_before_it_starts(parameters, words, tmp_path):
    write_tickets(tmp_path / "data.jsonl", rows=20)
    options = [option for parameter in parameters for option in ("-p", parameter)]
    started = tuneline(tmp_path, "run", "supervised_tuning", "-p", "data=data.jsonl", *options)
    assert started.returncode == 2
    for word in words:
        assert word in started.stderr
    assert left_behind(tmp_path) == ["data.jsonl"]


def test_train_refuses_wrong_configurations(tmp_path):
    (tmp_path / "run.yaml").write_text("method: lora\nbase_modle: embedded\noutput: out\n")
    refused = tuneline(tmp_path, "train", "--config", "run.yaml")
    assert refused.returncode == 2
    for word in ("run.yaml", "method", "'lora'", "'base_model'", "train", "validation"):
        assert word in refused.stderr
    for name, content in {
        "list.yaml": "[1, 2]",
        "broken.yaml": "{a: [",
        "missing.yaml": None,
    }.items():
        if content is not None:
            (tmp_path / name).write_text(content)
        refused = tuneline(tmp_path, "train", "--config", name)
        assert refused.returncode == 2
        assert name in refused.stderr
    assert not (tmp_path / "out").exists()


def test_bad_data_fails_a_pipeline_with_the_tasks_own_words(tmp_path):
    write_rows(tmp_path / "data.jsonl", rows(3))
    started = tuneline(tmp_path, "run", "supervised_tuning", "-p", "data=data.jsonl")
    assert started.returncode == 1
    assert started.stderr.count("error:") == 1
    assert "10" in started.stderr.split("error:")[1]
    assert "Traceback" not in started.stderr
    (log,) = tmp_path.glob("runs/*/log.txt")
    assert "Traceback" in log.read_text()
    assert not list(tmp_path.glob("runs/*/verdict.json"))


def test_unknown_pipeline_spec_and_command(tmp_path):
    assert "Did you mean" in tuneline(tmp_path, "run", "supervised_tunin", "-p", "data=x").stderr
    (tmp_path / "spec.yaml").write_text("a: 1\n")
    for spec in ("spec.yaml", "nowhere.yaml"):
        refused = tuneline(tmp_path, "run", spec, "-p", "data=x")
        assert refused.returncode == 2
        assert spec in refused.stderr
    podman = tuneline(tmp_path, "run", "supervised_tuning", "-p", "data=x", "--runner", "podman")
    assert podman.returncode == 2
    assert "subprocess or docker" in podman.stderr
    assert tuneline(tmp_path, "trian").returncode == 2
    assert tuneline(tmp_path, "compile", "supervised_tuning").returncode == 2
