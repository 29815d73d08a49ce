"""Tuning on several nodes, from a configuration to a folder with result.json."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, ServiceError, StoppedError
from tuneline.kubeflow.train_job.request import request_of
from tuneline.kubeflow.train_job.work import WorkFolder
from tuneline.stop import stop_on_signals

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.kubeflow.train_job.api import TrainJobApi
    from tuneline.kubeflow.train_job.jobs import TrainJobs
    from tuneline.kubeflow.train_job.request import TrainJobRequest
    from tuneline.kubeflow.train_job.settings import TrainJobSettings
    from tuneline.stop import StopRequest
    from tuneline.training.result import TuningResult
    from tuneline.training.settings import TrainConfig

logger = logging.getLogger("tuneline")


def tune_on_nodes(
    config: TrainConfig, settings: TrainJobSettings, fingerprint: str = ""
) -> TuningResult:
    """Tune by a TrainJob, which is found again where this task is started again.

    The nodes work in a folder of the shared volume. Their result is copied from there, and the job
    is deleted; where the result is there already, no job is started. SIGTERM, Ctrl-C and a closed
    terminal delete the job, and the next task goes on from its newest checkpoint; a task that is
    killed leaves it to be found.

    Args:
        config: What to tune on what, and how, with the paths of this task.
        settings: On which nodes.
        fingerprint: Digest of the base model; empty: its name stands for it.

    Returns:
        The contents of ``output/result.json``.

    Raises:
        ConfigurationError: The SDK is not installed, it is not said where the cluster is, or the
            cluster refuses the job.
        DataError: The result cannot be read.
        MachineError: A folder cannot be written.
        ServiceError: The job failed, did not start or was deleted, with what its nodes said; or the
            cluster does not answer.
        StoppedError: A signal asked to stop; the job is deleted.
    """
    _require_sdk()
    request = request_of(config, settings, fingerprint)
    work = WorkFolder(request)
    if not work.is_done():
        work.fill()
    with stop_on_signals() as stop:
        result = _taken(request, work, settings, config.output, stop)
    work.tidy()
    return result


def _taken(
    request: TrainJobRequest,
    work: WorkFolder,
    settings: TrainJobSettings,
    output: Path,
    stop: StopRequest,
) -> TuningResult:
    """Have the job done where it is not, take its result, and delete it."""
    from tuneline.kubeflow.train_job.api import TrainJobApi
    from tuneline.kubeflow.train_job.jobs import TrainJobs

    api = TrainJobApi(settings, stop)
    jobs = TrainJobs(api, request.name, settings)
    try:
        if work.is_done():
            logger.info("tune: %s holds the result already", request.config.output)
        else:
            _have_done(api, jobs, request, work, settings)
        result = work.take(output)
    except (StoppedError, KeyboardInterrupt) as asked:
        stop.interruptible = False
        logger.warning("tune: asked to stop: deleting TrainJob %s", request.name)
        raise StoppedError(
            f"Asked to stop: {jobs.delete_within_seconds()}. The same task goes on from the newest "
            f"checkpoint in {request.config.output}.",
            stop.signal or signal.SIGINT,
        ) from asked
    logger.info("tune: %s", jobs.delete_within_seconds())
    return result


def _have_done(
    api: TrainJobApi,
    jobs: TrainJobs,
    request: TrainJobRequest,
    work: WorkFolder,
    settings: TrainJobSettings,
) -> None:
    """Find or start the job, and wait until its result is there."""
    from tuneline.kubeflow.train_job.follow import Follower, GoneError, HopelessError
    from tuneline.kubeflow.train_job.spec import train_job

    if settings.cluster.image_pull_policy:
        logger.info("tune: image_pull_policy of the nodes is the runtime's; a job cannot set it")
    runtime_kind = api.runtime_kind(settings.cluster.training_runtime)
    jobs.find_or_start(train_job(request, settings, runtime_kind))
    try:
        Follower(api, request.name, settings).to_its_end()
    except GoneError:
        if not work.is_done():  # else another task took it, and deleted its job
            raise
    except HopelessError as error:
        raise ServiceError(f"{error}\n  {jobs.delete_within_seconds()}.") from error
    work.await_result(settings.result_s, api.pause)


def _require_sdk() -> Any:
    try:
        import kubeflow.trainer
    except ImportError as error:
        raise ConfigurationError(
            f"nodes: tuning on several needs an extra: pip install 'tuneline[train-job]' ({error})."
        ) from error
    return kubeflow.trainer
