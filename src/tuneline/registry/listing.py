"""What is registered: one row for each version that Tuneline made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tuneline.registry.connection import DATABASE_FILE, connect
from tuneline.registry.kubeflow.address import kubeflow_registry
from tuneline.registry.kubeflow.extra import extra_needed
from tuneline.registry.settings import registry_folder, vertex_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

    from tuneline.registry.kubeflow.address import KubeflowRegistry
    from tuneline.registry.settings import VertexRegistry

_VERSIONS_A_PAGE = 1000


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """One registered version, as ``tuneline models`` shows it.

    Attributes:
        name: The registered model's name.
        version: Its version.
        aliases: The aliases that point to it, sorted.
        method: ``pet`` or ``full``.
        base_model: The model that tuning started from.
        metric: Name of the evaluation's primary metric.
        value: Its value for this model.
        created: When it was registered: UTC, ISO 8601, whole seconds.
        uri: What MLflow loads it by; on Vertex AI its name; on Kubeflow what KServe loads it by.
        source: Where its files lie; of a tuned Gemini model, which shows none, its name.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    method: str
    base_model: str
    metric: str
    value: float
    created: str
    uri: str
    source: str


def list_models(registry: str) -> list[RegisteredModel]:
    """List the versions that Tuneline registered, by name and newest first.

    Versions that something else registered in the same registry are left out. A folder without a
    registry has none; it is not made.

    Args:
        registry: A folder, ``vertex://PROJECT/LOCATION``, ``kubeflow://HOST[:PORT]``,
            ``kubeflow+http://HOST[:PORT]`` or an MLflow tracking URI.

    Raises:
        ConfigurationError: The URI is none, or the service refuses.
        MachineError: The registry's folder cannot be used.
        ServiceError: The registry's server cannot be reached or refuses.
    """
    if (kubeflow := kubeflow_registry(registry)) is not None:
        return _in_kubeflow(kubeflow)
    vertex = vertex_registry(registry)
    rows = _in_mlflow(registry) if vertex is None else _on_vertex(vertex)
    return sorted(rows, key=lambda row: (row.name, -int(row.version)))


def _on_vertex(registry: VertexRegistry) -> list[RegisteredModel]:
    from tuneline.registry.vertex.listing import list_vertex_models

    return list(list_vertex_models(registry))


def _in_kubeflow(registry: KubeflowRegistry) -> list[RegisteredModel]:
    with extra_needed():
        from tuneline.registry.kubeflow.listing import list_kubeflow_models
    return list_kubeflow_models(registry)


def _in_mlflow(registry: str) -> list[RegisteredModel]:
    folder = registry_folder(registry)
    if folder is not None and not (folder / DATABASE_FILE).exists():
        return []
    with connect(registry) as client:
        aliases = _aliases(client)
        return [
            _row(version, aliases.get((version.name, str(version.version)), ()))
            for version in _pages(client.search_model_versions, _VERSIONS_A_PAGE)
            if "tuneline.model_digest" in version.tags
        ]


def _aliases(client: MlflowClient) -> dict[tuple[str, str], tuple[str, ...]]:
    """Aliases by name and version; MLflow's search of versions leaves them out."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for model in _pages(client.search_registered_models, _VERSIONS_A_PAGE):
        for alias, version in sorted(model.aliases.items()):
            key = (model.name, str(version))
            found[key] = (*found.get(key, ()), alias)
    return found


def _pages(search: Any, page_size: int) -> Iterator[Any]:
    token = None
    while True:
        page = search(max_results=page_size, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _row(version: Any, aliases: tuple[str, ...]) -> RegisteredModel:
    tags = version.tags
    created = datetime.fromtimestamp(version.creation_timestamp / 1000, tz=UTC)
    return RegisteredModel(
        name=version.name,
        version=str(version.version),
        aliases=aliases,
        method=tags["tuneline.method"],
        base_model=tags["tuneline.base_model"],
        metric=tags["tuneline.metric"],
        value=float(tags["tuneline.metric_value"]),
        created=created.isoformat(timespec="seconds"),
        uri=f"models:/{version.name}/{version.version}",
        source=version.source,
    )
