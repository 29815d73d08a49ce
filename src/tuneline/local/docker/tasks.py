"""Each task in a container of the image that its spec names, by KFP's DockerRunner."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tuneline import __version__
from tuneline.local.docker.container import run_container
from tuneline.local.docker.engine import engine_errors
from tuneline.local.docker.images import VERSION_LABEL
from tuneline.local.docker.mounts import volumes as own_volumes
from tuneline.local.docker.mounts import without_nested
from tuneline.local.docker.orphans import RUN_LABEL, claim
from tuneline.local.docker.paths import with_home
from tuneline.local.docker.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO

    import docker

    from tuneline.local.docker.plan import Plan

_FUNCTION = "--function_to_execute"


class Containers:
    """Executes the tasks of one run; see `tuneline.local.tasks.Tasks`.

    Args:
        plan: How the containers are made.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stopping = Stopping()
        self._labels: dict[str, str] = {}

    def arguments(self, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """See `Tasks`: a task's home is another one, and no link to a registry is there."""
        del folder
        registry = {"registry": self._plan.registry} if self._plan.registry else {}
        return {**with_home(dict(given)), **registry}

    @contextmanager
    def engaged(self, folder: Path, log: IO[str]) -> Iterator[Any]:
        """See `Tasks`; in the block, KFP runs containers by this object."""
        from kfp import local

        claim(log)
        self._labels = {RUN_LABEL: str(folder.resolve()), VERSION_LABEL: __version__}
        with engine_errors(), self._stopping.listening(), _instead(self.run):
            yield local.DockerRunner()

    def pass_on(self, number: int) -> bool:
        """See `Tasks`; a terminal's Ctrl-C reaches no container by itself."""
        del number
        if self._stopping.at_work:
            self._stopping.wish()
            return True
        return False

    def facts(self) -> dict[str, Any]:
        """See `Tasks`."""
        return {"runner": "docker", "images": dict(self._plan.images)}

    def run(
        self,
        client: docker.DockerClient,
        image: str,
        command: Sequence[str],
        volumes: Mapping[str, Mapping[str, str]],
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Run one task; the signature is that of KFP's own function.

        Args:
            client: The engine.
            image: The image's reference, as the spec has it.
            command: What runs.
            volumes: The run's folder and KFP's workspace, by their paths here.
            environment: Variables that the spec sets; they win.

        Returns:
            The exit code.
        """
        plan = self._plan
        places = without_nested([*plan.places, *own_volumes(volumes)])
        return run_container(
            client,
            plan.images[image],
            command,
            f"tuneline-{_function(command)}-{secrets.token_hex(6)}",
            self._stopping,
            mounts=[place.mount() for place in places],
            environment={**plan.environment, **(environment or {})},
            labels=self._labels,
            **plan.options,
            **(plan.trainer_options if image in plan.trainer else {}),
        )


@contextmanager
def _instead(run: Callable[..., int]) -> Iterator[None]:
    """Let KFP call another function than its own, which takes some failures for successes."""
    from kfp.local import docker_task_handler as handler

    own = handler.run_docker_container
    handler.run_docker_container = run
    try:
        yield
    finally:
        handler.run_docker_container = own


def _function(command: Sequence[str]) -> str:
    """The component's name, for people who list containers."""
    words = list(command)
    place = words.index(_FUNCTION) + 1 if _FUNCTION in words else len(words)
    return words[place].replace("_", "-") if place < len(words) else "task"
