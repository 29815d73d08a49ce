"""Whole pipelines by kfp's local runner, from Python and from the compiled specs."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.command_line import tuneline
from tests.tickets import write_tickets
from tuneline.evaluation.verdict import Verdict

pytestmark = pytest.mark.slow

SPECS = Path(__file__).parents[2] / "pipelines" / "specs"
QUICK = ("-p", "preset=quick", "-p", "shots=[0]", "-p", "model_name=tickets")


def run_folder(folder: Path) -> Path:
    (found,) = (folder / "runs").iterdir()
    return found


def versions(folder: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(folder / "tuneline-registry" / "mlflow.db") as database:
        return database.execute("select name, version from model_versions").fetchall()


@pytest.mark.parametrize("pipeline", ["supervised_tuning", str(SPECS / "supervised_tuning.yaml")])
def test_supervised_tuning_registers_what_was_worth_it(pipeline, tmp_path):
    write_tickets(tmp_path / "data.jsonl", rows=600)
    options = ("-p", "data=data.jsonl", "-p", "method=full", *QUICK)
    finished = tuneline(tmp_path, "run", pipeline, *options)
    assert finished.returncode == 0, finished.stderr
    folder = run_folder(tmp_path)
    verdict = Verdict.model_validate_json((folder / "verdict.json").read_text())
    assert verdict.passed
    assert verdict.winner == "full"
    assert verdict.headline in finished.stdout
    result = json.loads((folder / "result.json").read_text())
    assert result["registered"]["name"] == "tickets"
    assert versions(tmp_path) == [("tickets", 1)]
    assert (folder / "report.html").read_text().count("<html") == 1
    assert "tickets version 1" in tuneline(tmp_path, "models").stdout


def test_method_comparison_from_its_spec(tmp_path):
    write_tickets(tmp_path / "data.jsonl", rows=600)
    finished = tuneline(
        tmp_path, "run", str(SPECS / "method_comparison.yaml"), "-p", "data=data.jsonl", *QUICK
    )
    folder = run_folder(tmp_path)
    verdict = Verdict.model_validate_json((folder / "verdict.json").read_text())
    assert {candidate.name for candidate in verdict.candidates} == {"zero-shot", "pet", "full"}
    assert finished.returncode == (0 if verdict.passed else 1)
    tasks = {task["name"] for task in json.loads((folder / "result.json").read_text())["tasks"]}
    assert ("register" in tasks) == verdict.passed


def test_learning_curve_says_whether_more_examples_would_pay(tmp_path):
    write_tickets(tmp_path / "data.jsonl", rows=600)
    options = ("-p", "data=data.jsonl", "-p", "method=full", "-p", "fractions=[0.3]", *QUICK)
    finished = tuneline(tmp_path, "run", str(SPECS / "learning_curve.yaml"), *options)
    assert finished.returncode == 0, finished.stderr
    folder = run_folder(tmp_path)
    (scores,) = folder.rglob("evaluate/scores")
    part, whole = json.loads(scores.read_text())["learning_curve"]
    assert (part["name"], whole["name"]) == ("full 30 %", "full")
    assert part["training_rows"] == pytest.approx(0.3 * whole["training_rows"], abs=8)
    assert part["score"]["value"] < whole["score"]["value"]
    assert "full 30 %" in (folder / "report.html").read_text()
    assert versions(tmp_path) == [("tickets", 1)]


def test_model_that_learned_nothing_is_not_registered(tmp_path):
    """With steps too small to change an answer the gate stays closed."""
    rows = [
        {"prompt": f"ticket number {i}", "completion": "left" if i * 7919 % 13 < 6 else "right"}
        for i in range(200)
    ]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = (
        "-p",
        "data=data.jsonl",
        "-p",
        "overrides={epochs: 0.2, learning_rate: 1e-7}",
        *QUICK,
    )
    finished = tuneline(tmp_path, "run", "supervised_tuning", *options)
    assert finished.returncode == 1, finished.stderr
    assert "registered  nothing" in finished.stdout
    assert "error:" not in finished.stderr
    assert not (tmp_path / "tuneline-registry").exists()


def test_model_that_cannot_be_loaded_fails_the_run_in_the_tasks_own_words(tmp_path):
    write_tickets(tmp_path / "data.jsonl", rows=300)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"")
    options = ("-p", "data=data.jsonl", "-p", "base_model=./model", *QUICK)
    failed = tuneline(tmp_path, "run", "supervised_tuning", *options)
    assert failed.returncode == 2
    assert "model" in failed.stderr.split("error:")[1]
    assert not list(tmp_path.glob("runs/*/verdict.json"))
    assert not (tmp_path / "tuneline-registry").exists()
