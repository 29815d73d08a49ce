"""What a run would cost, as far as anybody can say before it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, DataError, ServiceError
from tuneline.parameters import is_managed_run, managed_settings, prepare_settings
from tuneline.vertex.jobs.spec import working_tasks
from tuneline.vertex.tuning.budget import affordable
from tuneline.vertex.tuning.limits import require_possible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tuneline.vertex.jobs.spec import Spec


_REGISTRY = re.compile(r"[^/]*[.:][^/]*/")
"""A name's first part is a registry where it has a dot or a port, as Docker reads it."""


def cost(spec: Spec, parameters: Mapping[str, Any]) -> list[str]:
    """Say what costs money, in sentences. A price that is not known is never made up.

    Args:
        spec: The pipeline.
        parameters: Its parameters, with data that can be read from here.

    Raises:
        ConfigurationError: Managed tuning costs more than ``max_cost_usd``.
        DataError: The managed service would refuse the data.
    """
    values = {**spec.defaults, **parameters}
    return [*tuning_cost(values), *_machines(spec)]


def tuning_cost(values: Mapping[str, Any]) -> Iterator[str]:
    """Say what managed tuning costs, by the data's tokens; nothing where no service tunes.

    Args:
        values: A run's parameters.

    Raises:
        ConfigurationError: It costs more than ``max_cost_usd``.
        DataError: The service would refuse the data.
    """
    from tuneline.data.check import check

    if not is_managed_run(values):
        return
    managed = managed_settings(values)
    model, settings = managed.base_model, prepare_settings(values)
    target = {"target": model, "epochs": managed.epochs}
    if managed.catalogue:
        target["catalogue"] = managed.catalogue
    try:
        result = check(settings.model_copy(update=target))
    except (ConfigurationError, ServiceError) as error:
        yield f"Tuning {model}: the price depends on the data, unreadable from here ({error})"
        return
    if not result.passed:
        raise DataError(f"{model} would not be tuned on this data: {result.failure}")
    if found := result.target:
        share = found.tokens_at_least / found.tokens if found.tokens else 1.0
        yield affordable(require_possible(managed), managed, found.tokens, share)[1]


def images_nobody_can_pull(spec: Spec) -> list[str]:
    """Images of a pipeline whose names have no registry, so that a service does not find them."""
    executors = spec.content["deploymentSpec"]["executors"].values()
    images = {str(each.get("container", {}).get("image", "")) for each in executors}
    return sorted(image for image in images if not _REGISTRY.match(image))


def _machines(spec: Spec) -> Iterator[str]:
    """Machines with a price by the hour, which no catalogue here knows."""
    executors = spec.content["deploymentSpec"]["executors"]
    asked = Counter[str]()
    for task in working_tasks(spec.content):
        container = executors[task.component["executorLabel"]].get("container", {})
        asked[f"task {task.title!r}: {_machine(task.component, container)}"] += 1
    for machine, count in asked.items():
        if "chooses" not in machine:
            yield f"{machine}, {count} times" if count > 1 else machine
    yield "machines are paid by the hour; their price is not known to tuneline"


def _machine(component: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    parameters = component.get("inputDefinitions", {}).get("parameters", {})
    if pools := parameters.get("worker_pool_specs", {}).get("defaultValue"):
        nodes = sum(int(pool["replica_count"]) for pool in pools)
        machine = pools[0]["machine_spec"]
        strategy = str(parameters["strategy"]["defaultValue"])
        how = "" if strategy == "STANDARD" else f" ({strategy.lower().replace('_', '-')})"
        return f"{nodes} x {machine['machine_type']}{_accelerators(machine)}{how}"
    accelerator = container.get("resources", {}).get("accelerator")
    if accelerator:
        kind = accelerator.get("resourceType") or accelerator.get("type")
        count = accelerator.get("resourceCount") or accelerator.get("count")
        return f"{count} x {kind}"
    return "a machine that Vertex AI chooses"


def _accelerators(machine: Mapping[str, Any]) -> str:
    if "accelerator_type" not in machine:
        return ""
    return f" with {int(machine['accelerator_count'])} x {machine['accelerator_type']}"
