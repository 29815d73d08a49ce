"""How a user wants a run's tasks to be executed: chosen by name, made when the run is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kfp.dsl.base_component import BaseComponent

    from tuneline.local.tasks import Tasks

RUNNERS = ("subprocess", "docker")


@dataclass(frozen=True, slots=True)
class Execution:
    """The choice.

    Attributes:
        runner: ``subprocess``: a process for each task in this environment; ``docker``: a
            container of the image that the spec names.
        docker_network: The containers' network; empty: the engine's bridge.
    """

    runner: str = "subprocess"
    docker_network: str = ""

    def __post_init__(self) -> None:
        if self.runner not in RUNNERS:
            raise ConfigurationError(f"--runner {self.runner}: must be {' or '.join(RUNNERS)}.")
        if self.docker_network and self.runner != "docker":
            raise ConfigurationError("--docker-network: is for --runner docker.")

    def tasks(self, pipeline: BaseComponent, values: Mapping[str, Any]) -> Tasks:
        """What executes the tasks of a pipeline's run with these parameters.

        Raises:
            ConfigurationError: It cannot be executed so as it is.
            MachineError: No container engine answers.
        """
        if self.runner == "docker":
            from tuneline.local.docker.plan import plan_run
            from tuneline.local.docker.tasks import Containers

            return Containers(plan_run(pipeline, values, self.docker_network))
        from tuneline.local.tasks import Subprocesses

        return Subprocesses()
