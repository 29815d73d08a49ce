"""What a run would cost, as far as anybody can say before it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tuneline.submission.estimate import tuning_cost
from tuneline.submission.spec import working_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tuneline.submission.spec import Spec


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
