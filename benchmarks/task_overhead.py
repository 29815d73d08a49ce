"""What a task of a local run costs beside its own work, against a bare kfp component.

Run: ``python -m benchmarks.task_overhead``. Both components run in the same pipelines of kfp's
subprocess runner, one after the other in turns, so that a busy machine slows both alike.
"""

import contextlib
import io
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfp import dsl, local

from tuneline.components.data.component import fingerprint_source

ROUNDS = 7


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def bare() -> str:
    """Do nothing."""
    return "done"


@dsl.pipeline(name="bare")
def bare_pipeline() -> None:
    """Run a component that does nothing."""
    bare()


@dsl.pipeline(name="first-step")
def first_step_pipeline(data: str) -> None:
    """Run the first step of our pipelines: parameters checked, one small file digested."""
    fingerprint_source(data=data, method="pet")


def seconds(pipeline: Callable[..., Any], **arguments: str) -> float:
    """Wall time of one run."""
    started = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline(**arguments)
    return time.monotonic() - started


def main() -> None:
    """Print the medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.jsonl"
        data.write_text('{"prompt": "a", "completion": "b"}\n')
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=folder)
        turns = [
            (seconds(bare_pipeline), seconds(first_step_pipeline, data=str(data)))
            for _ in range(ROUNDS)
        ]
    bare_s, ours_s = (statistics.median(times) for times in zip(*turns, strict=True))
    print(f"bare kfp component   {bare_s:.3f} s")
    print(f"our first step       {ours_s:.3f} s")
    print(f"ratio {ours_s / bare_s:.2f}, difference {ours_s - bare_s:.3f} s, n = {ROUNDS}")


if __name__ == "__main__":
    main()
