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
    killed leaves it to be found, and its nodes stop by themselves where nobody finds it.

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
        result = _Task(request, work, settings, stop).result(config.output)
    work.tidy()
    return result


class _Task:
    """Has one request done by a job.

    Args:
        request: What is asked for.
        work: Its folder.
        settings: On which nodes.
        stop: Ends it; the job is deleted.
    """

    def __init__(
        self,
        request: TrainJobRequest,
        work: WorkFolder,
        settings: TrainJobSettings,
        stop: StopRequest,
    ) -> None:
        from tuneline.kubeflow.train_job.api import TrainJobApi
        from tuneline.kubeflow.train_job.follow import Follower
        from tuneline.kubeflow.train_job.jobs import TrainJobs

        self._request, self._work, self._settings, self._stop = request, work, settings, stop
        self._api = TrainJobApi(settings, stop)
        self._jobs = TrainJobs(self._api, request.name, settings)
        self._follower = Follower(self._api, request.name, settings, work.renew)

    def result(self, output: Path) -> TuningResult:
        """Have the job done where it is not, take its result, and delete it."""
        try:
            if not self._is_done_already():
                self._have_done()
            result = self._work.take(output)
        except (StoppedError, KeyboardInterrupt) as asked:
            # Nothing before the deletion: a pod's other programs may end it at any moment.
            self._stop.interruptible = False
            raise StoppedError(
                f"Asked to stop: {self._jobs.delete_within_seconds()}. The same task goes on from "
                f"the newest checkpoint in {self._request.config.output}.",
                self._stop.signal or signal.SIGINT,
            ) from asked
        finally:
            self._follower.close()
        logger.info("tune: %s", self._jobs.delete_within_seconds())
        return result

    def _is_done_already(self) -> bool:
        if not self._work.is_done():
            return False
        logger.info(
            "tune: no TrainJob is started: %s holds the result of the same request, and it is "
            "taken, also where KFP's cache is off. To tune anew, remove %s.",
            self._request.config.output,
            self._request.folder,
        )
        return True

    def _have_done(self) -> None:
        """Find or start the job, and wait until its result is there."""
        from tuneline.kubeflow.train_job.follow import GoneError, HopelessError
        from tuneline.kubeflow.train_job.spec import train_job

        request, settings = self._request, self._settings
        if settings.cluster.image_pull_policy:
            logger.info(
                "tune: image_pull_policy of the nodes is the runtime's; a job cannot set it"
            )
        runtime_kind = self._api.runtime_kind(settings.cluster.training_runtime)
        self._work.renew()  # before the nodes of a job that is there give up
        self._jobs.find_or_start(train_job(request, settings, runtime_kind))
        try:
            self._follower.to_its_end()
        except GoneError:
            # Another task may have taken the result, and deleted its job.
            if not self._work.appears(settings.result_s, self._api.pause):
                raise
        except HopelessError as error:
            raise ServiceError(f"{error}\n  {self._jobs.delete_within_seconds()}.") from error
        self._work.await_result(settings.result_s, self._api.pause)


def _require_sdk() -> Any:
    try:
        import kubeflow.trainer
    except ImportError as error:
        raise ConfigurationError(
            f"nodes: tuning on several needs an extra: pip install 'tuneline[train-job]' ({error})."
        ) from error
    return kubeflow.trainer
