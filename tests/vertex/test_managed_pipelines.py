"""Managed tuning from the compiled specs: data, tuning, evaluation, gate, registration."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import tuneline
from tests.lamps import COLORS, lamps
from tests.vertex.stand_in import PROJECT, Asked, Reply, Vertex, said
from tests.vertex.tuning.managed import FLASH, OPEN, QUICK, wait_for
from tuneline.evaluation.verdict import Verdict
from tuneline.vertex.tuning.result import read_managed_result

pytestmark = pytest.mark.slow

SPECS = Path(__file__).parents[2] / "pipelines" / "specs"
_COLOR = re.compile("|".join(COLORS))


def knows(asked: Asked) -> Reply:
    """What was tuned says the colour that is asked for."""
    return said(_COLOR.findall(asked.prompt)[-1])


def guesses(asked: Asked) -> Reply:
    """What was not tuned says one colour always."""
    return said(COLORS[0])


def write_lamps(path: Path, rows: int) -> None:
    with path.open("w") as file:
        for example in lamps(1, rows):
            asked, answer = (turn.text for turn in example.turns)
            file.write(json.dumps({"prompt": asked, "completion": answer}) + "\n")


def run(folder: Path, vertex: Vertex, pipeline: str, **parameters):
    write_lamps(folder / "data.jsonl", rows=300)
    return tuneline(folder, *arguments_of(vertex, pipeline, **parameters))


def arguments_of(vertex: Vertex, pipeline: str, **parameters) -> list[str]:
    values = {
        "data": "data.jsonl",
        "project": PROJECT,
        "staging": f"{vertex.bucket}/work",
        "overrides": QUICK,
        "shots": [0],
        "model_name": "lamps",
        "registry": f"vertex://{PROJECT}",
        **parameters,
    }
    options = [part for name, value in values.items() for part in ("-p", f"{name}={_yaml(value)}")]
    return ["run", pipeline, *options]


def _yaml(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def found(folder: Path, name: str) -> Path:
    (path,) = (folder / "runs").rglob(name)
    return path


def verdict_of(folder: Path) -> Verdict:
    (run_folder,) = (folder / "runs").iterdir()
    return Verdict.model_validate_json((run_folder / "verdict.json").read_text())


def require_no_secret(vertex: Vertex, folder: Path, said_by_it: str) -> None:
    key = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    secrets = (vertex.gemini.token, key["private_key"].splitlines()[1])
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    for content in (said_by_it.encode(), *(path.read_bytes() for path in files)):
        assert not any(secret.encode() in content for secret in secrets)


def test_gemini_from_its_spec_to_the_registry(vertex: Vertex, tmp_path):
    vertex.gemini.answer, vertex.tuned_answer = guesses, knows
    finished = run(tmp_path, vertex, str(SPECS / "gemini_tuning.yaml"), base_model=FLASH)
    assert finished.returncode == 0, finished.stderr
    verdict = verdict_of(tmp_path)
    assert (verdict.passed, verdict.winner) == (True, "pet")
    tuned = read_managed_result(found(tmp_path, "tune-managed-model/result"))
    assert len(vertex.tuning_jobs) == 1
    assert verdict.candidate("pet").metrics["accuracy"].value == 1.0
    assert json.loads(found(tmp_path, "tune-managed-model/gcp_resources").read_text())
    (evaluation,) = vertex.evaluations.values()
    assert evaluation["name"].startswith(tuned.model.split("@")[0])
    assert "classification_metrics" in evaluation["metricsSchemaUri"]
    require_no_secret(vertex, tmp_path, finished.stdout + finished.stderr)
    listed = tuneline(tmp_path, "models", "--registry", f"vertex://{PROJECT}/us")
    assert "lamps version 1 (" in listed.stdout
    assert "champion" in listed.stdout


def test_gemini_that_does_no_better_is_not_registered(vertex: Vertex, tmp_path):
    vertex.gemini.answer = vertex.tuned_answer = guesses
    finished = run(tmp_path, vertex, "gemini_tuning", base_model=FLASH)
    assert finished.returncode == 1, finished.stderr
    assert not verdict_of(tmp_path).passed
    assert not vertex.evaluations
    assert vertex.count("MergeVersionAliases") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_that_is_stopped_cancels_the_job_and_says_so(vertex: Vertex, tmp_path, number):
    vertex.hangs = True
    write_lamps(tmp_path / "data.jsonl", rows=300)
    arguments = arguments_of(vertex, "gemini_tuning", base_model=FLASH)
    running = subprocess.Popen(
        [sys.executable, "-m", "tuneline", *arguments],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: list((tmp_path / "runs").rglob("tune-managed-model/gcp_resources")))
    running.send_signal(number)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 128 + number, told
    assert "Asked to stop, so the job was cancelled" in told
    (job,) = vertex.tuning_jobs.values()
    assert job.resource["state"] == "JOB_STATE_CANCELLED"


def test_an_open_model_from_its_spec(vertex: Vertex, qwen3, full_run, tmp_path):
    vertex.tuned_weights = full_run / "model"
    finished = run(
        tmp_path,
        vertex,
        str(SPECS / "managed_open_tuning.yaml"),
        base_model=OPEN,
        method="full",
        base_weights=str(qwen3),
        registry="tuneline-registry",
    )
    verdict = verdict_of(tmp_path)
    assert finished.returncode == (0 if verdict.passed else 1), finished.stderr
    assert {candidate.name for candidate in verdict.candidates} == {"zero-shot", "full"}
    tuned = read_managed_result(found(tmp_path, "tune-managed-model/result"))
    assert verdict.candidate("full").cost.training_seconds == tuned.seconds


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"base_model": FLASH, "overrides": {"adapter_size": 5}}, "adapter_size"),
        ({"base_model": "gemini-2.0-flash"}, "was retired"),
        ({"base_model": FLASH, "staging": "bucket"}, "staging"),
        ({"base_model": FLASH, "max_cost_usd": -1}, "max_cost_usd"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_step(vertex, tmp_path, values, message):
    finished = run(tmp_path, vertex, "gemini_tuning", **values)
    assert finished.returncode == 2
    assert message in finished.stderr
    assert not (tmp_path / "runs").exists()
    assert not vertex.calls


def test_the_trainer_pipeline_says_where_managed_models_go(tmp_path):
    write_lamps(tmp_path / "data.jsonl", rows=30)
    options = ("-p", "data=data.jsonl", "-p", f"base_model={FLASH}")
    finished = tuneline(tmp_path, "run", "supervised_tuning", *options)
    assert finished.returncode == 2
    assert "run the pipeline gemini_tuning" in finished.stderr
