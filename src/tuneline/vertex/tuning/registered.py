"""Tuned models in the Model Registry: which version is meant, and whether it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.api_core import exceptions as api_errors

from tuneline.errors import ConfigurationError
from tuneline.vertex.clients import api_client, patient, translated
from tuneline.vertex.place import Resource

if TYPE_CHECKING:
    from tuneline.vertex.tuning.settings import ManagedSettings


def with_version(settings: ManagedSettings) -> ManagedSettings:
    """The settings with the version of ``tuned_from`` that its name means now.

    An alias, and a name without a version, mean another version tomorrow, which is another job.

    Raises:
        ConfigurationError: There is no such model, or it was tuned from another than
            ``base_model``, whose price and limits count.
        ServiceError: The service does not answer.
    """
    if not settings.tuned_from:
        return settings
    model = _read(settings.tuned_from)
    if model is None:
        raise ConfigurationError(
            f"tuned_from: there is no model {settings.tuned_from}. Give the name that a tuning "
            "job's result has as its model."
        )
    base = model.base_model_source.genie_source.base_model_uri
    if base and settings.base_model not in base:
        raise ConfigurationError(
            f"base_model: {settings.tuned_from} was tuned from {base}, not from "
            f"{settings.base_model}. Name its base: the limits and the price are that model's."
        )
    name = f"{Resource.parse(settings.tuned_from).unversioned}@{model.version_id}"
    return settings.model_copy(update={"tuned_from": name})


def require_there(job: str, model: str) -> None:
    """Refuse the model of a finished job that was deleted since.

    Raises:
        ConfigurationError: It is not there.
        ServiceError: The service does not answer.
    """
    if _read(model) is None:
        raise ConfigurationError(
            f"{job}: its model {model} was deleted. To pay for it again, set attempt to 2 (then 3, "
            "...) in overrides."
        )


def _read(name: str) -> Any | None:
    from google.cloud import aiplatform_v1 as vertex

    with translated(f"reading {name}"):
        client = api_client(vertex.ModelServiceClient, Resource.parse(name).place)
        try:
            return client.get_model(name=name, **patient())
        except api_errors.NotFound:
            return None
