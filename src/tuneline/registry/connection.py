"""A connection to an MLflow registry: a local SQLite store in a folder, or a tracking server.

MLflow logs to the console, prints links and reports its use over the network unless told not to;
it is told not to here, before its first import.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING
from urllib.parse import quote

from tuneline.errors import ConfigurationError, MachineError, ServiceError, TunelineError
from tuneline.files import require_writable
from tuneline.registry.settings import registry_folder, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow import MlflowClient

DATABASE_FILE = "mlflow.db"
ARTIFACTS_FOLDER = "artifacts"
EXPERIMENT = "tuneline"
"""The MLflow experiment that holds one run for each registered version."""

_LOCK_FILE = ".lock"
_DATABASES = ("mssql", "mysql", "postgresql", "sqlite")
# For the first request alone: an upload of gigabytes keeps MLflow's own, longer limits.
_FIRST_REQUEST = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}


@contextmanager
def connect(registry: str) -> Iterator[MlflowClient]:
    """Yield a client of ``registry`` that has answered once; translate MLflow's errors.

    A local folder is made where it is missing and locked, so that two processes on one machine
    register one after the other.

    Args:
        registry: A folder or an MLflow tracking URI, see `RegisterSettings`.

    Raises:
        MachineError: The folder cannot be written to or holds no readable store.
        ServiceError: The server cannot be reached or refuses.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    folder = registry_folder(registry)
    with _translated_errors(registry), redirect_stdout(sys.stderr):
        client_type = _quiet_client_type()
        if folder is None:
            client = client_type(tracking_uri=registry, registry_uri=registry)
            with _defaults(_FIRST_REQUEST):
                client.search_registered_models(max_results=1)
            yield client
        else:
            require_writable(folder)
            with _locked(folder):
                uri = sqlite_uri(folder)
                yield client_type(tracking_uri=uri, registry_uri=uri)


def sqlite_uri(folder: Path) -> str:
    """MLflow's tracking URI of the registry in a folder.

    What a URI gives a meaning to is percent-encoded, and nothing else: MLflow also makes the folder
    that the encoded path names, beside the real one.
    """
    path = re.sub(r"[%?#]", lambda found: quote(found[0]), str(folder / DATABASE_FILE))
    return f"sqlite:///{path}"


def experiment_id(client: MlflowClient, registry: str) -> str:
    """The id of Tuneline's experiment, made where it is missing.

    Raises:
        ConfigurationError: Its artifacts would not lie where the registry's users look for them.
    """
    folder = registry_folder(registry)
    location = (folder / ARTIFACTS_FOLDER).as_uri() if folder else None
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        experiment = client.get_experiment(
            client.create_experiment(EXPERIMENT, artifact_location=location)
        )
    if location is not None and experiment.artifact_location != location:
        raise ConfigurationError(
            f"{registry}: this registry was made elsewhere; its files are expected in "
            f"{experiment.artifact_location}. Move it back or choose another folder."
        )
    if registry.startswith(_DATABASES) and not _is_remote(experiment.artifact_location):
        raise ConfigurationError(
            f"{shown(registry)}: a database alone has no place for model files. Give a folder or "
            f"the URI of an MLflow server, or make the experiment {EXPERIMENT!r} in it with a "
            "remote artifact location."
        )
    return str(experiment.experiment_id)


def _is_remote(location: str) -> bool:
    return "://" in location and not location.startswith("file:")


def _quiet_client_type() -> type[MlflowClient]:
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    client_type: type[MlflowClient] = mlflow.MlflowClient
    return client_type


@contextmanager
def _defaults(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables that the user has not set, for the length of the block."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / _LOCK_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _translated_errors(registry: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except TunelineError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = f"{error}".replace(registry, shown(registry)).strip()
        if registry_folder(registry) is None:
            raise ServiceError(
                f"{shown(registry)}: the MLflow server failed ({reason}). Check that the address "
                "is right, that it runs and that you may write to it."
            ) from error
        raise MachineError(
            f"{registry}: the registry in this folder failed ({reason}). Choose another folder, "
            "or repair this one."
        ) from error
