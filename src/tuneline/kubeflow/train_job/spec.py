"""The TrainJob of a request, by the models of the SDK.

`TrainerClient.train` cannot be told where a variable's value is found: secrets would have to stand
in the job. So the job is put together of the models that it would have made itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubeflow.trainer.constants import constants
from kubeflow.trainer.options.kubernetes import RuntimePatch
from kubeflow_trainer_api import models

from tuneline.kubeflow.cluster import HF_HOME, QUEUE_LABEL, SHARED_MEMORY_PATH
from tuneline.kubeflow.train_job.state import NODE
from tuneline.training.lease import FOLLOWED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.kubeflow.cluster import Cluster
    from tuneline.kubeflow.train_job.request import TrainJobRequest
    from tuneline.kubeflow.train_job.settings import TrainJobSettings

_WORK, _CACHE, _SHARED_MEMORY = "work", "model-cache", "shared-memory"
_LABELS = {"app.kubernetes.io/managed-by": "tuneline"}
_NO_SIDECAR = {"sidecar.istio.io/inject": "false"}
"""A mesh's proxy would stand between the nodes, and go on when they are done."""


def train_job(request: TrainJobRequest, settings: TrainJobSettings, runtime_kind: str) -> Any:
    """Describe the job: every node runs the trainer on the request's configuration.

    Args:
        request: What is asked for.
        settings: Image and nodes.
        runtime_kind: ``ClusterTrainingRuntime``, or ``TrainingRuntime`` of the namespace.

    Returns:
        A `TrainerV1alpha1TrainJob`.
    """
    metadata = models.IoK8sApimachineryPkgApisMetaV1ObjectMeta(
        name=request.name,
        labels=_LABELS | ({QUEUE_LABEL: queue} if (queue := settings.cluster.queue) else {}),
        annotations={"tuneline/folder": str(request.folder)},
    )
    spec = models.TrainerV1alpha1TrainJobSpec(
        runtimeRef=models.TrainerV1alpha1RuntimeRef(
            name=settings.cluster.training_runtime, kind=runtime_kind
        ),
        trainer=_trainer(request, settings),
        runtimePatches=[_patch(settings)],
    )
    return models.TrainerV1alpha1TrainJob(
        apiVersion=constants.API_VERSION,
        kind=constants.TRAINJOB_KIND,
        metadata=metadata,
        spec=spec,
    )


def _trainer(request: TrainJobRequest, settings: TrainJobSettings) -> Any:
    cluster = settings.cluster
    return models.TrainerV1alpha1Trainer(
        image=settings.trainer_image,
        # The image has no entry point. Programs get by python3 what KFP gives components.
        command=["python3", "-m", "tuneline", "train", "--config", str(request.config_file)],
        numNodes=cluster.nodes,
        numProcPerNode=_processes(cluster),
        resourcesPerNode=_resources(cluster),
        env=list(_environment(request, cluster)),
    )


def _processes(cluster: Cluster) -> int | None:
    """Processes of each node; None: as many as the runtime's own resources give devices.

    Told, since Kubeflow takes what has no ``gpu`` in its name for no device, and each CPU for one.
    """
    if cluster.accelerator:
        return cluster.accelerators
    return 1 if cluster.trainer_cpu or cluster.trainer_memory else None


def _resources(cluster: Cluster) -> Any:
    asked: dict[str, str] = {
        cluster.accelerator: str(cluster.accelerators),
        "cpu": cluster.trainer_cpu,
        "memory": cluster.trainer_memory,
    }
    quantities = {
        name: models.IoK8sApimachineryPkgApiResourceQuantity(quantity)
        for name, quantity in asked.items()
        if name and quantity
    }
    if not quantities:
        return None
    return models.IoK8sApiCoreV1ResourceRequirements(limits=quantities, requests=quantities)


def _environment(request: TrainJobRequest, cluster: Cluster) -> Iterator[Any]:
    yield models.IoK8sApiCoreV1EnvVar(name=FOLLOWED, value=str(request.followed_file))
    if cluster.model_cache:
        yield models.IoK8sApiCoreV1EnvVar(name=HF_HOME, value=cluster.model_cache.hf_home)
    for entry in cluster.secret_env:
        key = models.IoK8sApiCoreV1SecretKeySelector(name=entry.secret, key=entry.key)
        yield models.IoK8sApiCoreV1EnvVar(
            name=entry.env, valueFrom=models.IoK8sApiCoreV1EnvVarSource(secretKeyRef=key)
        )


def _patch(settings: TrainJobSettings) -> Any:
    """What the runtime's pods get on top: account, volumes, placement, secrets of the registry."""
    cluster = settings.cluster
    mounts = [
        models.IoK8sApiCoreV1VolumeMount(name=name, mountPath=path)
        for name, path, _ in _volumes(cluster)
    ]
    pod = models.TrainerV1alpha1PodSpecPatch(
        containers=[models.TrainerV1alpha1ContainerPatch(name=NODE, volumeMounts=mounts)],
        serviceAccountName=settings.service_account or None,
        volumes=[volume for _, _, volume in _volumes(cluster)],
        nodeSelector=cluster.node_selector or None,
        tolerations=list(_tolerations(cluster)) or None,
        imagePullSecrets=[
            models.IoK8sApiCoreV1LocalObjectReference(name=name)
            for name in cluster.image_pull_secrets
        ]
        or None,
    )
    metadata = models.IoK8sApimachineryPkgApisMetaV1ObjectMeta(
        labels={**_LABELS, **_NO_SIDECAR}, annotations=_NO_SIDECAR
    )
    template = models.TrainerV1alpha1PodTemplatePatch(metadata=metadata, spec=pod)
    node = models.TrainerV1alpha1ReplicatedJobPatch(
        name=NODE,
        template=models.TrainerV1alpha1JobTemplatePatch(
            spec=models.TrainerV1alpha1JobSpecPatch(template=template)
        ),
    )
    job_set = models.TrainerV1alpha1JobSetTemplatePatch(
        spec=models.TrainerV1alpha1JobSetSpecPatch(replicatedJobs=[node])
    )
    return models.TrainerV1alpha1RuntimePatch(
        manager=RuntimePatch().manager,
        trainingRuntimeSpec=models.TrainerV1alpha1TrainingRuntimeSpecPatch(template=job_set),
    )


def _volumes(cluster: Cluster) -> Iterator[tuple[str, str, Any]]:
    """Name, mount path and source of each volume."""
    claims = ((_WORK, cluster.work_volume), (_CACHE, cluster.model_cache))
    for name, claimed in claims:
        if claimed:
            source = models.IoK8sApiCoreV1PersistentVolumeClaimVolumeSource(claimName=claimed.claim)
            volume = models.IoK8sApiCoreV1Volume(name=name, persistentVolumeClaim=source)
            yield name, claimed.mount_path, volume
    if cluster.shared_memory:
        memory = models.IoK8sApiCoreV1EmptyDirVolumeSource(
            medium="Memory",
            sizeLimit=models.IoK8sApimachineryPkgApiResourceQuantity(cluster.shared_memory),
        )
        volume = models.IoK8sApiCoreV1Volume(name=_SHARED_MEMORY, emptyDir=memory)
        yield _SHARED_MEMORY, SHARED_MEMORY_PATH, volume


def _tolerations(cluster: Cluster) -> Iterator[Any]:
    for each in cluster.tolerations:
        yield models.IoK8sApiCoreV1Toleration(
            key=each.key or None,
            operator=each.operator,
            value=each.value or None,
            effect=each.effect or None,
            tolerationSeconds=each.toleration_seconds,
        )
