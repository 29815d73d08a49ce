"""Which models can be registered: those that others can load from where they lie."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.registry.weights import Weights, managed_weights, trained_weights

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.registry.evidence import Evidence
    from tuneline.vertex.tuning.result import ManagedResult

STORES = ("gs", "s3", "minio", "oci", "abfs", "abfss", "hdfs")
"""Schemes of the object stores of Kubeflow Pipelines and KServe, and of images with models."""

_IN_STORE = re.compile(rf"(?:{'|'.join(STORES)})://(?P<place>[^/?#]+)(?:/.*)?", re.DOTALL)


def require_store(model: Path | str) -> None:
    """Refuse a model that is not in an object store: nobody else could load it.

    Raises:
        ConfigurationError: It is a folder or another kind of URI, or the URI holds a password.
    """
    found = _IN_STORE.fullmatch(str(model))
    if found is None:
        schemes = ", ".join(f"{scheme}://" for scheme in STORES)
        raise ConfigurationError(
            f"{model}: Kubeflow Model Registry keeps where a model lies and not the model, and "
            "nobody else can reach a folder of this machine or container. Run the pipeline with a "
            f"root in an object store ({schemes}), as on Kubeflow, or choose a folder or an MLflow "
            "server as the registry."
        )
    if "@" in found["place"]:
        raise ConfigurationError(
            "model: its URI holds a user name or password, which everybody who reads the registry "
            "would see. Give it without."
        )


def stored_weights(evidence: Evidence, managed: ManagedResult | None) -> Weights:
    """Where the weights of a tuned model lie.

    Raises:
        ConfigurationError: They are in no object store, the service shows none, or the adapter's
            base model is on one machine alone.
        ServiceError: The bucket of managed tuning cannot be read.
    """
    if managed is None:
        require_store(evidence.model)
        return trained_weights(evidence)
    if not managed.weights_uri:
        raise ConfigurationError(
            f"registry: {managed.job} tuned a Gemini model, whose weights the service keeps to "
            "itself, and Kubeflow Model Registry keeps where weights lie. Register it with "
            f"vertex://{managed.name.place.project}, or on an MLflow server."
        )
    require_store(managed.weights_uri)
    return managed_weights(managed)
