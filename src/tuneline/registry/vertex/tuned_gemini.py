"""A tuned Gemini model becomes a version: the tuning job has put it into the registry already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api_core import exceptions as api_errors
from google.cloud import aiplatform_v1 as service

from tuneline.errors import ConfigurationError
from tuneline.registry.vertex.labels import MODEL, REGISTERED, of_others
from tuneline.registry.vertex.made_once import finished, found_or_made, within_quota
from tuneline.registry.vertex.models import versioned
from tuneline.vertex.clients import said
from tuneline.vertex.place import Resource

if TYPE_CHECKING:
    from tuneline.registry.vertex.models import Models
    from tuneline.registry.vertex.version import NewVersion

_COPY_REFUSED = (api_errors.BadRequest, api_errors.MethodNotImplemented)


def taken_up(models: Models, version: NewVersion, tuned: Resource) -> tuple[Resource, bool]:
    """Make a tuned Gemini model the version that is registered.

    The first of a name is renamed. One that was tuned from a registered model is a version of it
    already. Any other is copied under the first.

    Args:
        models: Where it is registered; the same place.
        version: What it is called and found by.
        tuned: The model that the tuning job made.

    Returns:
        The version, and whether it was registered here.

    Raises:
        ConfigurationError: There is no such model here, it is registered under another name, or
            the service does not copy it.
    """
    source = _read(models, tuned)
    parent = models.parent(version.model_name, besides=source.id)
    if parent is None:
        parent = _renamed(models, version, source)
    if Resource.parse(parent).id == source.id:
        made, created = source, models.version_of(parent, version.digest) is None
    else:
        made, created = found_or_made(
            lambda: _copied_before(models, version, parent, source),
            lambda: _copied(models, version, parent, source),
        )
    _label(models, version, made)
    return made, created


def _read(models: Models, tuned: Resource) -> Resource:
    """The model's name in the registry's project, with the version that it is."""
    reference = f"@{tuned.version}" if tuned.version else ""
    model = models.read(f"{models.place.parent}/models/{tuned.id}{reference}")
    if model is None:
        raise ConfigurationError(
            f"registry: project {models.place.project} has no model {tuned.id}{reference} in "
            f"{models.place.location}. Register it in the project that it was tuned in; was it "
            "deleted, tune once more with attempt set to 2 (then 3, ...) in overrides."
        )
    return versioned(model)


def _renamed(models: Models, version: NewVersion, source: Resource) -> str:
    """Give the first model of a name that name."""
    model = models.read(source.unversioned)
    if model is not None and REGISTERED in model.labels:
        raise ConfigurationError(
            f"model_name: {source.unversioned} is registered as {model.display_name!r} already. "
            f"Register it under that name; to have a model of its own for {version.model_name!r}, "
            "tune once more with attempt set to 2 (then 3, ...) in overrides."
        )
    labels = of_others(dict(model.labels)) if model is not None else {}
    models.update(
        source.unversioned,
        display_name=version.model_name,
        labels={**labels, REGISTERED: "true"},
    )
    # Two processes may have found no model of this name: the second look refuses the pair.
    models.parent(version.model_name, besides=source.id)
    return source.unversioned


def _copied_before(
    models: Models, version: NewVersion, parent: str, source: Resource
) -> Resource | None:
    """The copy, labelled or not: a copy gets its labels in a request of its own."""
    for model in models.versions(parent):
        origin = model.original_model_info.model
        if model.labels.get(MODEL) == version.digest or (
            origin and _same_version(Resource.parse(origin), source)
        ):
            return versioned(model)
    return None


def _same_version(one: Resource, other: Resource) -> bool:
    """Whether two names, one of which may have the project's number, are of one version."""
    return (one.place.location, one.id, one.version) == (
        other.place.location,
        other.id,
        other.version,
    )


def _copied(models: Models, version: NewVersion, parent: str, source: Resource) -> Resource:
    request = service.CopyModelRequest(
        parent=models.place.parent,
        source_model=f"{source.unversioned}@{source.version}",
        parent_model=parent,
    )
    try:
        made = finished(models.client.copy_model(request=request, **within_quota()))
    except _COPY_REFUSED as error:
        raise ConfigurationError(
            f"model_name: the service does not make {source.unversioned} a version of {parent}, "
            f"which {version.model_name!r} is: {said(error)}. Go on tuning from the registered "
            "model (tuned_from), which makes its next version, or register under another name."
        ) from error
    name = Resource.parse(made.model)
    return Resource(name.place, name.kind, name.id, made.model_version_id)


def _label(models: Models, version: NewVersion, made: Resource) -> None:
    name = f"{made.unversioned}@{made.version}"
    model = models.read(name)
    labels = of_others(dict(model.labels)) if model is not None else {}
    models.update(
        name, version_description=version.description, labels={**labels, **version.labels}
    )
