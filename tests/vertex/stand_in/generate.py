"""``:generateContent``, handed on to the stand-in that has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.prediction.gemini.stand_in import PROJECT, Reply, refused
from tests.vertex.stand_in.credentials import check_bearer
from tests.vertex.stand_in.dispatch import with_fault
from tests.vertex.stand_in.names import PROJECT_NUMBER, canonical
from tests.vertex.stand_in.state import Vertex

_PATH = re.compile(
    r"/(?P<version>v1|v1beta1)/(?P<place>projects/(?P<project>[^/]+)/locations/[^/]+)/"
    r"(?P<model>[^:]+):generateContent"
)


@dataclass(frozen=True, slots=True)
class _Headers:
    """Headers that the other stand-in reads, with the token that it knows."""

    given: Any
    token: str

    def get(self, name: str, default: Any = None) -> Any:
        """A header's value."""
        if name == "Authorization" and self.token:
            return f"Bearer {self.token}"
        return self.given.get(name, default)


def is_generation(path: str) -> bool:
    """Whether a path asks for an answer of a model."""
    return path.endswith(":generateContent")


def generate(vertex: Vertex, path: str, headers: Any, content: bytes) -> Reply:
    """The answer of a publisher's model or an endpoint.

    Raises:
        RefusedError: The bearer is refused, or as a fault says.
        DroppedError: As a fault says.
    """
    found = _PATH.fullmatch(path)
    token, version, resource = "", "v1beta", path
    if found is not None:
        check_bearer(vertex, headers.get("Authorization", ""))
        token, version = vertex.gemini.token, found["version"]
        resource = f"{found['place']}/{found['model']}"
        project = PROJECT if found["project"] == PROJECT_NUMBER else found["project"]
        place = found["place"].replace(found["project"], project, 1)
        path = f"/v1beta1/{place}/{found['model']}:generateContent"
    with vertex.lock:
        vertex.calls.append(("GenerateContent", version, "rest", resource))

    def work() -> Reply:
        of_tuned = found is not None and found["model"] in vertex.gemini.tuned
        if of_tuned and canonical(resource) not in vertex.endpoints:
            return refused(404, f"Endpoint `{resource}` was not found.")
        return vertex.gemini.reply(path, _Headers(headers, token), content)

    return with_fault(vertex, "GenerateContent", work)
