"""Starts a run on all devices of a machine, or joins the machines that an engine started.

The same entry point serves a laptop, torchrun, a Vertex AI custom job with one or more worker
pools, and a Kubeflow TrainJob: what each of them puts into the environment is read here, and
PyTorch's elastic launcher starts one process for each device.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tuneline.errors import ConfigurationError, MachineError, StoppedError
from tuneline.stop import signals_heard
from tuneline.training.distributed.ranks import joined
from tuneline.training.distributed.worker import FAILURE, OUTCOME, WORKER, read_failure
from tuneline.training.lease import while_followed
from tuneline.training.result import read_result
from tuneline.training.settings import TasksConfig
from tuneline.training.train import train

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.errors import TunelineError
    from tuneline.training.result import TuningResult
    from tuneline.training.settings import TrainConfig

_PORT = 29500
_JOIN_TIMEOUT_S = 900
_STOP_TIMEOUT_S = 28
"""Longest wait for the processes once asked to stop; Kubernetes kills after 30 s."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Processes to start.

    Attributes:
        processes: Of this machine.
        nodes: Machines of the run.
        node: This machine among them, from 0.
        address: Where the first machine is found; empty for one machine.
        port: At which port.
    """

    processes: int
    nodes: int = 1
    node: int = 0
    address: str = ""
    port: int = _PORT


def tune(
    config: TrainConfig | TasksConfig, checkpoint_folder: Path | None = None
) -> dict[str, TuningResult]:
    """Tune on every device that is there, for as long as somebody follows it.

    Args:
        config: One run, or one for each task.
        checkpoint_folder: As for `train`; for one run alone.

    Returns:
        Each run's result by the task's name; that of a single run has no name.

    Raises:
        TunelineError: What `train` raises, in whichever process.
        MachineError: A process was killed.
    """
    with while_followed(os.environ):
        return _tuned(config, checkpoint_folder)


def _tuned(
    config: TrainConfig | TasksConfig, checkpoint_folder: Path | None
) -> dict[str, TuningResult]:
    runs = config.runs() if isinstance(config, TasksConfig) else {"": config}
    launch = launch_of(os.environ, torch.cuda.device_count())
    if launch is None:
        with joined():  # once: torchrun's processes find each other for one group alone
            return {name: train(run, checkpoint_folder) for name, run in runs.items()}
    return {name: _start(launch, run, checkpoint_folder) for name, run in runs.items()}


def launch_of(environment: Mapping[str, str], gpus: int) -> Launch | None:
    """Read what an engine says of the machines.

    Args:
        environment: Environment variables.
        gpus: GPUs of this machine.

    Returns:
        What to start; None where this process is the only one, or one of torchrun's.

    Raises:
        ConfigurationError: The variables cannot be understood.
    """
    if "LOCAL_RANK" in environment:
        return None
    try:
        found = (
            _from_trainjob(environment, gpus)
            or _from_vertex(environment, gpus)
            or _from_master(environment, gpus)
            or Launch(max(gpus, 1))
        )
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ConfigurationError(
            f"The environment describes machines in a way that is not understood ({error!r}): "
            f"{ {name: environment[name] for name in _READ if name in environment} }."
        ) from error
    return None if found.nodes * found.processes == 1 else found


_READ = (
    "PET_NNODES",
    "PET_NPROC_PER_NODE",
    "PET_NODE_RANK",
    "PET_MASTER_ADDR",
    "PET_MASTER_PORT",
    "CLUSTER_SPEC",
    "MASTER_ADDR",
    "MASTER_PORT",
    "WORLD_SIZE",
    "RANK",
)


def _from_trainjob(environment: Mapping[str, str], gpus: int) -> Launch | None:
    """What Kubeflow Trainer sets, which torchrun itself would read."""
    if "PET_NNODES" not in environment:
        return None
    each = environment.get("PET_NPROC_PER_NODE", "auto")
    processes = int(each) if each.isdecimal() else max(gpus, 1)
    nodes = int(environment["PET_NNODES"].split(":")[-1])
    if nodes == 1:
        return Launch(processes)
    return Launch(
        processes,
        nodes,
        int(environment["PET_NODE_RANK"]),
        environment["PET_MASTER_ADDR"],
        int(environment.get("PET_MASTER_PORT", _PORT)),
    )


def _from_vertex(environment: Mapping[str, str], gpus: int) -> Launch | None:
    """What Vertex AI sets: the first pool is the primary replica, the second the workers."""
    if "CLUSTER_SPEC" not in environment:
        return None
    described = json.loads(environment["CLUSTER_SPEC"])
    pools = [described["cluster"].get(pool, []) for pool in ("workerpool0", "workerpool1")]
    nodes = [address for pool in pools for address in pool]
    if len(nodes) < 2:
        return Launch(max(gpus, 1))
    task = described["task"]
    before = len(pools[0]) if task["type"] == "workerpool1" else 0
    host, _, port = nodes[0].partition(":")
    return Launch(max(gpus, 1), len(nodes), before + int(task["index"]), host, int(port or _PORT))


def _from_master(environment: Mapping[str, str], gpus: int) -> Launch | None:
    """What Kubeflow's PyTorchJob and others set: here RANK numbers machines."""
    if not {"MASTER_ADDR", "WORLD_SIZE", "RANK"} <= environment.keys():
        return None
    if int(environment["WORLD_SIZE"]) == 1:
        return Launch(max(gpus, 1))
    return Launch(
        max(gpus, 1),
        int(environment["WORLD_SIZE"]),
        int(environment["RANK"]),
        environment["MASTER_ADDR"],
        int(environment.get("MASTER_PORT", _PORT)),
    )


def _start(launch: Launch, config: TrainConfig, checkpoint_folder: Path | None) -> TuningResult:
    """Start the processes and wait for them; raise what ended them."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    given = {
        "config": config.model_dump(mode="json", exclude_unset=True),
        "checkpoint_folder": str(checkpoint_folder) if checkpoint_folder else "",
    }
    with tempfile.TemporaryDirectory(prefix="tuneline-") as folder:
        os.environ[OUTCOME] = folder
        launcher = elastic_launch(
            LaunchConfig(
                min_nodes=launch.nodes,
                max_nodes=launch.nodes,
                nproc_per_node=launch.processes,
                run_id="tuneline",
                max_restarts=0,
                signals_to_handle=",".join(number.name for number in signals_heard()),
                shutdown_timeout=_STOP_TIMEOUT_S,
                logs_specs=DefaultLogsSpecs(),
                **_rendezvous(launch),
            ),
            sys.executable,
        )
        try:
            launcher("-m", WORKER, json.dumps(given))
        except SignalException as error:
            raise _failure(Path(folder)) or StoppedError(
                f"Stopped by signal {error.sigval.value}. Run the same command again: it goes on "
                "from the newest checkpoint.",
                error.sigval.value,
            ) from error
        except ChildFailedError as error:
            codes = sorted({failure.exitcode for failure in error.failures.values()})
            raise _failure(Path(folder)) or MachineError(
                f"A process of the run was killed or failed (exit codes {codes}); its own words "
                "are above. Run the same command again: it goes on from the newest checkpoint."
            ) from error
        finally:
            del os.environ[OUTCOME]
        return read_result(Path(folder))


def _rendezvous(launch: Launch) -> dict[str, Any]:
    if launch.nodes == 1:
        return {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"}
    return {
        "rdzv_backend": "static",
        "rdzv_endpoint": f"{launch.address}:{launch.port}",
        "rdzv_configs": {"rank": launch.node, "timeout": _JOIN_TIMEOUT_S},
    }


def _failure(folder: Path) -> TunelineError | None:
    """The error that a process of this machine wrote down; that of the lowest rank."""
    for path in sorted(folder.glob(f"{FAILURE}*")):
        return read_failure(path)
    return None
