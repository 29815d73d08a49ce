"""A running job's name on disk, as google-cloud-pipeline-components has it.

Consoles link the job by it, and a task that is started again finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from tuneline.files import write_bytes
from tuneline.vertex.place import Resource

if TYPE_CHECKING:
    from pathlib import Path

_TYPE = "TuningJob"


def write_gcp_resources(path: Path, job: str) -> None:
    """Write the job's name as the JSON of a ``GcpResources`` message."""
    resource = {"resourceType": _TYPE, "resourceUri": Resource.parse(job).url}
    write_bytes(path, orjson.dumps({"resources": [resource]}))


def noted_job(path: Path) -> str:
    """The job's name that an earlier attempt wrote; empty where there is none."""
    try:
        (resource,) = orjson.loads(path.read_bytes())["resources"]
        name = str(resource["resourceUri"]).partition("/v1/")[2]
        return name if resource["resourceType"] == _TYPE else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # none, or not of ours: the job is looked for by its label all the same
