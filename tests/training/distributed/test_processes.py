"""Two real processes over gloo: the losses of one, one writer, and a stop that all agree on."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from msgspec.structs import replace

from tests.lamps import lamp, run_config
from tests.tiny_models import save_llava
from tests.training.distributed.several_runs import overrides
from tests.training.shades import COLORS, pictured, write_images
from tuneline.training.result import read_result
from tuneline.training.settings import TrainConfig
from tuneline.training.train import train

pytestmark = pytest.mark.slow

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
LONG = {"epochs": 200, "save_steps": 30, "early_stopping_patience": 0, "learning_rate": 1e-4}


@pytest.fixture(scope="module")
def two(lamp_splits, qwen3, tmp_path_factory) -> tuple[Path, str]:
    """Folder of runs by two processes, by method and sharding, and what they logged."""
    output = tmp_path_factory.mktemp("two")
    module = "tests.training.distributed.several_runs"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
            *("-m", module, str(lamp_splits), str(output), str(qwen3)),
        ],
        env=ENVIRONMENT,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return output, done.stderr


@pytest.mark.parametrize("method", ["pet", "full"])
@pytest.mark.parametrize("sharding", ["none", "full"])
def test_two_processes_give_the_losses_of_one(method, sharding, two, lamp_splits, qwen3, tmp_path):
    config = run_config(
        lamp_splits, tmp_path, qwen3, method=method, overrides=overrides(method, "none")
    )
    one = train(config)
    both = read_result(two[0] / f"{method}-{sharding}")
    for name in ("train_loss", "validation_loss"):
        losses, expected = getattr(both, name), getattr(one, name)
        assert [point.step for point in losses] == [point.step for point in expected]
        assert [point.loss for point in losses] == pytest.approx(
            [point.loss for point in expected], rel=1e-5
        )
    assert (both.work.processes, both.tokens) == (2, one.tokens)
    assert both.work.placement == ("sharded" if sharding == "full" else "replicated")
    assert both.trainable_parameters == one.trainable_parameters
    assert both.data == one.data


def test_rank_0_alone_writes_and_speaks(two):
    output, said = two
    assert "rank 0: tune: done" in said
    assert "rank 1: tune: step" not in said
    for run in output.iterdir():
        assert len(list((run / "tensorboard").iterdir())) == 1
        assert not list(run.rglob("*-of-2"))  # the token files, which both had written


def run_file(path: Path, given: TrainConfig) -> Path:
    path.write_text(yaml.safe_dump(given.model_dump(mode="json", exclude_unset=True)))
    return path


def start(config: Path, environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tuneline", "train", "--config", str(config), "--json"],
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


TWO_HERE = {"PET_NNODES": "1", "PET_NPROC_PER_NODE": "2"}


def read_until(run: "subprocess.Popen[str]", words: str) -> str:
    assert run.stderr is not None
    said = ""
    while words not in said:
        line = run.stderr.readline()
        assert line, said
        said += line
    return said


def workers_of(run: "subprocess.Popen[str]") -> list[Any]:
    return [
        child
        for child in psutil.Process(run.pid).children(recursive=True)
        if "tuneline.training.distributed.worker" in child.cmdline()
    ]


@pytest.mark.parametrize("sharding", ["none", "full"])
def test_a_signal_to_one_process_stops_both_at_the_same_step(
    sharding, lamp_splits, qwen3, tmp_path
):
    # As a TrainJob of one machine with two devices has it.
    settings = {**LONG, "sharding": sharding}
    whole = run_config(lamp_splits, tmp_path / "whole", qwen3, overrides=settings)
    run = start(run_file(tmp_path / "whole.yaml", whole), TWO_HERE)
    told, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    given = run_config(lamp_splits, tmp_path / "run", qwen3, overrides=settings)
    config = run_file(tmp_path / "run.yaml", given)
    run = start(config, TWO_HERE)
    said = read_until(run, "validation loss")
    asked = time.monotonic()
    workers_of(run)[-1].send_signal(signal.SIGTERM)
    _, rest = run.communicate(timeout=60)
    assert time.monotonic() - asked < 25
    assert run.returncode == 128 + signal.SIGTERM, rest
    assert re.search(r"error: Stopped by signal 15 at step \d+ of 600, with a checkpoint", rest)
    run = start(config, TWO_HERE)
    again, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert "resumed at step" in said
    first, second = json.loads(told), json.loads(again)
    for name in ("model_digest", "validation_loss", "train_loss", "tokens"):
        assert first[name] == second[name], name


def test_another_number_of_processes_goes_on_with_the_same_batches(
    lamp_splits, qwen3, tmp_path, caplog
):
    settings = {"epochs": 60, "save_steps": 20, "lora_dropout": 0.0, "early_stopping_patience": 0}
    one = train(run_config(lamp_splits, tmp_path / "one", qwen3, overrides=settings))
    given = run_config(lamp_splits, tmp_path / "run", qwen3, overrides=settings)
    run = start(run_file(tmp_path / "run.yaml", given), TWO_HERE)
    said = read_until(run, "validation loss")
    run.send_signal(signal.SIGTERM)
    _, rest = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM, said + rest
    result = train(given)
    assert "had 2 processes and goes on with 1: the same batches" in caplog.text
    assert result.work.processes == 1
    assert [point.loss for point in result.validation_loss] == pytest.approx(
        [point.loss for point in one.validation_loss], rel=1e-3
    )


@pytest.fixture(scope="module")
def shades(tmp_path_factory) -> Path:
    """Splits of rows with images and, in training, one without; and a model that sees images."""
    folder: Path = tmp_path_factory.mktemp("shades")
    rows = [pictured(folder, i, list(COLORS)[i % 3]) for i in range(1, 22)]
    write_images(folder / "train.parquet", [*rows[:15], replace(lamp(9, "red"), row=16)])
    write_images(folder / "validation.parquet", rows[15:])
    save_llava(folder / "llava")
    return folder


def seeing(shades: Path, output: Path, sharding: str) -> TrainConfig:
    given = {"sharding": sharding, "media_folder": str(shades), "epochs": 2, "max_length": 200}
    return run_config(shades, output, shades / "llava", method="full", overrides=given)


def test_two_processes_see_images_as_one_does(shades, tmp_path):
    run = start(run_file(tmp_path / "run.yaml", seeing(shades, tmp_path / "two", "none")), TWO_HERE)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    one, two = train(seeing(shades, tmp_path / "one", "none")), read_result(tmp_path / "two")
    assert two.work.processes == 2
    assert [point.loss for point in two.validation_loss] == pytest.approx(
        [point.loss for point in one.validation_loss], rel=1e-4
    )


def test_a_split_model_needs_images_in_every_row(shades, tmp_path):
    run = start(run_file(tmp_path / "run.yaml", seeing(shades, tmp_path / "two", "full")), TWO_HERE)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 2
    assert "Some answers have no image before them ({'train': 1, 'validation': 0})" in said


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
    return port


def test_two_worker_pools_of_a_custom_job_are_one_run(lamp_splits, qwen3, tmp_path):
    port = free_port()
    cluster = {"workerpool0": [f"127.0.0.1:{port}"], "workerpool1": ["127.0.0.1:0"]}
    given = run_config(lamp_splits, tmp_path / "run", qwen3, overrides={"lora_dropout": 0.0})
    config = run_file(tmp_path / "run.yaml", given)
    replicas = []
    # Machines share no disk: only the first one's output is written.
    elsewhere = given.model_copy(update={"output": tmp_path / "elsewhere"})
    configs = [config, run_file(tmp_path / "elsewhere.yaml", elsewhere)]
    for pool, config in zip(cluster, configs, strict=True):
        described = {"cluster": cluster, "task": {"type": pool, "index": 0}}
        replicas.append(start(config, {"CLUSTER_SPEC": json.dumps(described)}))
    told = [replica.communicate(timeout=300) for replica in replicas]
    assert [replica.returncode for replica in replicas] == [0, 0], told
    results = [json.loads(out) for out, _ in told]
    assert results[0] == results[1]
    assert results[0]["work"]["processes"] == 2
    assert not (tmp_path / "elsewhere" / "result.json").exists()
    one = train(run_config(lamp_splits, tmp_path / "one", qwen3, overrides={"lora_dropout": 0.0}))
    assert [point["loss"] for point in results[0]["validation_loss"]] == pytest.approx(
        [point.loss for point in one.validation_loss], rel=1e-5
    )


def ended(processes: list[Any]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=25)
    return not alive


def test_a_signal_to_the_launcher_reaches_its_processes(lamp_splits, qwen3, tmp_path):
    given = run_config(lamp_splits, tmp_path / "run", qwen3, overrides=LONG)
    run = start(run_file(tmp_path / "run.yaml", given), TWO_HERE)
    said = read_until(run, "validation loss")
    workers = workers_of(run)
    run.send_signal(signal.SIGUSR1)
    _, rest = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGUSR1, said + rest
    assert "with a checkpoint" in rest
    assert ended(workers)


def test_processes_whose_launcher_is_killed_end_with_a_checkpoint(lamp_splits, qwen3, tmp_path):
    given = run_config(lamp_splits, tmp_path / "run", qwen3, overrides=LONG)
    run = start(run_file(tmp_path / "run.yaml", given), TWO_HERE)
    read_until(run, "validation loss")
    workers = workers_of(run)
    assert len(workers) == 2
    run.kill()
    assert ended(workers)
    (newest, *_) = sorted(
        (int(path.name.split("-")[1]) for path in (tmp_path / "run" / "checkpoints").glob("ch*")),
        reverse=True,
    )
    assert newest % LONG["save_steps"] or newest == LONG["save_steps"]
    run.communicate()


def test_an_error_in_a_process_is_told_in_its_own_words(lamp_splits, qwen3, tmp_path):
    given = run_config(
        lamp_splits, tmp_path / "run", qwen3, overrides={"max_length": 40, "on_too_long": "error"}
    )
    run = start(run_file(tmp_path / "run.yaml", given), TWO_HERE)
    _, said = run.communicate(timeout=120)
    assert run.returncode == 1
    last = said[said.rindex("error: ") :]
    assert last.startswith("error: 1 of 25 examples are longer than 40 tokens:\n  lamps.jsonl:25")


def test_a_process_that_is_killed_ends_the_run_and_the_next_goes_on(lamp_splits, qwen3, tmp_path):
    given = run_config(lamp_splits, tmp_path / "run", qwen3, overrides=LONG)
    config = run_file(tmp_path / "run.yaml", given)
    run = start(config, TWO_HERE)
    read_until(run, "validation loss")
    workers_of(run)[-1].kill()
    _, said = run.communicate(timeout=60)
    assert run.returncode == 3
    assert re.search(r"A process of the run was killed or failed \(exit codes \[.*-9", said)
    run = start(config, TWO_HERE)
    said = read_until(run, "resumed at step")
    run.kill()
    run.communicate()
