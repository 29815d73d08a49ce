"""What is registered on Vertex AI: one row for each version that Tuneline made."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from tuneline.registry.listing import RegisteredModel
from tuneline.registry.vertex.evaluation import PRODUCER
from tuneline.registry.vertex.labels import MODEL
from tuneline.registry.vertex.models import Models, versioned
from tuneline.vertex.clients import patient, translated
from tuneline.vertex.place import MULTI_REGIONS, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.registry.settings import VertexRegistry


_USUAL_PLACES = (*MULTI_REGIONS, "us-central1", "europe-west4")


def list_vertex_models(registry: VertexRegistry) -> Iterator[RegisteredModel]:
    """Yield the versions that Tuneline registered, whoever made the others.

    A version gets its evaluation last but for the alias: one that has none is no finished
    registration and is left out. A registry without a location is looked for where tuned Gemini
    models are served from, and in the regions that tune.

    Raises:
        ConfigurationError: No credentials, or the service refuses.
        ServiceError: The service does not answer.
    """
    places = (registry.location,) if registry.location else _USUAL_PLACES
    for location in places:
        models = Models.at(Place(registry.project, location))
        with translated(f"Listing vertex://{registry.project}/{location}"):
            yield from _rows(models)


def _rows(models: Models) -> Iterator[RegisteredModel]:
    for parent, model_name in models.registered().items():
        for version in models.versions(parent):
            evaluation = _evaluation(models, version) if MODEL in version.labels else None
            if evaluation is not None:
                yield _row(model_name, version, evaluation)


def _evaluation(models: Models, version: Any) -> dict[str, Any] | None:
    """What the newest of Tuneline's evaluations says of a version."""
    name = versioned(version)
    found = [
        evaluation
        for evaluation in models.client.list_model_evaluations(
            parent=f"{name.unversioned}@{name.version}", **patient()
        )
        if evaluation.display_name.startswith(f"{PRODUCER} ")
    ]
    newest = max(found, key=lambda evaluation: evaluation.create_time, default=None)
    return None if newest is None else dict(newest.metadata)


def _row(model_name: str, version: Any, evaluation: dict[str, Any]) -> RegisteredModel:
    name = versioned(version)
    uri = f"{name.unversioned}@{name.version}"
    created: dt.datetime = version.version_create_time
    return RegisteredModel(
        name=model_name,
        version=name.version,
        aliases=tuple(sorted(version.version_aliases)),
        method=evaluation["method"],
        base_model=evaluation["baseModel"],
        metric=evaluation["primaryMetric"],
        value=evaluation["primaryValue"],
        created=created.astimezone(dt.UTC).isoformat(timespec="seconds"),
        uri=uri,
        source=version.artifact_uri or uri,
    )
