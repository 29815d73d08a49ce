"""Following a run to its end, and cancelling it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, ServiceError, StoppedError
from tuneline.kubeflow.runs.client import Connection, connected, patiently, translated
from tuneline.kubeflow.runs.tasks import failed_tasks, progress, state_of
from tuneline.submission.patience import Patience
from tuneline.submission.waiting import Waits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuneline.kubeflow.runs.address import RunAddress

logger = logging.getLogger("tuneline")

_SUCCEEDED = "SUCCEEDED"
_ENDED = (_SUCCEEDED, "FAILED", "CANCELED", "SKIPPED")


def follow(address: RunAddress, patience: Patience, ca_certificate: Path | None = None) -> None:
    """Wait for a run's end, and tell of its tasks on the way.

    Args:
        address: The run.
        patience: How often to look, and how long.
        ca_certificate: File of certificates that sign the host's.

    Raises:
        ConfigurationError: There is no such run, or it may not be read.
        ServiceError: The run failed or was cancelled, with the task that failed; or the service
            does not answer, or the deadline passed, and the run goes on.
        StoppedError: Ctrl-C; the run goes on.
    """
    client = connected(Connection(address.host, ca_certificate=ca_certificate))
    try:
        run = _ended(client, address, patience)
    except KeyboardInterrupt:
        raise StoppedError(f"Waiting was stopped. {_goes_on(address)}", signal_number=2) from None
    if state_of(run) != _SUCCEEDED:
        raise ServiceError("\n".join(_what_failed(run, address)))


def cancel(address: RunAddress, ca_certificate: Path | None = None) -> None:
    """Ask the service to end a run; its tasks end within minutes.

    Raises:
        ConfigurationError: There is no such run, or it has ended.
        ServiceError: The service does not answer, so that it may still run.
    """
    client = connected(Connection(address.host, ca_certificate=ca_certificate))
    terminate = client.runs.run_service_terminate_run
    with translated(f"Cancelling {address.url}"):
        patiently(Patience(), terminate, address.run_id)


def _ended(client: Any, address: RunAddress, patience: Patience) -> dict[str, Any]:
    """The run when it has ended."""
    waits, told = Waits(patience), ""
    while True:
        run = _looked_at(client, address, patience, is_known=bool(told))
        if (line := progress(run)) != told:
            told = line
            logger.info("kubeflow: %s", line)
        if state_of(run) in _ENDED:
            return run
        if waits.is_over:
            hours = f"{patience.deadline_hours:g} hours"
            raise ServiceError(f"{address.url}: did not end within {hours}. {_goes_on(address)}")
        waits.wait()


def _looked_at(
    client: Any, address: RunAddress, patience: Patience, *, is_known: bool
) -> dict[str, Any]:
    get = client.runs.run_service_get_run
    try:
        with translated(f"Following {address.url}"):
            return patiently(patience, get, address.run_id)
    except ConfigurationError as error:
        if not is_known:
            raise
        # Such as a token that expired meanwhile.
        raise ServiceError(f"{error} {_goes_on(address)}") from error


def _goes_on(address: RunAddress) -> str:
    return (
        f"The run goes on. Follow it: tuneline follow '{address.url}' - or end it: "
        f"tuneline cancel '{address.url}'"
    )


def _what_failed(run: dict[str, Any], address: RunAddress) -> Iterator[str]:
    reason = str((run.get("error") or {}).get("message", ""))
    yield f"{run.get('display_name', address.run_id)}: {state_of(run).lower()}" + (
        f": {reason}" if reason else ""
    )
    for title, message in failed_tasks(run):
        yield f"  task {title!r}: {message or 'the service says no reason; read its log there'}"
    yield f"  {address.url}"
