"""What a cluster asks of a task, set on it: resources in the spec, the rest in a platform document.

KFP's backend makes the pod of a task from both.
"""

import importlib
from types import ModuleType

from kfp.dsl import PipelineTask

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.cluster import HF_HOME, QUEUE_LABEL, SHARED_MEMORY_PATH, Cluster

_RUN_OF_POD = {
    "KFP_RUN_ID": "metadata.labels['pipeline/runid']",
    "KFP_RUN_NAME": "metadata.annotations['pipelines.kubeflow.org/run_name']",
    "KFP_NAMESPACE": "metadata.namespace",
}
_SHARED_MEMORY = "shared-memory"
"""The volume's name in the pod."""


def placed(task: PipelineTask, cluster: Cluster) -> PipelineTask:
    """Set what every task needs: images that can be pulled, and secrets.

    Args:
        task: A task of any image.
        cluster: What is asked for; where that is nothing, the task stays as it is.

    Raises:
        ConfigurationError: kfp-kubernetes is needed and not installed.
    """
    if cluster.image_pull_policy:
        _kubernetes().set_image_pull_policy(task, cluster.image_pull_policy)
    if cluster.image_pull_secrets:
        _kubernetes().set_image_pull_secrets(task, list(cluster.image_pull_secrets))
    for entry in cluster.secret_env:
        _kubernetes().use_secret_as_env(task, entry.secret, {entry.key: entry.env})
    return task


def placed_on_device(task: PipelineTask, cluster: Cluster) -> PipelineTask:
    """Set what a task in the trainer image needs beside: nodes, memory, the cache of models.

    Args:
        task: A task that tunes or predicts.
        cluster: What is asked for.

    Raises:
        ConfigurationError: kfp-kubernetes is needed and not installed.
    """
    for toleration in cluster.tolerations:
        _kubernetes().add_toleration(
            task,
            key=toleration.key or None,
            operator=toleration.operator,
            value=toleration.value or None,
            effect=toleration.effect or None,
            toleration_seconds=toleration.toleration_seconds,
        )
    for key, value in cluster.node_selector.items():
        _kubernetes().add_node_selector(task, key, value)
    if cluster.queue:
        _kubernetes().add_pod_label(task, QUEUE_LABEL, cluster.queue)
    if cluster.shared_memory:
        _kubernetes().empty_dir_mount(
            task,
            volume_name=_SHARED_MEMORY,
            mount_path=SHARED_MEMORY_PATH,
            medium="Memory",
            size_limit=cluster.shared_memory,
        )
    if cache := cluster.model_cache:
        _kubernetes().mount_pvc(task, cache.claim, cache.mount_path)
        task.set_env_variable(HF_HOME, cache.hf_home)
    _hold_to(task, cluster)
    return placed(task, cluster)


def told_of_run(task: PipelineTask) -> PipelineTask:
    """Tell a task which run it belongs to, by the labels that KFP puts on its pod.

    Args:
        task: The task that registers a model.

    Raises:
        ConfigurationError: kfp-kubernetes is needed and not installed.
    """
    for variable, path in _RUN_OF_POD.items():
        _kubernetes().use_field_path_as_env(task, variable, path)
    return task


def _hold_to(task: PipelineTask, cluster: Cluster) -> None:
    """Ask for CPUs and memory, and no more than that."""
    if cluster.trainer_cpu:
        task.set_cpu_request(cluster.trainer_cpu).set_cpu_limit(cluster.trainer_cpu)
    if cluster.trainer_memory:
        task.set_memory_request(cluster.trainer_memory).set_memory_limit(cluster.trainer_memory)


def _kubernetes() -> ModuleType:
    """The module that writes platform documents."""
    try:
        return importlib.import_module("kfp.kubernetes")
    except ImportError as error:
        raise ConfigurationError(
            f"cluster: needs an extra: pip install 'tuneline[kubeflow]' ({error})."
        ) from error
