"""The container engine: found and asked once before a run, its failures in words that help."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

_WITHOUT = "or run the tasks without containers: --runner subprocess"
_NO_SOURCE = "bind source path does not exist"
_OWN_NETWORKS = ("bridge", "host", "none", "default")


def connect() -> docker.DockerClient:
    """Connect as the docker command does: DOCKER_HOST, else the current context, else its socket.

    Raises:
        ConfigurationError: The client library is not installed.
        MachineError: No engine answers, or this user may not use it.
    """
    try:
        import docker
    except ImportError as error:
        raise ConfigurationError(
            f"--runner docker: needs an extra: pip install 'tuneline[docker]' ({error})."
        ) from error
    with engine_errors():
        return docker.from_env()


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn the client library's errors into a `MachineError` that says what to do."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (DockerException, RequestException, HTTPError) as error:
        raise MachineError(_said(error)) from error


def require_network(client: docker.DockerClient, network: str) -> None:
    """Check that containers can be put into a network.

    Raises:
        ConfigurationError: The engine has none of that name.
        MachineError: The engine failed.
    """
    if network in _OWN_NETWORKS or network.startswith("container:"):
        return
    with engine_errors():
        names = sorted(str(each.name) for each in client.networks.list())
    if network not in names:
        raise ConfigurationError(
            f"--docker-network {network}: the engine has no such network, but {', '.join(names)}. "
            f"Make it: docker network create {network}."
        )


def own_user(info: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a container's files this user's own.

    Args:
        info: What the engine tells of itself.

    Returns:
        Arguments of a container: user, groups, and which user namespace they count in.
    """
    options = info.get("SecurityOptions") or []
    if any("rootless" in option for option in options):
        # There root is the user whose engine it is, and every other number is somebody else.
        return {"user": "0:0"}
    group = os.getgid()
    own: dict[str, Any] = {
        "user": f"{os.getuid()}:{group}",
        # Files that only a further group of this user may read are read by tasks too.
        "group_add": [str(each) for each in sorted(set(os.getgroups()) - {group})],
    }
    if any("name=userns" in option for option in options):
        own["userns_mode"] = "host"
    return own


def without_labels(info: Mapping[str, Any]) -> dict[str, Any]:
    """Where SELinux labels files, let containers read the user's without relabelling them."""
    if any("selinux" in option for option in info.get("SecurityOptions") or []):
        return {"security_opt": ["label=disable"]}
    return {}


def _said(error: Exception) -> str:
    address = os.environ.get("DOCKER_HOST", "")
    where = f"the container engine at {address}" if address else "the container engine"
    match _system_error(error):
        case PermissionError():
            return (
                f"{where}: this user may not use it. Join its group (sudo usermod -aG docker "
                "$USER, then log in again), or use an engine of your own, such as rootless Docker "
                f"or Podman, by DOCKER_HOST; {_WITHOUT}."
            )
        case FileNotFoundError() | ConnectionRefusedError() as refusal:
            return (
                f"{where} does not answer ({refusal.strerror}). Install Docker and start it (sudo "
                "systemctl start docker), or name the socket of a running engine in DOCKER_HOST; "
                f"{_WITHOUT}."
            )
    reason = getattr(error, "explanation", None) or str(error) or type(error).__name__
    if _NO_SOURCE in reason:
        return f"{where} does not see this machine's files, which tasks need: {reason}"
    return f"{where} failed: {reason}"


def _system_error(error: BaseException) -> OSError | None:
    """The operating system's error, which the HTTP libraries wrap several times."""
    from requests.exceptions import RequestException

    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if any(current is each for each in seen):
            continue
        seen.append(current)
        # RequestException is an OSError itself, without a number.
        if isinstance(current, OSError) and not isinstance(current, RequestException):
            return current
        inner = (*current.args, current.__cause__, current.__context__)
        waiting.extend(each for each in inner if isinstance(each, BaseException))
    return None
