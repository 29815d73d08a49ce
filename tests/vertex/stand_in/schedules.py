"""Schedules of pipeline jobs; they start none."""

from __future__ import annotations

import copy
import re
from typing import Any

from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.listing import page
from tests.vertex.stand_in.names import canonical, new_number
from tests.vertex.stand_in.operations import done
from tests.vertex.stand_in.pipeline_rules import check_id, check_job
from tests.vertex.stand_in.refusals import invalid, not_found
from tests.vertex.stand_in.state import Vertex

_CRON = re.compile(r"(?:(?:CRON_)?TZ=[\w/+-]+ )?[\d*/,A-Z-]+(?: [\d*/,A-Z-]+){4}")


def create(vertex: Vertex, call: Call) -> dict[str, Any]:
    """CreateSchedule."""
    asked = copy.deepcopy(call.request.get("schedule", {}))
    _check(asked, call.name)
    name, at = f"{call.name}/schedules/{new_number()}", now()
    vertex.schedules[name] = {
        "startTime": at,
        **asked,
        "name": name,
        "state": "ACTIVE",
        "createTime": at,
        "updateTime": at,
    }
    return vertex.schedules[name]


def _check(schedule: dict[str, Any], parent: str) -> None:
    if not schedule.get("displayName"):
        raise invalid("schedule.display_name is required.")
    if not _CRON.fullmatch(schedule.get("cron", "")):
        raise invalid(f"schedule.cron is invalid: {schedule.get('cron', '')!r}.")
    if int(schedule.get("maxConcurrentRunCount", 0)) < 1:
        raise invalid("schedule.max_concurrent_run_count must be at least 1.")
    request = schedule.get("createPipelineJobRequest")
    if request is None:
        raise invalid("schedule.create_pipeline_job_request is required.")
    if canonical(request.get("parent", "")) != parent:
        raise invalid(f"create_pipeline_job_request.parent must be {parent}.")
    if job_id := request.get("pipelineJobId", ""):
        check_id(job_id)
    check_job(request.get("pipelineJob", {}))


def get(vertex: Vertex, call: Call) -> dict[str, Any]:
    """GetSchedule."""
    if call.name not in vertex.schedules:
        raise not_found("Schedule", call.name)
    return vertex.schedules[call.name]


def list_(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListSchedules, newest first."""
    prefix = f"{call.name}/schedules/"
    found = [item for name, item in vertex.schedules.items() if name.startswith(prefix)]
    return page(call, found[::-1], "schedules")


def pause(vertex: Vertex, call: Call) -> dict[str, Any]:
    """PauseSchedule."""
    at = now()
    get(vertex, call).update(state="PAUSED", lastPauseTime=at, updateTime=at)
    return {}


def resume(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ResumeSchedule."""
    at, schedule = now(), get(vertex, call)
    schedule.update(state="ACTIVE", lastResumeTime=at, updateTime=at)
    if call.request.get("catchUp"):
        schedule["catchUp"] = True
    return {}


def delete(vertex: Vertex, call: Call) -> dict[str, Any]:
    """DeleteSchedule."""
    get(vertex, call)
    del vertex.schedules[call.name]
    return done(call, "Delete")
