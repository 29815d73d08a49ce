"""What is registered in Kubeflow Model Registry: one row for each version that Tuneline made."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from tuneline.registry.kubeflow.client import connected
from tuneline.registry.kubeflow.models import ALIAS, Models
from tuneline.registry.kubeflow.properties import as_values
from tuneline.registry.kubeflow.provenance import BASE_MODEL, DIGEST, METHOD, METRIC, METRIC_VALUE
from tuneline.registry.kubeflow.registration import version_uri
from tuneline.registry.listing import RegisteredModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.registry.kubeflow.address import KubeflowRegistry
    from tuneline.registry.kubeflow.client import Client


def list_kubeflow_models(registry: KubeflowRegistry) -> list[RegisteredModel]:
    """List the versions that Tuneline registered, by name and newest first.

    Versions that are archived, and those whose registration did not come to its end, are left out.

    Raises:
        ConfigurationError: The server refuses.
        ServiceError: The server does not answer.
    """
    with connected(registry, f"Listing {registry.uri}", watched=True) as client:
        found = list(_rows(client))
    return [row for _, row in sorted(found, key=lambda place: (place[1].name, -place[0]))]


def _rows(client: Client) -> Iterator[tuple[int, RegisteredModel]]:
    """Rows with the numbers that the registry gave the versions, which grow."""
    models = Models(client)
    for model in client.pages("get_registered_models"):
        if model.state == "ARCHIVED":
            continue
        for version in client.pages("get_registered_model_versions", registered_model_id=model.id):
            if DIGEST not in as_values(version.custom_properties) or version.state == "ARCHIVED":
                continue
            artifact = models.artifact_of(model, version)
            if artifact is not None:
                yield int(version.id), _row(model, version, artifact)


def _row(model: Any, version: Any, artifact: Any) -> RegisteredModel:
    known = as_values(version.custom_properties)
    created = dt.datetime.fromtimestamp(int(version.create_time_since_epoch) / 1000, tz=dt.UTC)
    return RegisteredModel(
        name=model.name,
        version=version.name,
        aliases=_aliases(model, version),
        method=str(known[METHOD]),
        base_model=str(known[BASE_MODEL]),
        metric=str(known[METRIC]),
        value=float(known[METRIC_VALUE]),
        created=created.isoformat(timespec="seconds"),
        uri=version_uri(model.name, version.name),
        source=artifact.uri,
    )


def _aliases(model: Any, version: Any) -> tuple[str, ...]:
    named = as_values(model.custom_properties).items()
    return tuple(
        sorted(
            name.removeprefix(ALIAS)
            for name, value in named
            if name.startswith(ALIAS) and value == version.name
        )
    )
