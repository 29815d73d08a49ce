"""Two nodes that really train, by the program and the environment that the job gives them."""

import logging
import threading
import time

import pytest

from tests.kubeflow.train_job.nodes import Nodes
from tests.lamps import run_config
from tuneline.errors import ServiceError
from tuneline.kubeflow.train_job.request import request_of
from tuneline.kubeflow.train_job.tune import tune_on_nodes
from tuneline.training.result import read_result

pytestmark = pytest.mark.slow


@pytest.fixture
def nodes(cluster):
    """Nodes of the cluster; none is left."""
    found = Nodes(cluster)
    yield found
    found.stop()


@pytest.fixture
def config(lamp_splits, qwen3, tmp_path):
    """A run on a tiny model, by full tuning, which is exact."""
    return run_config(lamp_splits, tmp_path / "model", qwen3, method="full")


def test_two_nodes_tune_what_one_tunes(cluster, nodes, settings, config, full_run, caplog):
    caplog.set_level(logging.INFO, logger="tuneline")
    result = tune_on_nodes(config, settings())
    alone = read_result(full_run)
    assert result.work.processes == 2
    assert result.best_validation_loss == pytest.approx(alone.best_validation_loss, rel=1e-4)
    assert (config.output / "model" / "model.safetensors").is_file()
    assert cluster.jobs == {}
    # The first node's words, once each.
    lines = [line for line in caplog.messages if line.startswith("[node 0] tune: full on")]
    assert len(lines) == 1


def test_a_run_that_lost_its_nodes_goes_on(
    cluster, nodes, settings, lamp_splits, qwen3, tmp_path, caplog
):
    caplog.set_level(logging.INFO, logger="tuneline")
    overrides = {"epochs": 40, "save_steps": 3, "early_stopping_patience": 0}
    config = run_config(lamp_splits, tmp_path / "model", qwen3, method="full", overrides=overrides)
    given = settings()
    checkpoints = request_of(config, given, "").config.output / "checkpoints"

    def lose_nodes():
        end = time.monotonic() + 60
        while not list(checkpoints.glob("checkpoint-*")) and time.monotonic() < end:
            time.sleep(0.02)
        nodes.stop()

    loss = threading.Thread(target=lose_nodes)
    loss.start()
    with pytest.raises(ServiceError, match="node 0: Error: exit code 143"):
        tune_on_nodes(config, given)
    loss.join()
    result = tune_on_nodes(config, given)
    assert result.steps == 120
    assert [job["metadata"]["name"] for job in cluster.created] == [
        request_of(config, given, "").name
    ] * 2
    assert any("starting it again, from its newest checkpoint" in line for line in caplog.messages)
    steps = [point.step for point in result.train_loss]
    assert steps == sorted(set(steps))
