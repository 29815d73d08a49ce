"""Tuning on several nodes of a Kubeflow cluster: a task that has a TrainJob do it."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent

from tuneline.components.training.component import tune_by_train_job, tune_model
from tuneline.errors import ConfigurationError
from tuneline.kubeflow.train_job.settings import SERVICE_ACCOUNT

if TYPE_CHECKING:
    from tuneline.pipelines.platform import Platform

_OF_BOTH = ("accelerator", "accelerators", "nodes")
"""Fields that platform and cluster share; the platform's hold."""


def train_job(component: BaseComponent, platform: "Platform") -> Callable[..., PipelineTask]:
    """What makes the task; it takes the inputs of the component, and has its outputs.

    The task is a small one: it starts the job and follows it, and shares a volume with its nodes.

    Args:
        component: What would tune on one node.
        platform: Nodes, devices, images, and what the cluster asks of them.

    Raises:
        ConfigurationError: The component cannot work on several nodes, no volume is shared, or
            kfp-kubernetes is not installed.
    """
    if component.name != tune_model.name:
        raise ConfigurationError(
            f"nodes: {component.name} works on one node, not on {platform.nodes}. Set nodes to 1, "
            "or choose a pipeline that tunes once, such as supervised_tuning."
        )
    cluster = platform.cluster.model_copy(
        update={name: getattr(platform, name) for name in _OF_BOTH}
    )
    volume = cluster.work_volume
    if volume is None:
        raise ConfigurationError(
            f"cluster.work_volume: is required for {platform.nodes} nodes, which share their files "
            "on it: {claim: NAME}."
        )
    kubernetes = _kubernetes()

    def make(**inputs: Any) -> PipelineTask:
        task = tune_by_train_job(
            trainer_image=platform.trainer_image,
            cluster=cluster.model_dump(mode="json", exclude_defaults=True),
            max_wait_hours=float(platform.max_wait_hours),
            **inputs,
        )
        # Its nodes are to run as the run does, whose account the pod alone knows.
        kubernetes.use_field_path_as_env(task, SERVICE_ACCOUNT, "spec.serviceAccountName")
        task = platform.on_cpu(task)
        kubernetes.mount_pvc(task, volume.claim, volume.mount_path)
        return task

    return make


def _kubernetes() -> ModuleType:
    try:
        return importlib.import_module("kfp.kubernetes")
    except ImportError as error:
        raise ConfigurationError(
            f"nodes: several need an extra: pip install 'tuneline[kubeflow]' ({error})."
        ) from error
