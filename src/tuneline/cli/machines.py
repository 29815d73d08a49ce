"""Options that choose machines, shared by the commands that compile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneline.cli.files import read_mapping
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from tuneline.pipelines.platform import Platform

PlatformFile = Annotated[
    Path | None,
    typer.Option(
        help="Kubeflow: YAML file of what the cluster asks of tasks, as in docs/kubeflow.md."
    ),
]
Accelerator = Annotated[
    str, typer.Option(help="Device of tuning, as the target names it: NVIDIA_L4, nvidia.com/gpu.")
]
Accelerators = Annotated[
    int | None, typer.Option(help="How many devices; on each of several nodes. Default: 1.")
]
MachineType = Annotated[
    str, typer.Option(help="Vertex AI: machine of tuning, such as g2-standard-12.")
]
Nodes = Annotated[
    int | None, typer.Option(help="Machines of one tuning task. Default: 1. Not for target local.")
]
Spot = Annotated[
    bool, typer.Option("--spot", help="Vertex AI: machines that may be taken away, for less.")
]
FlexStart = Annotated[
    bool, typer.Option("--flex-start", help="Vertex AI: wait in line for machines, for less.")
]
MaxWaitHours = Annotated[
    int,
    typer.Option(help="How long --flex-start or several nodes wait in line; 0: without end."),
]

MACHINES = (
    "accelerator",
    "accelerators",
    "machine_type",
    "nodes",
    "spot",
    "flex_start",
    "max_wait_hours",
)
"""The options by name: fields of `Platform`."""


def chosen_platform(
    target: str, platform_file: Path | None, options: Mapping[str, Any]
) -> Platform:
    """The platform that the options and the platform file choose; the options win.

    Args:
        target: What the user named.
        platform_file: The fields of `tuneline.kubeflow.cluster.Cluster`.
        options: Values of options by name; those of `MACHINES` count.

    Raises:
        ConfigurationError: Lists every choice or field of the file that does not fit.
    """
    from tuneline.kubeflow.cluster import Cluster
    from tuneline.pipelines.platform import Platform, kubeflow_platform
    from tuneline.settings import validated

    given = {name: options[name] for name in MACHINES if options[name] not in (None, "")}
    if target == "kubeflow":
        fields = read_mapping(platform_file) if platform_file else {}
        cluster = validated(Cluster, fields, source=str(platform_file))
        return kubeflow_platform(cluster, **given)
    if platform_file:
        raise ConfigurationError(f"--platform-file: is for target kubeflow, not for {target}.")
    return Platform(target=target, **given)  # type: ignore[arg-type]
