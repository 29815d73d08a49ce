"""Everything that a run in containers needs, found and checked before anything starts."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.files import require_writable
from tuneline.local.docker.devices import gpus
from tuneline.local.docker.engine import (
    connect,
    engine_errors,
    own_user,
    require_network,
    without_labels,
)
from tuneline.local.docker.environment import (
    HOME,
    files_of,
    model_caches,
    passed,
    task_environment,
)
from tuneline.local.docker.images import images_of, require_images
from tuneline.local.docker.mounts import Place
from tuneline.local.docker.orphans import remove_orphans
from tuneline.local.docker.paths import folders_read, require_mountable, with_home
from tuneline.registry.settings import registry_folder, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kfp.dsl.base_component import BaseComponent

logger = logging.getLogger("tuneline")

NETWORK = "bridge"
"""The network that containers are put into unless another one is named."""

_SHARED_MEMORY = "8g"
"""Limit of what worker processes may hand one another in memory; it is taken as it is used."""

_LOCAL_REGISTRIES = ("file:", "sqlite:")
_LOOPBACK = re.compile(r"://([^/@]*@)?(localhost|127\.[\d.]+|\[::1\])([:/]|$)")


@dataclass(frozen=True, slots=True)
class Plan:
    """How the containers of a run are made.

    Attributes:
        images: Id of each image by the reference that the spec has.
        trainer: References of the images that tune and predict.
        registry: Folder of the registry by its own path, whatever links lead there; empty where the
            run has none.
        places: What every container sees of this machine, beside the run's own folder.
        environment: Variables of every container.
        options: Further arguments of every container, as the client library names them.
        trainer_options: Those of the trainer's alone.
    """

    images: Mapping[str, str]
    trainer: frozenset[str]
    registry: str
    places: tuple[Place, ...]
    environment: Mapping[str, str]
    options: Mapping[str, Any]
    trainer_options: Mapping[str, Any]


def plan_run(
    pipeline: BaseComponent,
    given: Mapping[str, Any],
    network: str,
    environment: Mapping[str, str] = os.environ,
) -> Plan:
    """Check engine, images, network and places; put away what killed runs left.

    Args:
        pipeline: The pipeline; what is not given has its spec's default.
        given: The run's parameters.
        network: Name of a network of the engine; empty: `NETWORK`.
        environment: This machine's variables.

    Raises:
        ConfigurationError: An image, a network or a place cannot be given to tasks.
        MachineError: No engine answers, or it failed.
    """
    network = network or NETWORK
    values = with_home(with_defaults(pipeline, given))
    variables = passed(environment)
    caches = model_caches(environment)
    registry = list(_registry(values))
    read = [*folders_read(values, Path.cwd()), *files_of(variables)]
    for folder in (*registry, *caches):
        require_mountable(folder)
    _warn_of_loopback(values, network)
    images = images_of(pipeline.pipeline_spec)
    found, info = _asked_of_engine(images.all, network)
    return Plan(
        images=found,
        trainer=images.trainer,
        registry=str(registry[0]) if registry else "",
        places=tuple(_places(read, [*registry, *caches])),
        environment=task_environment(variables, caches),
        options=_options(info, network),
        trainer_options=_trainer_options(info) if images.trainer else {},
    )


def _asked_of_engine(
    images: tuple[str, ...], network: str
) -> tuple[dict[str, str], Mapping[str, Any]]:
    """The images' ids by their references, and what the engine tells of itself."""
    client = connect()
    try:
        require_network(client, network)
        found = require_images(client, images)
        remove_orphans(client)
        with engine_errors():
            return found, client.info()
    finally:
        client.close()


def _options(info: Mapping[str, Any], network: str) -> dict[str, Any]:
    return {
        "network_mode": network,
        "working_dir": str(Path.cwd()),
        "tmpfs": {f"{HOME}/.cache": "rw,exec,mode=1777"},
        **own_user(info),
        **without_labels(info),
    }


def _trainer_options(info: Mapping[str, Any]) -> dict[str, Any]:
    devices = gpus(info)
    requests = {"device_requests": [devices]} if devices else {}
    return {"shm_size": _SHARED_MEMORY, **requests}


def with_defaults(pipeline: BaseComponent, given: Mapping[str, Any]) -> dict[str, Any]:
    """A run's parameters with the spec's defaults, which may name places too."""
    inputs = pipeline.component_spec.inputs or {}
    defaults = {name: each.default for name, each in inputs.items() if each.default is not None}
    return {**defaults, **given}


def _places(read: list[Path], written: list[Path]) -> list[Place]:
    """What containers see of this machine; folders that tasks write to are made."""
    copies = Path("~/.cache/tuneline").expanduser()  # of models in buckets
    for folder in (*written, copies):
        require_writable(folder)
    return [
        *(Place.same(path) for path in read),
        *(Place.same(path, writable=True) for path in written),
        Place(Path(HOME, ".cache", "tuneline"), copies, writable=True),
    ]


def _registry(values: Mapping[str, Any]) -> Iterator[Path]:
    registry = str(values.get("registry", ""))
    if registry.startswith(_LOCAL_REGISTRIES):
        raise ConfigurationError(
            f"registry: {shown(registry)} names files of this machine, which tasks in containers "
            "do not see. Give a folder, or the URI of an MLflow server."
        )
    if registry and (folder := registry_folder(registry)):
        yield folder


def _warn_of_loopback(values: Mapping[str, Any], network: str) -> None:
    if network == "host":
        return
    for name, value in values.items():
        if _LOOPBACK.search(str(value)):
            logger.warning(
                "%s names this machine by its loopback address, which in a container is the "
                "container itself. Add --docker-network host.",
                name,
            )
