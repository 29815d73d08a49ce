"""Register a tuned model that passed its evaluation, in whichever registry is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.registry import mlflow_registry
from tuneline.registry.evidence import RESULT_FILE, read_evidence
from tuneline.registry.kubeflow.address import kubeflow_registry
from tuneline.registry.kubeflow.extra import extra_needed
from tuneline.registry.settings import vertex_registry
from tuneline.vertex.tuning.result import read_managed_result

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.registry.evidence import Evidence
    from tuneline.registry.mlflow_registry import RegistryEntry
    from tuneline.registry.settings import RegisterSettings


def register_model(
    verdict: Path,
    report: Path,
    settings: RegisterSettings,
    *,
    model: Path | str | None = None,
    result: Path | None = None,
    tuning: Path | None = None,
    scores: Path | None = None,
) -> RegistryEntry:
    """Register a tuned model as a new version and move the alias to it.

    The same model (by digest) under the same name has one version, however often this is called.

    Args:
        verdict: The evaluation's verdict.json.
        report: The evaluation's HTML page.
        settings: Registry, name, alias and serving image.
        model: A model of Tuneline's own trainer: its folder, or a remote URI (with ``://``).
        result: Its result.json; needed for a remote model, else taken from its folder.
        tuning: A managed tuning job's result; this or ``model``.
        scores: The evaluation's metrics.json: Vertex AI's evaluation of the version then has the
            confusion matrix and slices. Other registries keep none.

    Raises:
        ConfigurationError: None or both of ``model`` and ``tuning``, or the registry cannot take
            this model.
        DataError: The verdict did not pass or is of another model, or a file is not what it
            should be. Nothing is registered.
        MachineError: The registry's folder cannot be written to.
        ServiceError: The registry cannot be reached or fails.
    """
    managed = read_managed_result(tuning) if tuning is not None else None
    source = managed.uri if managed is not None else model
    result = tuning or result
    if source is None or (managed is not None and model is not None):
        raise ConfigurationError(
            "registration: give a tuned model or the result of managed tuning, one of the two."
        )
    vertex = vertex_registry(settings.registry)
    if vertex is not None:
        from tuneline.registry.vertex.registration import register
        from tuneline.registry.vertex.weights import require_bucket

        if managed is None:
            require_bucket(source)  # before gigabytes are read
        evidence = _evidence(source, verdict, report, result)
        return register(evidence, settings, vertex, managed=managed, scores=scores)
    kubeflow = kubeflow_registry(settings.registry)
    if kubeflow is not None:
        from tuneline.registry.kubeflow.stores import require_store

        if managed is None:
            require_store(source)
        evidence = _evidence(source, verdict, report, result)
        with extra_needed():
            from tuneline.registry.kubeflow.registration import register as register_there
        return register_there(evidence, settings, kubeflow, managed=managed)
    return mlflow_registry.register_model(source, verdict, report, settings, result=result)


def _evidence(source: Path | str, verdict: Path, report: Path, result: Path | None) -> Evidence:
    if result is None:
        raise ConfigurationError(f"{source}: a remote model; name its {RESULT_FILE} too.")
    return read_evidence(source, verdict, report, result)
