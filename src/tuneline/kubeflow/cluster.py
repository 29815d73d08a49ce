"""What a Kubernetes cluster asks of the tasks that run there: the platform file of Kubeflow."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.names import (
    ClaimName,
    Cpu,
    EnvironmentName,
    LabelKey,
    LabelValue,
    Memory,
    MountPath,
    ObjectName,
    ResourceName,
    SecretKey,
    TaintKey,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HF_HOME = "HF_HOME"
"""Environment variable that says where models of a hub are kept."""

_OWN_VARIABLES = {"KFP_NAMESPACE", "KFP_RUN_ID", "KFP_RUN_NAME", "PATH", "PYTHONPATH"}

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""Label by which Kueue knows the queue of a pod or job."""

SHARED_MEMORY_PATH = "/dev/shm"  # noqa: S108 - the kernel's own name of it
"""Where processes of one task share memory."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Toleration(_Part):
    """A taint of nodes that the device tasks put up with.

    Attributes:
        key: The taint's key; empty: every key, with operator ``Exists``.
        operator: ``Equal`` compares the value, ``Exists`` takes any.
        value: The taint's value, for ``Equal``.
        effect: The taint's effect; empty: every effect.
        toleration_seconds: How long a running task stays on a node that gets such a taint; only
            for ``NoExecute``. None: for good.
    """

    key: TaintKey = ""
    operator: Literal["Equal", "Exists"] = "Equal"
    value: LabelValue = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    toleration_seconds: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Toleration:
        problems = []
        if not self.key and self.operator == "Equal":
            problems.append("key: is required with operator Equal; without one, set Exists.")
        if self.operator == "Exists" and self.value:
            problems.append("value: must be left out with operator Exists.")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            problems.append("toleration_seconds: is for effect NoExecute alone.")
        if problems:
            raise ConfigurationError(problems)
        return self


class SecretEnv(_Part):
    """An entry of a secret as an environment variable; its value is in no spec, log or message.

    Attributes:
        secret: The secret's name, in the namespace of the run.
        key: Key of the entry.
        env: Environment variable that holds it.
    """

    secret: ObjectName
    key: SecretKey
    env: EnvironmentName


class ModelCache(_Part):
    """A claim of a volume on which models of a hub are kept between runs.

    Attributes:
        claim: Name of the PersistentVolumeClaim. Tasks that run at one time on several nodes need
            one that many nodes may write to (ReadWriteMany).
        mount_path: Where it appears.
    """

    claim: ClaimName
    mount_path: MountPath = "/cache"

    @property
    def hf_home(self) -> str:
        """Folder that HF_HOME names, on the volume."""
        return f"{self.mount_path}/huggingface"


class WorkVolume(_Part):
    """A claim of a volume that the nodes of one tuning share.

    Attributes:
        claim: Name of the PersistentVolumeClaim, which many nodes may write to (ReadWriteMany).
        mount_path: Where it appears.
    """

    claim: ClaimName
    mount_path: MountPath = "/work"


class Cluster(_Part):
    """What a cluster asks of tasks, all of it optional.

    Device tasks are those in the trainer image: tuning and prediction.

    Attributes:
        accelerator: Resource that the device tasks ask for, such as ``nvidia.com/gpu``; empty:
            none.
        accelerators: How many of them; with several nodes, on each.
        nodes: Machines of one tuning task; above 1 it runs as a TrainJob.
        tolerations: Taints of nodes that the device tasks put up with.
        node_selector: Labels that the nodes of the device tasks must have.
        queue: Kueue's LocalQueue, in which device tasks and TrainJobs wait their turn; empty: none.
        shared_memory: Size of /dev/shm in the device tasks, such as ``8Gi``, which counts as their
            memory. Empty: the engine's own, usually 64 MiB.
        trainer_cpu: CPUs that the device tasks ask for and are held to, such as ``8``.
        trainer_memory: Memory that the device tasks ask for and are held to, such as ``64Gi``.
        secret_env: Entries of secrets as environment of every task.
        model_cache: Volume for models of a hub, in the device tasks.
        work_volume: Volume that the nodes of one tuning share; several nodes need it.
        training_runtime: ClusterTrainingRuntime of tuning over several nodes.
        image_pull_policy: When nodes pull images: Always, IfNotPresent or Never. Empty: the
            cluster's own rule.
        image_pull_secrets: Secrets for the registry of the images.
    """

    accelerator: ResourceName = ""
    accelerators: int = Field(default=1, ge=1)
    nodes: int = Field(default=1, ge=1)
    tolerations: tuple[Toleration, ...] = ()
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    queue: LabelValue = ""
    shared_memory: Memory = ""
    trainer_cpu: Cpu = ""
    trainer_memory: Memory = ""
    secret_env: tuple[SecretEnv, ...] = ()
    model_cache: ModelCache | None = None
    work_volume: WorkVolume | None = None
    training_runtime: ObjectName = "torch-distributed"
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    image_pull_secrets: tuple[ObjectName, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Cluster:
        if problems := [*self._environment_problems(), *self._volume_problems()]:
            raise ConfigurationError(problems)
        return self

    @property
    def shapes_pods(self) -> bool:
        """Whether it asks for what a pipeline's own spec cannot say."""
        return any(
            (
                *(self.tolerations, self.node_selector, self.shared_memory, self.secret_env),
                *(self.queue, self.model_cache, self.image_pull_policy, self.image_pull_secrets),
                self.nodes > 1,
            )
        )

    def _environment_problems(self) -> Iterator[str]:
        names = Counter(entry.env for entry in self.secret_env)
        for name, times in names.items():
            if times > 1:
                yield f"secret_env: {name} is set {times} times. Give each variable once."
        for name in sorted(names.keys() & _OWN_VARIABLES):
            yield f"secret_env: {name} is set by the image or the pipeline. Leave it out."
        if self.model_cache and HF_HOME in names:
            yield f"secret_env: {HF_HOME} is set by model_cache. Leave one out."
        for name, times in Counter(self.image_pull_secrets).items():
            if times > 1:
                yield f"image_pull_secrets: {name} is named {times} times. Name each once."

    def _volume_problems(self) -> Iterator[str]:
        if self.model_cache is None or self.work_volume is None:
            return
        if self.model_cache.claim == self.work_volume.claim:
            yield f"work_volume.claim: {self.work_volume.claim} is model_cache's. Give another."
        cache, work = self.model_cache.mount_path, self.work_volume.mount_path
        if f"{cache}/".startswith(f"{work}/") or f"{work}/".startswith(f"{cache}/"):
            yield f"work_volume.mount_path: {work} and model_cache's {cache} overlap."
