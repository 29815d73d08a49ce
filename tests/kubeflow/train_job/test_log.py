"""The log of node 0, over connections that break, to its last line."""

import logging

import pytest

from tests.kubeflow.train_job.finished import leave_result
from tests.kubeflow.train_job.stand_in import COMPLETE, Fault, Stage, running, succeeded
from tuneline.kubeflow.train_job.request import request_of
from tuneline.kubeflow.train_job.tune import tune_on_nodes


@pytest.fixture
def told(caplog):
    """Lines of node 0 in this task's log."""
    caplog.set_level(logging.INFO, logger="tuneline")
    prefix = "[node 0] "
    return lambda: [
        record.getMessage().removeprefix(prefix)
        for record in caplog.records
        if record.getMessage().startswith(prefix)
    ]


def lines(first, count, minute=0):
    return [
        (f"2026-01-01T00:{minute:02d}:{i:02d}.5Z", f"step {i}") for i in range(first, first + count)
    ]


def test_a_log_is_told_once_over_connections_that_break(cluster, settings, config, told):
    given = settings()
    request = request_of(config, given, "")
    pod = f"{request.name}-node-0-0-x0z9q"
    cluster.logs[pod] = lines(0, 8)
    cluster.cuts = [3, 5]
    cluster.faults = [Fault("GET", f"{pod}/log", 500)]
    finish = Stage(COMPLETE, [succeeded()] * 2, lambda: leave_result(request.config.output))
    cluster.script = [Stage(pods=[running()] * 2), finish]
    tune_on_nodes(config, given)
    assert told() == [f"step {i}" for i in range(8)]
    assert cluster.asked("GET", f"{pod}/log\\?.*sinceSeconds=6") >= 1  # not all of it again


def test_a_node_that_is_started_again_has_another_log(cluster, settings, config, told):
    given = settings()
    request = request_of(config, given, "")
    pod = f"{request.name}-node-0-0-x0z9q"
    cluster.logs = {pod: lines(0, 2), f"{pod}1": lines(0, 3, minute=5)}
    cluster.script = [
        Stage(pods=[running()] * 2),
        Stage(pods=[running()] * 2, generation=1),
        Stage(
            COMPLETE,
            [succeeded()] * 2,
            lambda: leave_result(request.config.output),
            generation=1,
        ),
    ]
    tune_on_nodes(config, given)
    assert told() == [f"step {i}" for i in (0, 1, 0, 1, 2)]


def test_a_log_that_cannot_be_read_stops_nothing(cluster, settings, config, caplog):
    given = settings()
    request = request_of(config, given, "")
    cluster.faults = [Fault("GET", "/log", 403, times=99, message="pods/log is forbidden")]
    finish = Stage(COMPLETE, [succeeded()] * 2, lambda: leave_result(request.config.output))
    cluster.script = [Stage(pods=[running()] * 2), finish]
    assert tune_on_nodes(config, given).method == "pet"
    assert "may be cut short: 403 pods/log is forbidden" in caplog.text
