"""BigQuery tables, streamed batch by batch into an Arrow file on this machine."""

from __future__ import annotations

import logging
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.data.sources.locate import require_module
from tuneline.errors import ConfigurationError, MachineError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger("tuneline")

_NAME = re.compile(r"bq://([\w.:-]+)\.(\w+)\.([\w-]+)")
_READABLE = {"TABLE", "SNAPSHOT", "CLONE"}
_ANSWER_S = 60.0
_WAITING_BATCHES = 2
_EMULATOR = "BIGQUERY_EMULATOR_HOST"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is there; ``state`` changes with its content."""

    uri: str
    name: str
    client: Any
    reference: Any
    state: str


def find_table(uri: str) -> Table:
    """Look a table up, with the machine's application default credentials.

    Raises:
        ConfigurationError: It is not there, empty, no table, or may not be read.
        ServiceError: BigQuery does not answer.
    """
    match = _NAME.fullmatch(uri)
    if match is None:
        raise ConfigurationError(f"{uri}: must be bq://project.dataset.table.")
    require_module(uri, "google.cloud.bigquery", "bigquery")
    require_module(uri, "google.cloud.bigquery_storage", "bigquery")
    from google.cloud import bigquery

    name = ".".join(match.groups())
    with _service_errors(uri):
        client = bigquery.Client(project=match[1])
        found = client.get_table(name, timeout=_ANSWER_S)
    if found.table_type not in _READABLE:
        raise ConfigurationError(
            f"{uri}: is no table but {found.table_type}. Write its rows to a table first."
        )
    if not found.num_rows:
        raise ConfigurationError(f"{uri}: has no rows.")
    state = f"{found.etag} {found.modified} {found.num_rows}"
    return Table(uri, name, client, found, state)


def download(table: Table, path: Path) -> None:
    """Write a table's rows to ``path``, one batch in memory at a time.

    Raises:
        ConfigurationError: It may not be read.
        MachineError: The file cannot be written here.
        ServiceError: BigQuery failed, after the client's own attempts.
    """
    import pyarrow as pa

    with _service_errors(table.uri):
        rows = table.client.list_rows(table.reference, timeout=_ANSWER_S)
        batches = rows.to_arrow_iterable(
            bqstorage_client=_storage_client(table),
            max_queue_size=_WAITING_BATCHES,
            max_stream_count=1,  # several would come in another order each time
        )
        first = next(batches)
        try:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
                writer.write_batch(first)
                for batch in batches:
                    writer.write_batch(batch)
        except OSError as error:
            if error.errno is None:
                raise
            raise MachineError(f"{path}: cannot be written ({error.strerror}).") from error
    _log.info("data: fetched %s (%d bytes)", table.uri, path.stat().st_size)


def _storage_client(table: Table) -> Any:
    """A client of the fast way out; None for an emulator, which has the slow way alone."""
    if os.environ.get(_EMULATOR):
        return None
    from google.cloud import bigquery_storage

    with _service_errors(table.uri):
        return bigquery_storage.BigQueryReadClient()


@contextmanager
def _service_errors(uri: str) -> Iterator[None]:
    from google.api_core.exceptions import BadRequest, Forbidden, NotFound, Unauthorized
    from google.auth.exceptions import DefaultCredentialsError

    try:
        yield
    except (ConfigurationError, MachineError):
        raise
    except NotFound as error:
        raise ConfigurationError(f"{uri}: no such table. Check the name.") from error
    except DefaultCredentialsError as error:
        raise ConfigurationError(
            f"{uri}: there are no credentials. Run: gcloud auth application-default login."
        ) from error
    except (BadRequest, Forbidden, Unauthorized) as error:
        raise ConfigurationError(f"{uri}: cannot be read ({error.message}).") from error
    except Exception as error:  # transport, retry and login each have a tree of their own
        raise ServiceError(f"{uri}: BigQuery failed ({error}).") from error
