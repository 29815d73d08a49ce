"""Runs a pipeline on this machine, each task in a process of its own, and gathers its results."""

from __future__ import annotations

import contextlib
import json
import logging
import resource
import shutil
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from tuneline.errors import ConfigurationError, MachineError, StoppedError
from tuneline.evaluation.verdict import read_verdict
from tuneline.files import require_writable, write_text
from tuneline.local.signals import passed_on
from tuneline.local.watch import Watch
from tuneline.settings import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kfp.dsl.base_component import BaseComponent

    from tuneline.evaluation.verdict import Verdict

logger = logging.getLogger("tuneline")

_TUNING_PAGE = "tuning.html"


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A finished run.

    Attributes:
        folder: Holds report.html, verdict.json, result.json, log.txt and kfp's own outputs.
        verdict: The evaluation's decision.
        registered: The registry entry's name, version and uri; empty if the gate stayed closed.
        seconds: Wall time.
    """

    folder: Path
    verdict: Verdict
    registered: Mapping[str, str]
    seconds: float

    @property
    def tuning_page(self) -> Path | None:
        """The page of managed tuning; None where no service tuned."""
        path = self.folder / _TUNING_PAGE
        return path if path.is_file() else None

    @property
    def report(self) -> Path:
        """The one page that a person opens."""
        return self.folder / "report.html"


def new_run_folder(runs: Path, pipeline: str) -> Path:
    """Make the folder of a new run, named after the pipeline and the time.

    Raises:
        MachineError: It cannot be made or written to.
    """
    name = f"{pipeline}-{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}"
    taken = len(list(runs.glob(f"{name}*")))
    folder = runs / (f"{name}-{taken + 1}" if taken else name)
    require_writable(folder)
    return folder


def run_pipeline(pipeline: BaseComponent, arguments: Mapping[str, Any], folder: Path) -> LocalRun:
    """Run a pipeline by kfp's subprocess runner in this environment.

    Args:
        pipeline: A pipeline, built or loaded from its compiled spec.
        arguments: Its parameters. Paths are relative to the current folder.
        folder: The run's folder.

    Raises:
        TunelineError: The error that ended a task, as the task raised it.
        MachineError: A task died without one.
        ConfigurationError: The pipeline is none of Tuneline's, has no such parameter, or an
            argument holds ``python3``, which kfp's runner would rewrite.
    """
    _require_fitting(pipeline, arguments)
    _refuse_python3([str(folder.resolve()), *arguments.values()])
    started = time.monotonic()
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        watch = Watch(log, logger.info, _task_titles(pipeline.pipeline_spec))
        task = _run(pipeline, arguments, folder, watch)
    seconds = round(time.monotonic() - started, 3)
    shutil.copyfile(task.outputs["report"].path, folder / "report.html")
    shutil.copyfile(task.outputs["verdict"].path, folder / "verdict.json")
    for page in (folder / "kfp").glob("*/tune-managed-model*/page"):
        shutil.copyfile(page, folder / _TUNING_PAGE)
    verdict = read_verdict(folder / "verdict.json")
    registered = _registered(folder)
    summary = {
        "schema_version": 1,
        "arguments": dict(arguments),
        "seconds": seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        "tasks": [{"name": task.name, "seconds": task.seconds} for task in watch.tasks],
        "passed": verdict.passed,
        "winner": verdict.winner,
        "headline": verdict.headline,
        "registered": registered,
    }
    write_text(folder / "result.json", json.dumps(summary, indent=2) + "\n")
    return LocalRun(folder, verdict, registered, seconds)


def _run(pipeline: BaseComponent, arguments: Mapping[str, Any], folder: Path, watch: Watch) -> Any:
    from kfp import local

    local.init(
        runner=local.SubprocessRunner(use_venv=False), pipeline_root=str((folder / "kfp").resolve())
    )
    with warnings.catch_warnings(), contextlib.redirect_stdout(watch):
        # The runner warns of images whose name lacks "python"; ours run this same code.
        warnings.filterwarnings("ignore", message=".*custom or non-Python base image")
        warnings.filterwarnings("ignore", message=".*have no effect in the current local runner")
        try:
            with passed_on() as stop:
                return pipeline(**arguments)
        except (RuntimeError, KeyboardInterrupt) as error:
            watch.flush()
            if stop:
                raise StoppedError(_stopped(watch), stop.signal) from error
            if isinstance(error, KeyboardInterrupt):
                raise
            if watch.failed is None:
                raise MachineError(f"{folder / 'log.txt'}: the run failed: {error}") from error
            raise watch.failed.error() from error


def _stopped(watch: Watch) -> str:
    """What the task that was at work said when it was asked to stop."""
    if watch.failed is None:
        return "The run was stopped between two tasks. Run the same again."
    return str(watch.failed.error())


def _task_titles(spec: Any) -> dict[str, str]:
    """The display name of every task, by the name that the local runner prints."""
    graphs = [spec.root, *spec.components.values()]
    return {
        task.component_ref.name.removeprefix("comp-"): task.task_info.name
        for graph in graphs
        for task in graph.dag.tasks.values()
    }


def _registered(folder: Path) -> dict[str, str]:
    """Read the registry entry from the registration task's outputs, where the gate let it run."""
    found = sorted((folder / "kfp").glob("*/register-model*/executor_output.json"))
    if not found:
        return {}
    values = orjson.loads(found[-1].read_bytes())["parameterValues"]
    return {name: str(value) for name, value in values.items()}


def _require_fitting(pipeline: BaseComponent, arguments: Mapping[str, Any]) -> None:
    component = pipeline.component_spec
    problems = [
        f"{name}: pipeline {component.name} has no such parameter."
        f"{suggestion(name, component.inputs)}"
        for name in arguments
        if name not in component.inputs
    ]
    if missing := {"report", "verdict"} - (component.outputs or {}).keys():
        problems.append(
            f"pipeline {component.name} gives no {' and no '.join(sorted(missing))}, so it is none "
            "that this command can run."
        )
    if problems:
        raise ConfigurationError(problems)


def _refuse_python3(values: list[Any]) -> None:
    # kfp replaces "python3" in every argument by the interpreter's path.
    if held := [value for value in values if "python3" in str(value)]:
        raise ConfigurationError(
            f"{held[0]!r}: kfp's local runner rewrites 'python3' wherever it stands. Use a folder "
            "and values without it."
        )
