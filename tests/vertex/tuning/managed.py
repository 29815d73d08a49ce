"""A managed tuning job on the lamps, as tests ask for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.vertex.stand_in import PROJECT, Vertex
from tuneline.settings import validated
from tuneline.vertex.tuning.result import ManagedResult
from tuneline.vertex.tuning.settings import ManagedSettings
from tuneline.vertex.tuning.tune import TuningPaths, tune_managed

FLASH = "gemini-3.1-flash-lite"
OPEN = "qwen/qwen3@qwen3-32b"
QUICK = {"first_wait_s": 0.02, "longest_wait_s": 0.1}


def settings(vertex: Vertex, **values: Any) -> ManagedSettings:
    given = {
        "base_model": FLASH,
        "project": PROJECT,
        "staging": f"{vertex.bucket}/work",
        "model_name": "lamps",
        **QUICK,
        **values,
    }
    return validated(ManagedSettings, given, source="test")


def paths(folder: Path) -> TuningPaths:
    return TuningPaths(folder / "result.json", folder / "gcp_resources", folder / "page.html")


def tune(splits: Path, folder: Path, vertex: Vertex, **values: Any) -> ManagedResult:
    return tune_managed(
        splits / "train.parquet",
        splits / "validation.parquet",
        settings(vertex, **values),
        paths(folder),
    )


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
