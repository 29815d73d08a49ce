"""Register a tuned model that passed its evaluation in Kubeflow Model Registry, once.

A version's name starts like the digest of its model, and a version is found again by name and
digest. Its model artifact comes next: a version that has none was left behind by a registration
that ended there, and gets it now. The alias moves last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.registry.evidence import description
from tuneline.registry.kubeflow.client import connected
from tuneline.registry.kubeflow.models import Models, NewVersion, version_name
from tuneline.registry.kubeflow.provenance import pipeline_run, version_properties
from tuneline.registry.kubeflow.stores import stored_weights
from tuneline.registry.mlflow_registry import RegistryEntry

if TYPE_CHECKING:
    from tuneline.registry.evidence import Evidence
    from tuneline.registry.kubeflow.address import KubeflowRegistry
    from tuneline.registry.settings import RegisterSettings
    from tuneline.registry.weights import Weights
    from tuneline.vertex.tuning.result import ManagedResult

_WHOLE_MODEL = {"model_format_name": "huggingface", "model_format_version": "1"}
"""What KServe's own runtime for such a folder (with vLLM) says that it serves."""

_ADAPTER = {"model_format_name": "peft"}
"""No runtime of KServe's says that it serves an adapter alone, so that none is chosen for it."""


def register(
    evidence: Evidence,
    settings: RegisterSettings,
    registry: KubeflowRegistry,
    *,
    managed: ManagedResult | None = None,
) -> RegistryEntry:
    """Register a tuned model as a version of the model of its name, and move the alias to it.

    Args:
        evidence: The model, with everything that is known of it.
        settings: Name and alias.
        registry: The server.
        managed: The tuning job that made it; None for a model of Tuneline's own trainer.

    Raises:
        ConfigurationError: The registry cannot take this model, or the server refuses.
        ServiceError: The server does not answer, or fails.
    """
    weights = stored_weights(evidence, managed)
    new = NewVersion(
        name=version_name(evidence.result.method, evidence.result.model_digest),
        digest=evidence.result.model_digest,
        description=description(evidence.verdict),
        properties=version_properties(evidence, managed),
        artifact=_artifact(weights),
    )
    with connected(registry, f"Registering {settings.model_name!r} in {registry.uri}") as client:
        models = Models(client)
        model = models.registered(settings.model_name)
        version, created = models.version(model, new)
        models.artifact(model, version, new.artifact)
        models.move_alias(model.name, settings.alias, version)
    return RegistryEntry(model.name, version.name, version_uri(model.name, version.name), created)


def version_uri(model_name: str, version: str) -> str:
    """What KServe loads a version by, where the registry's storage initializer is installed."""
    return f"model-registry://{model_name}/{version}"


def _artifact(weights: Weights) -> dict[str, str]:
    """Fields of the model artifact.

    The storage key is a cluster's secret, which the registry's users name, and a storage path is
    counted from it: the URI says where the weights lie without either.
    """
    model_format = _ADAPTER if weights.base else _WHOLE_MODEL
    return {"uri": weights.uri, **model_format, **pipeline_run()}
