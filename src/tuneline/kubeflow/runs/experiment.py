"""The experiment that runs belong to, made where there is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import kfp_server_api as api

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.runs.client import (
    Connection,
    UnreadableAnswerError,
    namespace_of,
    patiently,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.kubeflow.runs.settings import KubeflowRun

_PAGE = 100
_EQUALS = "EQUALS"
_AVAILABLE = "AVAILABLE"
_TAKEN = 409


def named(name: str) -> str:
    """A filter of lists: what has a name.

    Whoever uses it compares names too: a filter that was read otherwise would find a stranger.
    """
    predicate = {"operation": _EQUALS, "key": "display_name", "stringValue": name}
    return json.dumps({"predicates": [predicate]})


def listed(method: Any, key: str, run: KubeflowRun, **options: Any) -> Iterator[dict[str, Any]]:
    """Everything that a list has, page by page.

    Args:
        method: A method of the generated client that lists.
        key: Where the entries are in an answer.
        run: How long failures are ridden out.
        **options: What is asked for.
    """
    token = ""
    while True:
        asked = {**options, "page_size": _PAGE, "page_token": token}
        answer = patiently(run, method, **asked)
        yield from answer.get(key) or []
        token = answer.get("next_page_token") or ""
        if not token:
            return


def experiment_id(client: Any, run: KubeflowRun) -> str:
    """The id of the run's experiment, which is made where there is none.

    Names are unique in a namespace, so that it cannot be made twice.

    Raises:
        ConfigurationError: One of that name is archived.
        ApiException: The service refuses or fails, and likewise the client's other failures.
    """
    namespace = namespace_of(connection_of(run), client)
    if found := _found(client, run, namespace):
        return found
    wanted = api.V2beta1Experiment(display_name=run.experiment, namespace=namespace)
    create = client.experiments.experiment_service_create_experiment
    try:
        made = patiently(run, create, wanted)
    except api.ApiException as error:
        if error.status != _TAKEN:
            raise
        if not (found := _found(client, run, namespace)):
            raise ConfigurationError(
                f"experiment: {run.experiment!r} is archived. Restore it, or give another "
                "--experiment."
            ) from error
        return found
    return required(made, "experiment_id")


def connection_of(run: KubeflowRun) -> Connection:
    """Which service a run is for."""
    return Connection(run.address, run.namespace, run.ca_certificate)


def required(answer: dict[str, Any], field: str) -> str:
    """An id that an answer must have.

    Raises:
        UnreadableAnswerError: It has none.
    """
    value = answer.get(field)
    if not isinstance(value, str) or not value:
        raise UnreadableAnswerError(f"the answer has no {field}")
    return value


def _found(client: Any, run: KubeflowRun, namespace: str | None) -> str:
    """The id of the experiment of this name; empty where there is none."""
    method = client.experiments.experiment_service_list_experiments
    options = {"filter": named(run.experiment), "namespace": namespace}
    for experiment in listed(method, "experiments", run, **options):
        is_open = experiment.get("storage_state", _AVAILABLE) == _AVAILABLE
        if experiment.get("display_name") == run.experiment and is_open:
            return required(experiment, "experiment_id")
    return ""
