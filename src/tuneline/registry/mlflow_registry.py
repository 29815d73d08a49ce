"""Register a tuned model that passed its evaluation in an MLflow registry, once.

Each version has one MLflow run that holds its parameters, metrics and files. The version is made
after everything else of it, in one step and with the model's digest on it, and the run is closed
last: a run that is still open and has no version is what an interrupted attempt left behind.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.registry.connection import connect, experiment_id
from tuneline.registry.evidence import (
    RESULT_FILE,
    Evidence,
    description,
    metrics,
    parameters,
    read_evidence,
    version_tags,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

    from tuneline.registry.settings import RegisterSettings

MODEL_ARTIFACT = "model"
"""Folder of the run's artifacts that holds the uploaded model."""

_NOT_UPLOADED = frozenset({"checkpoints"})
_PARAMETERS_A_REQUEST = 100  # MLflow's limit


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One registered version.

    Attributes:
        name: The registered model's name.
        version: Its version, as the registry counts; on Kubeflow its name.
        uri: What it is loaded by: ``models:/<name>/<version>`` of MLflow, its full name on Vertex
            AI, or ``model-registry://<name>/<version>``, which KServe resolves, on Kubeflow.
        created: Whether this call made it; False where it was there already.
    """

    name: str
    version: str
    uri: str
    created: bool


def register_model(
    model: Path | str,
    verdict: Path,
    report: Path,
    settings: RegisterSettings,
    *,
    result: Path | None = None,
) -> RegistryEntry:
    """Register a tuned model as a new version and move the alias to it.

    The same model (by digest) under the same name has one version, however often this is called;
    the alias then moves to that version. What an interrupted call left behind is removed.

    Args:
        model: The tuned model's folder, which is uploaded without its checkpoints, or a remote URI
            (with ``://``), which is referenced.
        verdict: The evaluation's verdict.json.
        report: The evaluation's HTML page.
        settings: Registry, name and alias.
        result: The model's result.json; needed for a remote model, else taken from its folder.

    Raises:
        ConfigurationError: A remote model without ``result``, or a registry that cannot keep
            files.
        DataError: The verdict did not pass or is of another model, or a file is not what it
            should be. Nothing is registered.
        MachineError: The registry's folder cannot be written to.
        ServiceError: The registry's server cannot be reached or refuses.
    """
    if "://" not in str(model):
        model = Path(model)
        result = result or model / RESULT_FILE
    if result is None:
        raise ConfigurationError(f"{model}: a remote model; name its {RESULT_FILE} too.")
    evidence = read_evidence(model, verdict, report, result)
    with connect(settings.registry) as client:
        experiment = experiment_id(client, settings.registry)
        return _register(client, experiment, settings, evidence)


def _register(
    client: MlflowClient, experiment: str, settings: RegisterSettings, evidence: Evidence
) -> RegistryEntry:
    name, digest = settings.model_name, evidence.result.model_digest
    found = _existing_version(client, name, digest)
    version = found or _new_version(client, experiment, name, evidence)
    client.set_registered_model_alias(name, settings.alias, str(version.version))
    for run in _open_runs(client, experiment, name, digest):
        if run.info.run_id == version.run_id:
            client.set_terminated(run.info.run_id)
    return RegistryEntry(
        name=name,
        version=str(version.version),
        uri=f"models:/{name}/{version.version}",
        created=found is None,
    )


def _existing_version(client: MlflowClient, name: str, digest: str) -> ModelVersion | None:
    """The version that holds this model; one that the registry failed to make is deleted."""
    usable = []
    for version in client.search_model_versions(
        f"name = '{name}' and tags.`tuneline.model_digest` = '{digest}'"
    ):
        if version.status == "FAILED_REGISTRATION":
            client.delete_model_version(name, str(version.version))
        else:
            usable.append(version)
    return min(usable, key=lambda version: int(version.version), default=None)


def _new_version(
    client: MlflowClient, experiment: str, name: str, evidence: Evidence
) -> ModelVersion:
    for interrupted in _open_runs(client, experiment, name, evidence.result.model_digest):
        _remove(client, interrupted)
    run = _new_run(client, experiment, name, evidence)
    remote = isinstance(evidence.model, str)
    if not client.search_registered_models(f"name = '{name}'", max_results=1):
        client.create_registered_model(name)
    return client.create_model_version(
        name,
        source=evidence.model if remote else f"{run.info.artifact_uri}/{MODEL_ARTIFACT}",
        run_id=run.info.run_id,
        tags=version_tags(evidence, run.info.artifact_uri),
        description=description(evidence.verdict),
    )


def _open_runs(client: MlflowClient, experiment: str, name: str, digest: str) -> list[Run]:
    """The runs of this model and name that were not closed."""
    return list(
        client.search_runs(
            [experiment],
            "attributes.status != 'FINISHED' "
            f"and tags.`tuneline.model_digest` = '{digest}' "
            f"and tags.`tuneline.model_name` = '{name}'",
        )
    )


def _remove(client: MlflowClient, run: Run) -> None:
    """Delete an interrupted run and its files."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    files = get_artifact_repository(run.info.artifact_uri, tracking_uri=client.tracking_uri)
    files.delete_artifacts()
    client.delete_run(run.info.run_id)


def _new_run(client: MlflowClient, experiment: str, name: str, evidence: Evidence) -> Run:
    """Make the version's run with parameters, metrics and files; it stays open."""
    from mlflow.entities import Metric, Param

    tags = {
        "tuneline.model_digest": evidence.result.model_digest,
        "tuneline.model_name": name,
    }
    run = client.create_run(experiment, tags=tags, run_name=f"{name} {evidence.result.method}")
    run_id = run.info.run_id
    params = [Param(key, value) for key, value in parameters(evidence.result).items()]
    for start in range(0, len(params), _PARAMETERS_A_REQUEST):
        client.log_batch(run_id, params=params[start : start + _PARAMETERS_A_REQUEST])
    now_ms = time.time_ns() // 1_000_000
    client.log_batch(
        run_id,
        metrics=[Metric(key, value, now_ms, 0) for key, value in metrics(evidence).items()],
    )
    for file, text in evidence.files.items():
        client.log_text(run_id, text, file)
    if isinstance(evidence.model, Path):
        _upload(client, run_id, evidence.model)
    return run


def _upload(client: MlflowClient, run_id: str, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.name in _NOT_UPLOADED:
            continue
        if path.is_dir():
            client.log_artifacts(run_id, str(path), f"{MODEL_ARTIFACT}/{path.name}")
        else:
            client.log_artifact(run_id, str(path), MODEL_ARTIFACT)
