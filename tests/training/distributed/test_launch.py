"""What engines put into the environment, and what is started for it."""

import json

import pytest

from tuneline.errors import (
    ConfigurationError,
    DataError,
    MachineError,
    StoppedError,
    TunelineError,
)
from tuneline.training.distributed.launch import Launch, launch_of
from tuneline.training.distributed.ranks import Ranks, ranks_of
from tuneline.training.distributed.worker import read_failure, write_failure

TRAINJOB = {
    "PET_NNODES": "2",
    "PET_NPROC_PER_NODE": "4",
    "PET_NODE_RANK": "1",
    "PET_MASTER_ADDR": "job-node-0-0.job",
    "PET_MASTER_PORT": "29400",
}
PYTORCHJOB = {"MASTER_ADDR": "master-0", "MASTER_PORT": "23456", "WORLD_SIZE": "3", "RANK": "2"}


def vertex(pool: str, index: int, workers: int) -> dict[str, str]:
    """CLUSTER_SPEC of one replica of a custom job, as Vertex AI documents it."""
    cluster = {"workerpool0": ["primary-0:2222"]}
    if workers:
        cluster["workerpool1"] = [f"worker-{i}:2222" for i in range(workers)]
    task = {"type": pool, "index": index, "trial": ""}
    described = {"cluster": cluster, "environment": "cloud", "task": task, "job": "{}"}
    return {"CLUSTER_SPEC": json.dumps(described)}


@pytest.mark.parametrize(
    ("environment", "gpus", "launch"),
    [
        ({}, 0, None),
        ({}, 1, None),
        ({}, 8, Launch(8)),
        ({"LOCAL_RANK": "0", "RANK": "3", **TRAINJOB}, 8, None),
        (TRAINJOB, 8, Launch(4, 2, 1, "job-node-0-0.job", 29400)),
        ({**TRAINJOB, "PET_NPROC_PER_NODE": "auto"}, 8, Launch(8, 2, 1, "job-node-0-0.job", 29400)),
        ({**TRAINJOB, "PET_NPROC_PER_NODE": "gpu"}, 0, Launch(1, 2, 1, "job-node-0-0.job", 29400)),
        ({**TRAINJOB, "PET_NNODES": "1"}, 0, Launch(4)),
        ({"PET_NNODES": "1", "PET_NPROC_PER_NODE": "1"}, 8, None),
        ({**TRAINJOB, "PET_NNODES": "1:3"}, 0, Launch(4, 3, 1, "job-node-0-0.job", 29400)),
        (vertex("workerpool0", 0, 0), 1, None),
        (vertex("workerpool0", 0, 0), 4, Launch(4)),
        (vertex("workerpool0", 0, 2), 4, Launch(4, 3, 0, "primary-0", 2222)),
        (vertex("workerpool1", 0, 2), 4, Launch(4, 3, 1, "primary-0", 2222)),
        (vertex("workerpool1", 1, 2), 0, Launch(1, 3, 2, "primary-0", 2222)),
        # Vertex AI numbers its machines by RANK as well.
        (
            {**PYTORCHJOB, **vertex("workerpool1", 1, 2)},
            1,
            Launch(1, 3, 2, "primary-0", 2222),
        ),
        (PYTORCHJOB, 2, Launch(2, 3, 2, "master-0", 23456)),
        ({**PYTORCHJOB, "WORLD_SIZE": "1", "RANK": "0"}, 1, None),
    ],
)
def test_machines_are_read_from_the_environment(environment, gpus, launch):
    assert launch_of(environment, gpus) == launch


@pytest.mark.parametrize(
    "environment",
    [
        {**TRAINJOB, "PET_NODE_RANK": "first"},
        {"PET_NNODES": "2"},
        {"CLUSTER_SPEC": "{"},
        {"CLUSTER_SPEC": "{}"},
        {**PYTORCHJOB, "WORLD_SIZE": "many"},
    ],
)
def test_an_environment_that_cannot_be_understood_is_shown(environment):
    with pytest.raises(ConfigurationError) as raised:
        launch_of(environment, 1)
    assert all(name in str(raised.value) for name in environment)


def test_ranks_are_those_of_torchrun():
    environment = {
        "RANK": "5",
        "WORLD_SIZE": "8",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "4",
        "GROUP_RANK": "1",
    }
    assert ranks_of(environment) == Ranks(5, 8, 1, 4, 1)
    assert ranks_of({}) == Ranks()
    assert ranks_of(PYTORCHJOB) == Ranks()


@pytest.mark.parametrize(
    "error",
    [
        DataError("row 3"),
        MachineError("full"),
        ConfigurationError(["one", "two"]),
        StoppedError("at step 4", 2),
    ],
)
def test_an_error_passes_from_one_process_to_another(error, tmp_path):
    write_failure(error, tmp_path / "0")
    found = read_failure(tmp_path / "0")
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert found.exit_code == error.exit_code


def test_an_error_of_another_kind_stays_one_of_ours(tmp_path):
    class OwnError(TunelineError):
        pass

    write_failure(OwnError("odd"), tmp_path / "0")
    assert type(read_failure(tmp_path / "0")) is TunelineError
