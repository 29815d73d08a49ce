"""One task's container, from its making to its removal: never left behind, never a false success.

KFP's own function lets the engine remove the container, and takes one that is gone for one that
succeeded.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tuneline.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import docker
    from docker.models.containers import Container

    from tuneline.local.docker.stopping import Stopping

logger = logging.getLogger("tuneline")

_KILLED = 128 + 9
_BEING_REMOVED = 409


def run_container(
    client: docker.DockerClient,
    image: str,
    command: Sequence[str],
    name: str,
    stopping: Stopping,
    **options: Any,
) -> int:
    """Run a command in a container of its own and print its log as it comes.

    Args:
        client: The engine.
        image: Id or reference of an image that is there.
        command: What runs, whatever entry point the image has.
        name: The container's name.
        stopping: Is told which container is at work.
        **options: Further arguments of the client library's ``containers.create``.

    Returns:
        The command's exit code.

    Raises:
        MachineError: The container was killed, or removed by somebody.
        docker.errors.APIError: The engine refused it.
    """
    from docker.errors import NotFound
    from docker.types import LogConfig

    with stopping.reaching(name), _removed(client, name):
        container = client.containers.create(
            image,
            list(command),
            name=name,
            entrypoint=[],
            # Signals reach a program with no handler for them too, and its children are buried.
            init=True,
            log_config=LogConfig(type=LogConfig.types.JSON),  # one that can be read back
            **options,
        )
        container.start()
        stopping.started()
        try:
            for line in lines(_log(container)):
                print(line)  # noqa: T201 - KFP's way to a task's log
            return _exit_code(container, asked=stopping.wished)
        except NotFound as error:
            raise MachineError(
                f"the container {name} was removed by somebody while it ran. Run the same again."
            ) from error


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Put a log's pieces together to lines; bytes that are no text are replaced."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace").removesuffix("\r")
    if rest:
        yield rest.decode(errors="replace")


def _log(container: Container) -> Iterator[bytes]:
    """A container's log, whole, as it comes; it has ended then.

    Engines stop following where a container ends and may not have handed out its last lines, which
    are those that say why.
    """
    seen = 0
    for piece in container.logs(stream=True, follow=True):
        seen += len(piece)
        yield piece
    container.wait()
    for piece in container.logs(stream=True, follow=False):
        yield piece[seen:]
        seen = max(seen - len(piece), 0)


def _exit_code(container: Container, *, asked: bool) -> int:
    """The command's exit code.

    Args:
        container: It has ended.
        asked: Whether it was asked to stop.

    Raises:
        MachineError: It was killed without that.
    """
    code = int(container.wait()["StatusCode"])
    container.reload()
    memory_ran_out = bool(container.attrs["State"].get("OOMKilled"))
    if code == _KILLED and not asked:
        why = "memory ran out" if memory_ran_out else "by somebody, or for want of memory"
        raise MachineError(
            f"the container {container.name} was killed: {why}. Give the engine more memory, or "
            "the task less to hold: a smaller model, shorter examples, a lower max_tokens."
        )
    if memory_ran_out:
        print("memory ran out in this container, and a process in it was killed")  # noqa: T201
    return code


@contextmanager
def _removed(client: docker.DockerClient, name: str) -> Iterator[None]:
    """Remove a container in any case, by its name: its making may have been cut short."""
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException

    try:
        yield
    finally:
        try:
            client.api.remove_container(name, force=True, v=True)
        except NotFound:
            logger.debug("container %s is gone", name)
        except (DockerException, RequestException) as error:
            if not (isinstance(error, APIError) and error.response.status_code == _BEING_REMOVED):
                logger.warning(
                    "The container %s could not be removed (%s). Remove it: docker rm -f %s",
                    name,
                    error,
                    name,
                )
