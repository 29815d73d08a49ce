"""Runs a pipeline on this machine, each task in a process of its own, and gathers its results."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import shutil
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from tuneline.errors import ConfigurationError, MachineError, StoppedError
from tuneline.evaluation.verdict import read_verdict
from tuneline.files import machine_errors, require_writable, write_text
from tuneline.local.signals import passed_on
from tuneline.local.tasks import Subprocesses
from tuneline.local.watch import Watch
from tuneline.settings import suggestion
from tuneline.stop import StopRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kfp.dsl.base_component import BaseComponent

    from tuneline.evaluation.verdict import Verdict
    from tuneline.local.tasks import Tasks

logger = logging.getLogger("tuneline")

LOG_FILE = "log.txt"
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
    for number in itertools.count(1):
        folder = runs / (name if number == 1 else f"{name}-{number}")
        with machine_errors(folder), contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)  # by one of two runs that begin in the same second
            break
    require_writable(folder)
    return folder


def run_pipeline(
    pipeline: BaseComponent,
    arguments: Mapping[str, Any],
    folder: Path,
    tasks: Tasks | None = None,
) -> LocalRun:
    """Run a pipeline by kfp's local runner.

    Args:
        pipeline: A pipeline, built or loaded from its compiled spec.
        arguments: Its parameters. Paths are relative to the current folder.
        folder: The run's folder.
        tasks: What executes its tasks; None: a process for each, in this environment.

    Raises:
        TunelineError: The error that ended a task, as the task raised it.
        MachineError: A task died without one.
        ConfigurationError: The pipeline is none of Tuneline's, has no such parameter, or an
            argument cannot be given to tasks that are executed so.
    """
    tasks = tasks or Subprocesses()
    _require_fitting(pipeline, arguments)
    given = tasks.arguments(arguments, folder)
    started = time.monotonic()
    with (folder / LOG_FILE).open("w", encoding="utf-8") as log:
        stop = StopRequest()
        watch = Watch(log, logger.info, _task_titles(pipeline.pipeline_spec), stop)
        with (
            tasks.engaged(folder, log) as runner,
            _failures(folder, watch, stop),
            contextlib.redirect_stdout(watch),
            passed_on(stop, tasks),
        ):
            outputs = _executed(pipeline, given, folder, runner)
    seconds = round(time.monotonic() - started, 3)
    facts = {"arguments": dict(arguments), "seconds": seconds, **tasks.facts()}
    return _finished(folder, outputs, watch, facts)


def _finished(
    folder: Path, outputs: Mapping[str, Any], watch: Watch, facts: Mapping[str, Any]
) -> LocalRun:
    """Gather a run's results at the top of its folder."""
    shutil.copyfile(outputs["report"].path, folder / "report.html")
    shutil.copyfile(outputs["verdict"].path, folder / "verdict.json")
    for page in (folder / "kfp").glob("*/tune-managed-model*/page"):
        shutil.copyfile(page, folder / _TUNING_PAGE)
    verdict = read_verdict(folder / "verdict.json")
    registered = _registered(folder)
    summary = {
        "schema_version": 1,
        **facts,
        "tasks": [{"name": task.name, "seconds": task.seconds} for task in watch.tasks],
        "passed": verdict.passed,
        "winner": verdict.winner,
        "headline": verdict.headline,
        "registered": registered,
    }
    write_text(folder / "result.json", json.dumps(summary, indent=2) + "\n")
    return LocalRun(folder, verdict, registered, facts["seconds"])


def _executed(
    pipeline: BaseComponent, arguments: Mapping[str, Any], folder: Path, runner: Any
) -> Mapping[str, Any]:
    """Let kfp run the pipeline; its output artifacts by name."""
    from kfp import local

    root = folder.resolve() / "kfp"
    workspace = folder.resolve() / "workspace"  # kfp wants one, and removes it at the end
    for each in (root, workspace):
        each.mkdir()  # by this user, before a container engine does it as another one
    local.init(runner=runner, pipeline_root=str(root), workspace_root=str(workspace))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*have no effect in the current local runner")
        outputs: Mapping[str, Any] = pipeline(**arguments).outputs
    return outputs


@contextlib.contextmanager
def _failures(folder: Path, watch: Watch, stop: StopRequest) -> Iterator[None]:
    """Turn what kfp raises into the error that ended the run."""
    try:
        yield
    except (RuntimeError, KeyboardInterrupt) as error:
        watch.flush()
        if stop:
            raise StoppedError(_stopped(watch), stop.signal) from error
        if isinstance(error, KeyboardInterrupt):
            raise
        if watch.failed is None:
            raise MachineError(f"{folder / LOG_FILE}: the run failed: {error}") from error
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
