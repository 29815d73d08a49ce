"""The images of a run: there, or pulled, and made from this version of Tuneline."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline import __version__
from tuneline.errors import ConfigurationError
from tuneline.local.docker.engine import engine_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker
    from docker.models.images import Image

logger = logging.getLogger("tuneline")

VERSION_LABEL = "tuneline.version"

_FIRST_STEP = "exec-fingerprint-source"
_TUNING = ("exec-tune-model", "exec-predict-learning-curve")


@dataclass(frozen=True, slots=True)
class SpecImages:
    """The images that a spec names.

    Attributes:
        all: Every one, in the spec's order.
        trainer: Those that tune and predict, which the devices are for.
    """

    all: tuple[str, ...]
    trainer: frozenset[str]


def images_of(spec: Any) -> SpecImages:
    """Read the images out of a pipeline's specification."""
    executors = spec.deployment_spec["executors"]
    named = {
        label: str(executors[label]["container"]["image"])
        for label in executors
        if "container" in executors[label]  # an importer runs nothing
    }
    tuning = {image for label, image in named.items() if label.startswith(_TUNING)}
    others = set(named.values()) - {named.get(_FIRST_STEP, "")}
    return SpecImages(tuple(dict.fromkeys(named.values())), frozenset(tuning | others))


def require_images(client: docker.DockerClient, images: tuple[str, ...]) -> dict[str, str]:
    """Find every image by its exact reference, or pull it.

    Returns:
        The id of each by its reference: what a reference means stays the same for a whole run.

    Raises:
        ConfigurationError: Lists those that can be neither found nor pulled, and those that hold
            another version of Tuneline.
        MachineError: The engine failed.
    """
    found: dict[str, str] = {}
    problems = []
    for reference in images:
        try:
            image = _found_or_pulled(client, reference)
            _require_this_version(reference, image.labels)
        except ConfigurationError as error:
            problems.extend(error.problems)
        else:
            found[reference] = str(image.id)
    if problems:
        raise ConfigurationError(problems)
    return found


def _found_or_pulled(client: docker.DockerClient, reference: str) -> Image:
    from docker.errors import APIError, ImageNotFound

    with engine_errors():
        try:
            return client.images.get(reference)
        except ImageNotFound:
            logger.info("pulling image %s ...", reference)
        try:
            client.images.pull(reference)
            return client.images.get(reference)
        except APIError as error:
            raise ConfigurationError(
                f"image {reference}: is not on this machine and cannot be pulled "
                f"({error.explanation}). Build the images: make images."
            ) from error


def _require_this_version(reference: str, labels: Mapping[str, str]) -> None:
    held = labels.get(VERSION_LABEL, "")
    if not held:
        logger.warning(
            "image %s says no version of Tuneline; it is taken to hold %s.", reference, __version__
        )
    elif held != __version__:
        raise ConfigurationError(
            f"image {reference}: holds Tuneline {held}, and this is {__version__}. Build the "
            "images of this version: make images."
        )
