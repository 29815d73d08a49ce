"""What a run says of its tasks.

Kubeflow Pipelines lists the nodes of its workflow engine. A task is there under its name in the
spec, beside nodes of the engine's own: ``root`` and conditions, a driver before each task (named
``TASK-driver``) and an ``executor`` in it. Which of them has a message differs between releases,
and some give none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.submission.spec import working_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DRIVER = "-driver"
_FAILED = "FAILED"
_RUNNING = "RUNNING"
_DONE = ("SUCCEEDED", "SKIPPED")
_OF_ENGINE = ("executor", "root")

_Json = dict[str, Any]


def state_of(thing: Mapping[str, Any]) -> str:
    """A run's or a task's state, such as ``RUNNING``."""
    return str(thing.get("state") or "PENDING")


def progress(run: _Json) -> str:
    """One line for a person: the state, how many tasks are done, which are running."""
    titles = _titles(run)
    known = [task for task in _details(run) if _name(task) in titles]
    # A task of a loop, or one that was tried again, appears several times.
    running = dict.fromkeys(_name(task) for task in known if state_of(task) == _RUNNING)
    done = {_name(task) for task in known if state_of(task) in _DONE} - running.keys()
    names = ", ".join(repr(titles[name]) for name in running)
    return (
        f"{state_of(run).lower()}: {len(done)} of {len(titles)} tasks done"
        f"{f'; running: {names}' if names else ''}"
    )


def failed_tasks(run: _Json) -> Iterator[tuple[str, str]]:
    """Titles of the tasks that failed, and what the service says of each; empty where nothing.

    Args:
        run: The service's answer.
    """
    titles, details = _titles(run), _details(run)
    failed = [task for task in details if state_of(task) == _FAILED]
    ours = [task for task in failed if _name(task).removesuffix(_DRIVER) in titles]
    if not ours:
        ours = [task for task in failed if _name(task) not in _OF_ENGINE]
    for task in ours:
        name = _name(task)
        title = titles.get(name.removesuffix(_DRIVER), name)
        yield title, _message(task) or _message_below(task, failed)


def _titles(run: _Json) -> dict[str, str]:
    """What people call the tasks that run something, by the task's name."""
    spec: _Json = run.get("pipeline_spec") or {}
    content: _Json = spec.get("pipeline_spec") or spec
    if "root" not in content:
        return {}
    return {task.name: task.title for task in working_tasks(content)}


def _details(run: _Json) -> list[_Json]:
    return list((run.get("run_details") or {}).get("task_details") or [])


def _name(task: _Json) -> str:
    return str(task.get("display_name", ""))


def _message(task: _Json) -> str:
    """What the service says of a node, now or at its last change."""
    history = task.get("state_history") or []
    for place in (task, *reversed(history)):
        if message := str((place.get("error") or {}).get("message", "")):
            return message
    return ""


def _message_below(task: _Json, failed: list[_Json]) -> str:
    """What it says of the nodes below a task's."""
    ids = {task.get("task_id")}
    messages = []
    for other in failed:  # parents stand before their children
        if other.get("parent_task_id") in ids:
            ids.add(other.get("task_id"))
            messages.append(_message(other))
    return next(filter(None, messages), "")
