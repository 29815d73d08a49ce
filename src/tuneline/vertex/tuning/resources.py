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
