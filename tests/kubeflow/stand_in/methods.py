"""What each method does."""

from __future__ import annotations

from typing import Any

from tests.kubeflow.stand_in import cron
from tests.kubeflow.stand_in.pipelines import check_parameters, check_spec, task_details
from tests.kubeflow.stand_in.reading import filtered, read
from tests.kubeflow.stand_in.refusals import RefusedError, invalid
from tests.kubeflow.stand_in.state import Kfp

_Json = dict[str, Any]
_ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


def healthz(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """Answer that it is well."""
    return {"multi_user": bool(kfp.namespaces), "pipeline_store": "database"}


def create_experiment(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """Make an experiment; names are unique in a namespace."""
    wanted = read("V2beta1Experiment", body)
    name, namespace = wanted.get("display_name", ""), wanted.get("namespace", "")
    if not name or len(name) > 128:
        raise invalid("Experiment name is empty or too long")
    _check_namespace(kfp, namespace)
    if any(_key(each) == (name, namespace) for each in kfp.experiments.values()):
        raise RefusedError(409, f"Already exist error: experiment {name} already exists")
    made = {
        "experiment_id": kfp.new_id(),
        "display_name": name,
        "created_at": kfp.now(),
        "storage_state": "AVAILABLE",
        **({"namespace": namespace} if namespace else {}),
    }
    kfp.experiments[made["experiment_id"]] = made
    return made


def list_experiments(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """List those of a namespace."""
    namespace = query.get("namespace", "")
    _check_namespace(kfp, namespace)
    mine = [each for each in kfp.experiments.values() if each.get("namespace", "") == namespace]
    return _page(kfp, "experiments", mine, query)


def create_run(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """Start a run."""
    wanted = read("V2beta1Run", body)
    content = _checked_job(kfp, wanted)
    made = {
        **wanted,
        "run_id": kfp.new_id(),
        "created_at": kfp.now(),
        "storage_state": "AVAILABLE",
        "state": "PENDING",
    }
    kfp.runs[made["run_id"]] = made
    kfp.steps[made["run_id"]] = list(kfp.run_states)
    made["run_details"] = {"task_details": task_details(content, "PENDING", None, "")}
    return made


def get_run(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """Look at a run, which moves on with every look."""
    run = _of(kfp.runs, query["run_id"], "run")
    steps = kfp.steps[run["run_id"]]
    run["state"] = steps.pop(0) if len(steps) > 1 else steps[0]
    content = check_spec(run["pipeline_spec"])
    details = task_details(content, run["state"], kfp.failing_task, kfp.message_place)
    run["run_details"] = {"task_details": details}
    return run


def list_runs(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """List the runs of an experiment."""
    _of(kfp.experiments, query.get("experiment_id", ""), "experiment")
    mine = [r for r in kfp.runs.values() if r["experiment_id"] == query["experiment_id"]]
    if sort := query.get("sort_by", ""):
        field, _, order = sort.partition(" ")
        if field not in ("created_at", "display_name", "run_id") or order not in (
            "",
            "asc",
            "desc",
        ):
            raise invalid(f"Invalid sorting field: {sort}")
        mine.sort(key=lambda run: run[field], reverse=order == "desc")
    return _page(kfp, "runs", mine, query)


def terminate_run(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """End a run."""
    run = _of(kfp.runs, query["run_id"], "run")
    if run["state"] in _ENDED:
        raise invalid(f"Failed to terminate run {run['run_id']}: it is {run['state']}")
    kfp.steps[run["run_id"]] = ["CANCELING", "CANCELED"]
    return {}


def create_schedule(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """Make a recurring run."""
    wanted = read("V2beta1RecurringRun", body)
    _checked_job(kfp, wanted)
    if not 1 <= int(wanted.get("max_concurrency", "0")) <= 10:
        raise invalid("Max concurrency of a recurring run must be at least 1 and at most 10")
    trigger = wanted.get("trigger", {})
    if set(trigger) != {"cron_schedule"}:
        raise invalid("a trigger is required")
    cron.times(trigger["cron_schedule"].get("cron", ""))
    made = {
        **wanted,
        "recurring_run_id": kfp.new_id(),
        "created_at": kfp.now(),
        "status": "ENABLED" if wanted.get("mode") == "ENABLE" else "DISABLED",
    }
    kfp.schedules[made["recurring_run_id"]] = made
    return made


def list_schedules(kfp: Kfp, query: _Json, body: Any) -> _Json:
    """List the recurring runs of an experiment."""
    _of(kfp.experiments, query.get("experiment_id", ""), "experiment")
    mine = [s for s in kfp.schedules.values() if s["experiment_id"] == query["experiment_id"]]
    return _page(kfp, "recurringRuns", mine, query)


def _checked_job(kfp: Kfp, wanted: _Json) -> _Json:
    """What runs and recurring runs share."""
    if not wanted.get("display_name"):
        raise invalid("the run's name cannot be empty")
    _of(kfp.experiments, wanted.get("experiment_id", ""), "experiment")
    content = check_spec(wanted.get("pipeline_spec"))
    check_parameters(content, wanted.get("runtime_config", {}).get("parameters", {}))
    return content


def _check_namespace(kfp: Kfp, namespace: str) -> None:
    if kfp.namespaces and not namespace:
        raise invalid("In multi-user mode, namespace cannot be empty")
    if not kfp.namespaces and namespace:
        raise invalid("In single-user mode, namespace must be empty")
    if namespace and namespace not in kfp.namespaces:
        raise RefusedError(403, f"User 'lamps' is not authorized in namespace {namespace}")


def _of(things: dict[str, _Json], key: str, kind: str) -> _Json:
    if key not in things:
        raise RefusedError(404, f"ResourceNotFoundError: {kind} {key} not found")
    return things[key]


def _page(kfp: Kfp, key: str, entries: list[_Json], query: _Json) -> _Json:
    found = filtered(entries, query.get("filter", ""))
    start = int(query.get("page_token") or 0)
    size = min(int(query.get("page_size") or 10), kfp.page_size)
    answer: _Json = {"total_size": len(found)}
    if page := found[start : start + size]:
        answer[key] = page
    if start + size < len(found):
        answer["next_page_token"] = str(start + size)
    return answer


def _key(experiment: _Json) -> tuple[str, str]:
    return experiment["display_name"], experiment.get("namespace", "")
