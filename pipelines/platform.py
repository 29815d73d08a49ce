"""What must be fixed when a pipeline is compiled: its engine, images, machines and devices."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent

from tuneline.components.images import COMPONENTS_IMAGE, TRAINER_IMAGE
from tuneline.errors import ConfigurationError
from tuneline.kubeflow.cluster import Cluster
from tuneline.kubeflow.names import RESOURCE_NAME
from tuneline.pipelines.custom_job import custom_job
from tuneline.pipelines.on_cluster import placed, placed_on_device, told_of_run
from tuneline.pipelines.signals import reach_program

Target = Literal["local", "kubeflow", "vertex"]
_RETRIES = 3
# Argo, below Kubeflow Pipelines, takes this for the time from the first attempt's start to the end
# of the last one, and ends what still runs then; Vertex AI for the longest pause between two.
_RETRY_WINDOWS = {"kubeflow": "2592000s", "vertex": "600s"}
_OF_BOTH = ("accelerator", "accelerators", "nodes")
"""Fields that platform and cluster share."""
_DEVICES = {"kubeflow": RESOURCE_NAME, "vertex": r"[A-Z0-9]+(_[A-Z0-9]+)+"}
"""How a target writes the name of a device."""
_MACHINE_TYPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")

TARGETS: tuple[Target, ...] = get_args(Target)


@dataclass(frozen=True, slots=True)
class Platform:
    """Compile-time choices of a pipeline.

    Attributes:
        target: Engine that the spec is for.
        components_image: CPU image of the data, evaluation and registration stages.
        trainer_image: Image of tuning and prediction.
        accelerator: Device of tuning and prediction in the target's own words: ``nvidia.com/gpu``
            on Kubeflow, ``NVIDIA_L4`` and the like on Vertex. Empty: none.
        accelerators: How many of them; on Vertex, in each machine.
        machine_type: Machine of tuning on Vertex, such as ``g2-standard-12``. Empty: the service
            chooses one that fits.
        nodes: Machines of one tuning task; several need ``machine_type`` on Vertex and the
            cluster's ``work_volume`` on Kubeflow.
        spot: Use machines that may be taken away at any time, for less.
        flex_start: Wait in line for machines that run at most seven days, for less.
        max_wait_hours: How long to wait in that line; 0: without end.
        cluster: What a Kubeflow cluster asks of tasks. Its own ``accelerator``, ``accelerators``
            and ``nodes`` must be those of the platform, as `kubeflow_platform` makes them.
    """

    target: Target = "local"
    components_image: str = COMPONENTS_IMAGE
    trainer_image: str = TRAINER_IMAGE
    accelerator: str = ""
    accelerators: int = 1
    machine_type: str = ""
    nodes: int = 1
    spot: bool = False
    flex_start: bool = False
    max_wait_hours: int = 24
    cluster: Cluster = field(default_factory=Cluster)

    def __post_init__(self) -> None:
        problems = []
        if self.target not in TARGETS:
            problems.append(f"target: must be one of {', '.join(TARGETS)}, not {self.target!r}.")
        problems += [
            *self._accelerator_problems(),
            *self._machine_problems(),
            *self._cluster_problems(),
        ]
        if problems:
            raise ConfigurationError(problems)

    def _accelerator_problems(self) -> Iterator[str]:
        if self.accelerators < 1:
            yield f"accelerators: must be at least 1, not {self.accelerators}."
        form = _DEVICES.get(self.target)
        if self.accelerator and form is None:
            yield "accelerator: a local run uses the devices that the machine has."
        elif self.accelerator and form and not re.fullmatch(form, self.accelerator):
            example = "nvidia.com/gpu" if self.target == "kubeflow" else "NVIDIA_L4"
            yield (
                f"accelerator: {self.accelerator!r} is no name that {self.target} knows; one such "
                f"as {example!r} is."
            )

    def _machine_problems(self) -> Iterator[str]:
        if self.nodes < 1:
            yield f"nodes: must be at least 1, not {self.nodes}."
        if self.max_wait_hours < 0:
            yield f"max_wait_hours: must be 0 (without end) or more, not {self.max_wait_hours}."
        if self.spot and self.flex_start:
            yield "spot: excludes flex_start. Choose one."
        further = {
            "nodes": self.nodes > 1 and self.target != "kubeflow",
            "spot": self.spot,
            "flex_start": self.flex_start,
        }
        wanted = [name for name, given in further.items() if given]
        if self.target != "vertex":
            names = ["machine_type"] * bool(self.machine_type) + wanted
            yield from (f"{name}: is for target vertex, not for {self.target}." for name in names)
        elif not self.machine_type:
            yield from (f"{name}: needs machine_type, such as g2-standard-12." for name in wanted)
        elif not _MACHINE_TYPE.fullmatch(self.machine_type):
            yield (
                f"machine_type: {self.machine_type!r} is no machine of Vertex AI; one such as "
                "'g2-standard-12' is."
            )

    def _cluster_problems(self) -> Iterator[str]:
        if self.target != "kubeflow":
            if self.cluster != Cluster():
                yield f"cluster: is for target kubeflow, not for {self.target}."
            return
        for name in _OF_BOTH:
            is_set = name in self.cluster.model_fields_set
            if is_set and getattr(self.cluster, name) != getattr(self, name):
                yield (
                    f"cluster.{name}: is {getattr(self.cluster, name)!r}, and {name} is "
                    f"{getattr(self, name)!r}. Use kubeflow_platform(cluster), which takes it over."
                )
        if self.nodes > 1 and self.cluster.work_volume is None:
            yield (
                f"cluster.work_volume: is required for {self.nodes} nodes, which share their files "
                "on it. Give the claim of a volume that many nodes may write to (ReadWriteMany), "
                "in the platform file: work_volume: {claim: NAME}."
            )

    def on_cpu(self, task: PipelineTask) -> PipelineTask:
        """Place a task in the components image."""
        reach_program(task.container_spec)
        return placed(task.set_container_image(self.components_image), self.cluster)

    def registering(self, task: PipelineTask) -> PipelineTask:
        """Place a task that registers a model; it learns its run where pods are shaped anyway."""
        task = self.on_cpu(task)
        return told_of_run(task) if self.cluster.shapes_pods else task

    def trainer(self, component: BaseComponent) -> Callable[..., PipelineTask]:
        """What makes and places a task that tunes; it takes the component's inputs.

        Raises:
            ConfigurationError: Machines are chosen, and what that needs is not installed.
        """
        if self.machine_type:
            return custom_job(component, self)
        if self.nodes > 1:
            from tuneline.pipelines.train_job import train_job

            return train_job(component, self)
        return lambda **inputs: self.on_device(component(**inputs))

    def tried_again(self, task: PipelineTask) -> PipelineTask:
        """Let a service start a task again that failed: tuning goes on from what it kept outside.

        A machine of a service may be taken away at any moment; this one is watched by its user.
        """
        if self.target == "local":
            return task
        # A task of several nodes only follows a job; each attempt of it is another job.
        retries = 1 if self.target == "kubeflow" and self.nodes > 1 else _RETRIES
        return task.set_retry(
            num_retries=retries,
            backoff_duration="30s",
            backoff_factor=2.0,
            backoff_max_duration=_RETRY_WINDOWS[self.target],
        )

    def on_device(self, task: PipelineTask) -> PipelineTask:
        """Place a task in the trainer image, with the accelerators."""
        reach_program(task.container_spec)
        task.set_container_image(self.trainer_image)
        if self.accelerator:
            task.set_accelerator_type(self.accelerator)
            task.set_accelerator_limit(self.accelerators)
        return placed_on_device(task, self.cluster)


def kubeflow_platform(cluster: Cluster, **choices: Any) -> Platform:
    """The platform of a Kubeflow cluster, whose own choices hold where none is given here.

    Args:
        cluster: What the cluster asks of tasks.
        **choices: Fields of `Platform`, which win over the cluster's; None: not given.

    Raises:
        ConfigurationError: Lists every choice that does not fit.
    """
    given = {name: value for name, value in choices.items() if value is not None}
    shared = {name: value for name, value in given.items() if name in _OF_BOTH}
    cluster = cluster.model_copy(update=shared)
    of_both = {name: getattr(cluster, name) for name in _OF_BOTH}
    return Platform(**{**given, **of_both, "target": "kubeflow", "cluster": cluster})
