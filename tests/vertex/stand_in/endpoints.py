"""Endpoints, which tuning made."""

from __future__ import annotations

from typing import Any

from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.operations import done
from tests.vertex.stand_in.refusals import not_found
from tests.vertex.stand_in.state import Vertex


def get(vertex: Vertex, call: Call) -> dict[str, Any]:
    """GetEndpoint."""
    if call.name not in vertex.endpoints:
        raise not_found("Endpoint", call.name)
    return vertex.endpoints[call.name]


def delete(vertex: Vertex, call: Call) -> dict[str, Any]:
    """DeleteEndpoint."""
    get(vertex, call)
    del vertex.endpoints[call.name]
    short = f"endpoints/{call.name.rpartition('/')[2]}"
    vertex.gemini.models.discard(short)
    vertex.gemini.tuned.discard(short)
    return done(call, "Delete")
