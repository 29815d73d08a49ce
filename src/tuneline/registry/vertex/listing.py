"""What is registered on Vertex AI: one row for each version that Tuneline made."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.registry.listing import RegisteredModel
from tuneline.registry.vertex.evaluation import PRODUCER
from tuneline.registry.vertex.labels import MODEL
from tuneline.registry.vertex.models import Models, versioned
from tuneline.vertex.clients import patient, translated
from tuneline.vertex.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.registry.settings import VertexRegistry


def list_vertex_models(registry: VertexRegistry) -> Iterator[RegisteredModel]:
    """Yield the versions that Tuneline registered, whoever made the others.

    A version gets its evaluation last but for the alias: one that has none is no finished
    registration and is left out.

    Raises:
        ConfigurationError: No location, no credentials, or the service refuses.
        ServiceError: The service does not answer.
    """
    if not registry.location:
        raise ConfigurationError(
            f"registry: {registry.uri} names no location, and models are listed by location: "
            f"vertex://{registry.project}/us-central1."
        )
    models = Models.at(Place(registry.project, registry.location))
    with translated(f"Listing {registry.uri}"):
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
