"""Runs by the clock: a schedule, made once."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from google.cloud import aiplatform_v1 as vertex

from tuneline.errors import ConfigurationError
from tuneline.submission.waiting import Waits
from tuneline.vertex.clients import api_client, may_have_worked, once, patient, said, translated

if TYPE_CHECKING:
    from tuneline.vertex.jobs.settings import VertexRun

logger = logging.getLogger("tuneline")

_LOOKS = 4


def create_schedule(request: vertex.CreateScheduleRequest, run: VertexRun) -> str:
    """Make a schedule and give back its resource name.

    A schedule's id is the service's choice, so it is known by its name: none is made beside an
    active one of the same name, and after a failure that may hide a success it is looked for.

    Args:
        request: What to make.
        run: Where, and how long failures are ridden out.

    Raises:
        ConfigurationError: There is an active schedule of this name, or the service refuses.
        ServiceError: The service does not answer.
    """
    title = request.schedule.display_name
    client = api_client(vertex.ScheduleServiceClient, run.place)
    with translated(f"Scheduling {title}"):
        if found := _active(client, title, run):
            raise ConfigurationError(
                f"name: there is an active schedule {title!r} already, {found}. Pause or delete it "
                "(console, Pipelines, Schedules), or give another --name."
            )
        return _created(client, request, run)


def _created(client: Any, request: vertex.CreateScheduleRequest, run: VertexRun) -> str:
    waits, end = Waits(run), time.monotonic() + run.failing_s
    while True:
        try:
            return str(client.create_schedule(request=request, **once()).name)
        except Exception as error:
            if not may_have_worked(error):
                raise
            logger.warning("vertex: %s; looking whether the schedule was made", said(error))
            # The service may need time to show it, and a second one would run beside it.
            for _ in range(_LOOKS):
                waits.wait()
                if found := _active(client, request.schedule.display_name, run):
                    return found
            if time.monotonic() > end:
                raise


def _active(client: Any, title: str, run: VertexRun) -> str:
    """The active schedule of a name; else nothing."""
    listing = vertex.ListSchedulesRequest(
        parent=run.place.parent, filter=f"display_name={json.dumps(title)}"
    )
    for schedule in client.list_schedules(request=listing, **patient(run.failing_s)):
        is_active = schedule.state == vertex.Schedule.State.ACTIVE
        # The name is compared here too: a filter that was read otherwise would find a stranger.
        if is_active and schedule.display_name == title:
            return str(schedule.name)
    return ""
