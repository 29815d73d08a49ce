"""What must be fixed when a pipeline is compiled: the engine it goes to, its images and devices."""

from dataclasses import dataclass
from typing import Literal, get_args

from kfp.dsl import PipelineTask

from tuneline.components.images import COMPONENTS_IMAGE, TRAINER_IMAGE
from tuneline.errors import ConfigurationError

Target = Literal["local", "kubeflow", "vertex"]
_RETRIES = 3

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
        accelerators: How many of them.
    """

    target: Target = "local"
    components_image: str = COMPONENTS_IMAGE
    trainer_image: str = TRAINER_IMAGE
    accelerator: str = ""
    accelerators: int = 1

    def __post_init__(self) -> None:
        problems = []
        if self.target not in TARGETS:
            problems.append(f"target: must be one of {', '.join(TARGETS)}, not {self.target!r}.")
        if self.accelerators < 1:
            problems.append(f"accelerators: must be at least 1, not {self.accelerators}.")
        wanted = {"kubeflow": "/", "vertex": "_"}.get(self.target)
        if self.accelerator and wanted is None:
            problems.append("accelerator: a local run uses the devices that the machine has.")
        elif self.accelerator and wanted and wanted not in self.accelerator:
            example = "nvidia.com/gpu" if self.target == "kubeflow" else "NVIDIA_L4"
            problems.append(
                f"accelerator: {self.accelerator!r} is no name that {self.target} knows; one such "
                f"as {example!r} is."
            )
        if problems:
            raise ConfigurationError(problems)

    def on_cpu(self, task: PipelineTask) -> PipelineTask:
        """Place a task in the components image."""
        return task.set_container_image(self.components_image)

    def tried_again(self, task: PipelineTask) -> PipelineTask:
        """Let a service start a task again that failed: tuning goes on from its checkpoint.

        A machine of a service may be taken away at any moment; this one is watched by its user.
        """
        if self.target == "local":
            return task
        return task.set_retry(
            num_retries=_RETRIES,
            backoff_duration="30s",
            backoff_factor=2.0,
            backoff_max_duration="600s",
        )

    def on_device(self, task: PipelineTask) -> PipelineTask:
        """Place a task in the trainer image, with the accelerators."""
        task.set_container_image(self.trainer_image)
        if self.accelerator:
            task.set_accelerator_type(self.accelerator)
            task.set_accelerator_limit(self.accelerators)
        return task
