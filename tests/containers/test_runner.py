"""Whole pipelines in the real images: ``tuneline run --runner docker``."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from tests.tickets import write_tickets
from tuneline.evaluation.verdict import Verdict
from tuneline.local.docker.orphans import RUN_LABEL
from tuneline.pipelines.compile import compile_pipeline
from tuneline.pipelines.platform import Platform

pytestmark = pytest.mark.containers

QUICK = ("-p", "preset=quick", "-p", "shots=[0]", "-p", "model_name=tickets")
SHORT = ("-p", "overrides={epochs: 0.2}", *QUICK)
WHOLE_RUN_S = 900.0
OTHER_USER = 4242
"""A number that neither this machine nor the images know."""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[docker.DockerClient]:
    """The engine; a test may leave no container of its runs behind."""
    engine = docker.from_env()
    yield engine
    left = containers_below(tmp_path, engine)
    for container in left:
        container.remove(force=True)
    engine.close()
    assert not left


@pytest.fixture(autouse=True)
def images(
    components_image: str,
    trainer_image: str,
    client: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Runs name these images, and have a home of their own."""
    monkeypatch.setenv("TUNELINE_COMPONENTS_IMAGE", components_image)
    monkeypatch.setenv("TUNELINE_TRAINER_IMAGE", trainer_image)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def containers_below(folder: Path, client: docker.DockerClient) -> list[Container]:
    """The containers of the runs in a folder, whatever state they are in."""
    found = client.containers.list(all=True, filters={"label": RUN_LABEL}, ignore_removed=True)
    return [each for each in found if Path(each.labels[RUN_LABEL]).is_relative_to(folder)]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tuneline", "run", *arguments, "--runner", "docker"]


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=WHOLE_RUN_S,
        check=False,
    )


def started(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(command(*arguments), cwd=folder, stderr=subprocess.PIPE, text=True)


def read_until(run: "subprocess.Popen[str]", wanted: str) -> None:
    assert run.stderr is not None
    said = []
    for line in run.stderr:
        said.append(line)
        if wanted in line:
            return
    pytest.fail("".join(said))


def versions(registry: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(registry / "mlflow.db") as database:
        return database.execute("select name, version from model_versions").fetchall()


def as_other_user(words: list[str]) -> list[str]:
    """Run a command as a user without rights, where this one is root.

    The user may use the engine, and read the Python that lies in root's home here.
    """
    path = Path(
        os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    )
    group = path.stat().st_gid
    user = (f"--reuid={OTHER_USER}", f"--regid={OTHER_USER}", f"--groups={group}")
    rights = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
    return ["setpriv", *user, *rights, "--bounding-set=-all,+dac_read_search", *words]


def test_whole_pipeline_as_a_user_without_rights_in_folders_of_odd_names(tmp_path):
    """Data by a relative path, a registry by default, outputs that belong to the user."""
    here = tmp_path / "here"
    (here / "my data:1").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    write_tickets(here / "my data:1" / "rows.jsonl", rows=600)
    options = ("-p", "data=my data:1/rows.jsonl", "-p", "method=full", "--runs", "my runs:1")
    words = command("supervised_tuning", *options, *QUICK)
    owner = os.getuid()
    if owner == 0:
        owner = OTHER_USER
        for folder in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
            folder.chmod(0o755)
        for path in (tmp_path / "home", here, *here.rglob("*")):
            os.chown(path, owner, owner)
        words = as_other_user(words)
    finished = subprocess.run(
        words, cwd=here, capture_output=True, text=True, timeout=WHOLE_RUN_S, check=False
    )
    assert finished.returncode == 0, finished.stderr
    (folder,) = (here / "my runs:1").iterdir()
    verdict = Verdict.model_validate_json((folder / "verdict.json").read_text())
    assert verdict.winner == "full"
    assert verdict.headline in finished.stdout
    assert versions(here / "tuneline-registry") == [("tickets", 1)]
    assert {path.stat().st_uid for path in here.rglob("*")} == {owner}
    result = json.loads((folder / "result.json").read_text())
    assert result["runner"] == "docker"
    assert len(result["images"]) == 2
    assert not (folder / "workspace").exists()


def test_two_runs_at_once_do_not_disturb_each_other(built, tmp_path):
    folders = {name: tmp_path / name for name in ("method_comparison", "learning_curve")}
    options = {"learning_curve": ("-p", "fractions=[0.5]", "-p", "method=full")}
    for folder in folders.values():
        folder.mkdir()
        write_tickets(folder / "data.jsonl", rows=300)
    images = {f"{name}_image": reference for name, reference in built.items()}
    for name, folder in folders.items():
        compile_pipeline(name, Platform(**images), folder / "spec.yaml")
    with ThreadPoolExecutor() as both:
        waiting = {
            name: both.submit(
                run,
                folder,
                "spec.yaml",
                "-p",
                "data=data.jsonl",
                *SHORT,
                *options.get(name, ()),
            )
            for name, folder in folders.items()
        }
    for name, folder in folders.items():
        finished = waiting[name].result()
        assert finished.returncode in (0, 1), finished.stderr
        (report,) = folder.glob("runs/*/report.html")
        assert report.stat().st_size > 0
        (verdict,) = folder.glob("runs/*/verdict.json")
        passed = Verdict.model_validate_json(verdict.read_text()).passed
        assert finished.returncode == (0 if passed else 1), finished.stderr


def test_failure_deep_inside_a_task_is_reported_in_its_own_words(tmp_path):
    rows = [{"prompt": "", "completion": f"answer {number}"} for number in range(50)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    failed = run(tmp_path, "supervised_tuning", "-p", "data=data.jsonl", "-p", "method=full")
    assert failed.returncode == 1, failed.stderr
    assert "data.jsonl" in failed.stderr.split("error:")[1]
    assert "rejected" in failed.stderr.split("error:")[1]
    assert not list(tmp_path.glob("runs/*/verdict.json"))


@pytest.fixture
def tuning(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """A run whose container tunes, for much longer than a test lasts."""
    write_tickets(tmp_path / "data.jsonl", rows=600)
    long = "overrides={epochs: 50, save_steps: 1000000, early_stopping_patience: 0}"
    options = ("-p", "data=data.jsonl", "-p", "method=full", *QUICK, "-p", long)
    with started(tmp_path, "supervised_tuning", *options) as process:
        try:
            read_until(process, "tune: step 1 of")
            yield process
        finally:
            process.kill()


def test_sigterm_stops_the_container_and_leaves_a_checkpoint(tuning, tmp_path, client):
    tuning.send_signal(signal.SIGTERM)
    _, said = tuning.communicate(timeout=90)
    assert tuning.returncode == 143, said
    assert "error:" in said
    assert "step" in said.split("error:")[1]
    assert not containers_below(tmp_path, client)
    (checkpoints,) = tmp_path.glob("runs/*/kfp/*/tune-model/model-checkpoints")
    assert any(checkpoints.iterdir())


def test_container_of_a_killed_run_is_put_away_by_the_next(tuning, tmp_path, client):
    tuning.kill()
    tuning.wait(30)
    assert len(containers_below(tmp_path, client)) == 1
    (tmp_path / "data.jsonl").write_text("")
    run(tmp_path, "supervised_tuning", "-p", "data=data.jsonl", "-p", "method=full")
    assert not containers_below(tmp_path, client)


def test_image_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNELINE_TRAINER_IMAGE", "tuneline/absent:9.9")
    write_tickets(tmp_path / "data.jsonl", rows=20)
    refused = run(tmp_path, "supervised_tuning", "-p", "data=data.jsonl", "-p", "method=full")
    assert refused.returncode == 2
    assert "tuneline/absent:9.9" in refused.stderr
    assert "make images" in refused.stderr
    assert not (tmp_path / "runs").exists()


def test_image_of_another_version(tmp_path, monkeypatch, client, components_image):
    wrong = "tuneline/of-another-version:test"
    text = f'FROM {components_image}\nLABEL tuneline.version="0.0.1"\n'
    client.images.build(fileobj=io.BytesIO(text.encode()), tag=wrong, rm=True)
    try:
        monkeypatch.setenv("TUNELINE_COMPONENTS_IMAGE", wrong)
        write_tickets(tmp_path / "data.jsonl", rows=20)
        refused = run(tmp_path, "supervised_tuning", "-p", "data=data.jsonl", "-p", "method=full")
    finally:
        client.images.remove(wrong, force=True)
    assert refused.returncode == 2
    assert f"{wrong}: holds Tuneline 0.0.1" in refused.stderr
