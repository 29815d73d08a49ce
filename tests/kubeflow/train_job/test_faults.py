"""A cluster that refuses, is slow, breaks off or answers nonsense."""

import re
import socket

import pytest

from tests.kubeflow.train_job.finished import leave_result
from tests.kubeflow.train_job.stand_in import COMPLETE, JOBS, Fault, Stage, running, succeeded
from tuneline.errors import ConfigurationError, ServiceError
from tuneline.kubeflow.train_job import connection
from tuneline.kubeflow.train_job.request import request_of
from tuneline.kubeflow.train_job.tune import tune_on_nodes

RUNTIMES = "/clustertrainingruntimes/"
PODS = "/pods\\?"
LOOK = f"{JOBS}/"
CREATE = f"{JOBS}\\?"


@pytest.fixture(autouse=True)
def script(cluster, settings, config):
    """Nodes that work and leave a result."""
    output = request_of(config, settings(), "").config.output
    finish = Stage(COMPLETE, [succeeded()] * 2, lambda: leave_result(output))
    cluster.script = [Stage(pods=[running()] * 2), finish]


@pytest.mark.parametrize(
    ("method", "pattern"),
    [("GET", RUNTIMES), ("GET", LOOK), ("GET", PODS), ("POST", CREATE), ("DELETE", LOOK)],
    ids=["runtime", "look", "pods", "create", "delete"],
)
@pytest.mark.parametrize("kind", [429, 500, "close", "lost", "garbage"])
def test_what_passes_is_ridden_out(cluster, settings, config, method, pattern, kind):
    cluster.faults = [Fault(method, pattern, kind)]
    assert tune_on_nodes(config, settings()).method == "pet"
    assert len(cluster.created) == 1
    assert cluster.jobs == {}
    assert cluster.faults[0].times == 0


def test_a_job_whose_answer_was_lost_is_looked_for_before_it_is_asked_for_again(
    cluster, settings, config
):
    cluster.faults = [Fault("POST", CREATE, "lost")]
    tune_on_nodes(config, settings())
    assert cluster.asked("POST", CREATE) == 1


def test_a_job_that_another_task_started_at_the_same_moment_is_followed(cluster, settings, config):
    # The look finds none; the job of the other task is there when this one asks for its own.
    cluster.faults = [Fault("POST", CREATE, 409, message="already exists")]
    tune_on_nodes(config, settings())
    assert cluster.asked("POST", CREATE) == 2
    assert len(cluster.created) == 1


def test_the_server_says_how_long_to_wait(cluster, settings, config):
    cluster.faults = [Fault("GET", PODS, 429, headers={"Retry-After": "3600"})]
    with pytest.raises(ServiceError, match=r"pods of tune-.*: 429 fault. It failed for 5 s"):
        tune_on_nodes(config, settings())


def test_an_account_without_the_role_is_told_which_one(cluster, settings, config):
    message = (
        'trainjobs.trainer.kubeflow.org is forbidden: User "system:serviceaccount:team:default" '
        'cannot create resource "trainjobs" in API group "trainer.kubeflow.org"'
    )
    cluster.faults = [Fault("POST", CREATE, 403, message=message)]
    with pytest.raises(ConfigurationError, match="needs a role for it: docs/kubeflow.md") as got:
        tune_on_nodes(config, settings())
    assert message in str(got.value)
    assert cluster.asked("POST", CREATE) == 1


def test_what_the_admission_refuses_is_no_question_of_roles(cluster, settings, config):
    given = settings({"secret_env": [{"secret": "hub", "key": "rank", "env": "PET_NODE_RANK"}]})
    with pytest.raises(ConfigurationError, match="must not have reserved envs") as got:
        tune_on_nodes(config, given)
    assert "role" not in str(got.value)


def test_a_token_of_another_cluster_is_told(cluster, settings, config, tmp_path):
    cluster.write_kubeconfig(tmp_path / "kubeconfig", token="another")
    with pytest.raises(ConfigurationError, match="401 Unauthorized. The token is not accepted"):
        tune_on_nodes(config, settings())


def test_a_token_that_is_renewed_while_the_job_runs_stops_nothing(cluster, settings, config):
    cluster.faults = [Fault("GET", PODS, 401, times=2)]
    assert tune_on_nodes(config, settings()).method == "pet"


def test_a_cluster_without_trainer_is_told_to_install_it(cluster, settings, config):
    cluster.faults = [Fault("GET", RUNTIMES, 404, message="404 page not found", plain=True)]
    with pytest.raises(ConfigurationError, match="install Kubeflow Trainer 2.2 or later"):
        tune_on_nodes(config, settings())


def test_a_trainer_that_is_too_old_is_told(cluster, settings, config):
    message = 'strict decoding error: unknown field "spec.runtimePatches"'
    cluster.faults = [Fault("POST", CREATE, 400, message=message)]
    with pytest.raises(ConfigurationError, match="too old: 2.2 or later is needed"):
        tune_on_nodes(config, settings())


def test_a_cluster_that_is_not_there_is_told_in_time(cluster, settings, config):
    cluster.close()
    with pytest.raises(ServiceError, match="Connection refused"):
        tune_on_nodes(config, settings(failing_s=0.2))


def test_every_call_ends_in_time(cluster, settings, config, monkeypatch, tmp_path):
    monkeypatch.setattr(connection, "_ANSWER_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path = tmp_path / "kubeconfig"
        port = silent.getsockname()[1]
        path.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", path.read_text()))
        with pytest.raises(ServiceError, match="Read timed out"):
            tune_on_nodes(config, settings(failing_s=0.2))


def test_a_path_that_is_lost_for_a_moment_stops_nothing(cluster, settings, config):
    cluster.faults = [Fault("GET", LOOK, 404, message="<html>no such page</html>", plain=True)]
    assert tune_on_nodes(config, settings()).method == "pet"


def test_slow_answers_are_waited_for(cluster, settings, config):
    cluster.faults = [Fault("GET", LOOK, "slow")]
    assert tune_on_nodes(config, settings()).method == "pet"


def test_outside_of_a_pod_the_place_must_be_named(cluster, settings, config, monkeypatch):
    monkeypatch.delenv("TUNELINE_NAMESPACE")
    with pytest.raises(ConfigurationError, match="TUNELINE_NAMESPACE: is not set"):
        tune_on_nodes(config, settings())
    monkeypatch.setenv("TUNELINE_NAMESPACE", "team")
    monkeypatch.delenv("KUBECONFIG")
    with pytest.raises(ConfigurationError, match="elsewhere, set KUBECONFIG"):
        tune_on_nodes(config, settings())
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    with pytest.raises(ConfigurationError, match="The cluster cannot be reached"):
        tune_on_nodes(config, settings())


@pytest.mark.parametrize(
    "content",
    [b"clusters: [", b"- 1\n", b"no mapping", b"", b"clusters: 3", b"\x00", b"\xff\xfe\xff"],
)
def test_a_kubeconfig_that_is_none_is_told_by_its_name(
    settings, config, monkeypatch, tmp_path, content
):
    path = tmp_path / "broken"
    path.write_bytes(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setenv("TUNELINE_NAMESPACE", "team")
    with pytest.raises(
        ConfigurationError, match="cannot be reached: KUBECONFIG .*/broken: "
    ) as got:
        tune_on_nodes(config, settings())
    assert "\n" not in str(got.value)


def test_in_a_pod_its_namespace_is_taken(cluster, settings, config, monkeypatch, tmp_path):
    monkeypatch.delenv("TUNELINE_NAMESPACE")
    (tmp_path / "namespace").write_text("team\n")
    monkeypatch.setattr(connection, "_OWN_NAMESPACE", tmp_path / "namespace")
    assert tune_on_nodes(config, settings()).method == "pet"
