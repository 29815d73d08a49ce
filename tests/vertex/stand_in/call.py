"""A call, as handlers see it: the same whichever way it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tests.vertex.stand_in.names import canonical

_NAMED_BY = ("name", "parent", "tensorboardTimeSeries", "tensorboard")


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        method: Such as ``CreateTuningJob``.
        version: ``v1`` or ``v1beta1``.
        transport: How it came.
        request: The request message as JSON, names in camel case.
        body: The part of it that makes something, as the client sent it.
    """

    method: str
    version: str
    transport: Literal["rest", "grpc"]
    request: dict[str, Any]
    body: dict[str, Any]

    @property
    def resource(self) -> str:
        """The name or parent that the call is about, as it came."""
        for field in _NAMED_BY:
            if name := self.request.get(field):
                return str(name)
        return str(self.request.get("model", {}).get("name", ""))

    @property
    def name(self) -> str:
        """The same with the project's number."""
        return canonical(self.resource)

    @property
    def type_prefix(self) -> str:
        """What the types of messages inside ``Any`` start with."""
        return f"type.googleapis.com/google.cloud.aiplatform.{self.version}"
