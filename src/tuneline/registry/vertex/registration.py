"""Register a tuned model that passed its evaluation in Vertex AI Model Registry, once.

A version is found again by the label that holds the model's digest. The alias moves last: whoever
loads the model by it never gets one whose evaluation is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.registry.evidence import description
from tuneline.registry.mlflow_registry import RegistryEntry
from tuneline.registry.vertex.evaluation import import_evaluation, read_evaluation
from tuneline.registry.vertex.labels import digest_label, version_labels
from tuneline.registry.vertex.models import Models
from tuneline.registry.vertex.tuned_gemini import taken_up
from tuneline.registry.vertex.upload import uploaded
from tuneline.registry.vertex.version import NewVersion, shortened
from tuneline.registry.weights import managed_weights, trained_weights
from tuneline.vertex.clients import patient, translated
from tuneline.vertex.place import MULTI_REGIONS, Place, Resource

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.registry.evidence import Evidence
    from tuneline.registry.settings import RegisterSettings, VertexRegistry
    from tuneline.vertex.tuning.result import ManagedResult


def register(
    evidence: Evidence,
    settings: RegisterSettings,
    registry: VertexRegistry,
    *,
    managed: ManagedResult | None = None,
    scores: Path | None = None,
) -> RegistryEntry:
    """Register a tuned model as a version of the model of its name, and move the alias to it.

    Args:
        evidence: The model, with everything that is known of it.
        settings: Name, alias and serving image.
        registry: Where.
        managed: The tuning job that made it; None for a model of Tuneline's own trainer.
        scores: The evaluation's metrics.json.

    Raises:
        ConfigurationError: The registry cannot take this model, or the service refuses.
        DataError: The evaluation's files do not belong together.
        ServiceError: The service does not answer, or fails.
    """
    evaluation = read_evaluation(evidence, scores)
    version = NewVersion(
        model_name=settings.model_name,
        digest=digest_label(evidence.result.model_digest),
        labels=version_labels(evidence.result),
        description=shortened(_description(evidence, managed)),
    )
    with translated(f"Registering {settings.model_name!r} in {registry.uri}"):
        made, created = _version(evidence, settings, registry, version, managed)
        name = f"{made.unversioned}@{made.version}"
        client = Models.at(made.place).client
        import_evaluation(client, name, evaluation)
        client.merge_version_aliases(name=name, version_aliases=[settings.alias], **patient())
    return RegistryEntry(settings.model_name, made.version, name, created)


def _description(evidence: Evidence, managed: ManagedResult | None) -> str:
    """The verdict, and where the model answers: a copy in the registry has no endpoint itself."""
    said = description(evidence.verdict)
    return f"{said}\n\nanswers from {managed.endpoint}" if managed and managed.endpoint else said


def _version(
    evidence: Evidence,
    settings: RegisterSettings,
    registry: VertexRegistry,
    version: NewVersion,
    managed: ManagedResult | None,
) -> tuple[Resource, bool]:
    if managed is not None and managed.engine == "gemini":
        return _gemini(settings, registry, version, managed)
    if not settings.serving_image:
        raise ConfigurationError(
            "serving_image: is required: Vertex AI registers an open model with the container that "
            "serves it. Name an image with vLLM in Artifact Registry."
        )
    weights = managed_weights(managed) if managed else trained_weights(evidence)
    models = Models.at(_place_of_weights(registry, managed))
    return uploaded(models, version, weights, settings.serving_image)


def _gemini(
    settings: RegisterSettings,
    registry: VertexRegistry,
    version: NewVersion,
    managed: ManagedResult,
) -> tuple[Resource, bool]:
    """A tuned Gemini model stays in the location that the service put it in."""
    problems = []
    if settings.serving_image:
        problems.append("serving_image: Gemini brings its own server; leave it empty.")
    if not managed.model:
        problems.append(
            f"tuning: {managed.job} put no model into the Model Registry, so there is nothing to "
            "register."
        )
        raise ConfigurationError(problems)
    tuned = Resource.parse(managed.model)
    if registry.location not in {"", tuned.place.location}:
        problems.append(
            f"registry: {managed.model} is in {tuned.place.location}, not in {registry.location}. "
            f"Leave the location out: vertex://{registry.project}."
        )
    if problems:
        raise ConfigurationError(problems)
    if not registry.location:
        _require_one_line(registry.project, tuned.place.location, settings.model_name)
    models = Models.at(Place(registry.project, tuned.place.location))
    return taken_up(models, version, tuned)


def _require_one_line(project: str, location: str, model_name: str) -> None:
    """Refuse a second line of versions in the other multi-region, unless it is asked for."""
    for other in set(MULTI_REGIONS) - {location} if location in MULTI_REGIONS else ():
        found = Models.at(Place(project, other)).parent(model_name)
        if found:
            raise ConfigurationError(
                f"registry: {model_name!r} is registered in {other} already, as {found}, and this "
                f"model is in {location}. For a line of versions of its own there, say so: "
                f"vertex://{project}/{location}."
            )


def _place_of_weights(registry: VertexRegistry, managed: ManagedResult | None) -> Place:
    """Where an open model is registered: weights in a bucket can be anywhere."""
    location = registry.location or (managed.name.place.location if managed else "")
    if location in {"", "global"}:
        raise ConfigurationError(
            f"registry: {registry.uri} names no location. Say in which region the model is to be "
            f"registered: vertex://{registry.project}/us-central1."
        )
    return Place(registry.project, location)
