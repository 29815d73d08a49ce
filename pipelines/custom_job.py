"""A component as a custom job of Vertex AI, which has a machine, several nodes and a strategy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent

from tuneline.errors import ConfigurationError
from tuneline.pipelines.signals import reach_program

if TYPE_CHECKING:
    from tuneline.pipelines.platform import Platform


def custom_job(component: BaseComponent, platform: Platform) -> Callable[..., PipelineTask]:
    """Wrap a component; inputs and outputs stay as they are.

    The job has the service account, network and encryption key of the pipeline's run. A disk is not
    asked for: which kinds a machine takes depends on the machine, and the service knows.

    Args:
        component: What each node runs.
        platform: Its image and machines.

    Raises:
        ConfigurationError: google-cloud-pipeline-components is not installed.
    """
    strategy = "SPOT" if platform.spot else "FLEX_START" if platform.flex_start else "STANDARD"
    placeholders, wrap = _of_google()
    wrapped: Callable[..., PipelineTask] = wrap(
        _with_image(component, platform.trainer_image),
        machine_type=platform.machine_type,
        replica_count=platform.nodes,
        accelerator_type=platform.accelerator,
        accelerator_count=platform.accelerators,
        strategy=strategy,
        max_wait_duration=f"{platform.max_wait_hours * 3600}s",
        # Nodes of one run that lost another cannot go on; together they start from a checkpoint.
        restart_job_on_worker_restart=platform.nodes > 1,
        boot_disk_type="",
        service_account=placeholders.SERVICE_ACCOUNT_PLACEHOLDER,
        network=placeholders.NETWORK_PLACEHOLDER,
        encryption_spec_key_name=placeholders.ENCRYPTION_SPEC_KMS_KEY_NAME_PLACEHOLDER,
        # Left out, they would be placeholders that nothing fills.
        reserved_ip_ranges=[],
        labels={},
        psc_interface_config={},
    )
    return wrapped


def _of_google() -> tuple[Any, Callable[..., Any]]:
    """The placeholders of a run, and what wraps a component."""
    try:
        from google_cloud_pipeline_components import _placeholders
        from google_cloud_pipeline_components.v1.custom_job import (
            create_custom_training_job_from_component,
        )
    except ImportError as error:
        raise ConfigurationError(
            f"machine_type: needs an extra: pip install 'tuneline[vertex-jobs]' ({error})."
        ) from error
    return _placeholders, create_custom_training_job_from_component


def _with_image(component: Any, image: str) -> Any:
    placed = copy.deepcopy(component)
    container = placed.component_spec.implementation.container
    container.image = image
    reach_program(container)
    return placed
