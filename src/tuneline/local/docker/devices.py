"""Whether the engine can give a container this machine's GPUs, and how."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker.types import DeviceRequest

logger = logging.getLogger("tuneline")

_ALL = "nvidia.com/gpu=all"
_PATTERNS = ("nvidia[0-9]*", "dxg")  # dxg: under Windows


def gpus(info: Mapping[str, Any], devices: Path = Path("/dev")) -> DeviceRequest | None:
    """What to ask the engine for, so that a container sees every GPU.

    Args:
        info: What the engine tells of itself.
        devices: Where the machine's device files are.

    Returns:
        None where the machine has no NVIDIA device, or the engine cannot give any; the latter is
        said in a warning.
    """
    from docker.types import DeviceRequest

    if not any(found for pattern in _PATTERNS for found in devices.glob(pattern)):
        return None
    described = [str(each.get("ID", "")) for each in info.get("DiscoveredDevices") or []]
    if _ALL in described:
        return DeviceRequest(driver="cdi", device_ids=[_ALL])
    if "nvidia" in (info.get("Runtimes") or {}):
        return DeviceRequest(count=-1, capabilities=[["gpu"]])
    logger.warning(
        "This machine has NVIDIA devices that the container engine cannot give to tasks, so they "
        "run on the CPU. Install NVIDIA Container Toolkit and configure the engine for it."
    )
    return None
