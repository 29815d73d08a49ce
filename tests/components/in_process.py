"""Runs a component's body in this process, with real paths, metadata and serialised outputs."""

from pathlib import Path
from typing import Any

from kfp.dsl import executor
from kfp.local import executor_input_utils, executor_output_utils


def run_in_process(component: Any, folder: Path, **arguments: Any) -> dict[str, Any]:
    """Execute a component as kfp's executor does and give back its outputs."""
    (component_spec,) = component.pipeline_spec.components.values()
    executor_input = executor_input_utils.construct_executor_input(
        component_spec=component_spec,
        arguments=arguments,
        task_root=str(folder / component.name),
        block_input_artifact=False,
    )
    executor.Executor(
        executor_input=executor_input_utils.executor_input_to_dict(executor_input, component_spec),
        function_to_execute=component.python_func,
    ).execute()
    outputs: dict[str, Any] = executor_output_utils.get_outputs_for_task(
        executor_input=executor_input, component_spec=component_spec
    )
    return outputs
