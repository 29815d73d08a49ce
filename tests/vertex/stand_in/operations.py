"""Operations, which are done by the time that they are answered."""

from __future__ import annotations

from typing import Any

from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.names import new_number, place_of


def done(call: Call, kind: str, response: dict[str, Any] | None = None) -> dict[str, Any]:
    """A finished operation.

    Args:
        call: What it was started by.
        kind: Such as ``UploadModel`` or ``Delete``, that the metadata's type is named after.
        response: What it gives back, with the type that the kind names; None: nothing.
    """
    prefix, at = call.type_prefix, now()
    empty = {"@type": "type.googleapis.com/google.protobuf.Empty", "value": {}}
    return {
        "name": f"{place_of(call.name)}/operations/{new_number()}",
        "done": True,
        "metadata": {
            "@type": f"{prefix}.{kind}OperationMetadata",
            "genericMetadata": {"createTime": at, "updateTime": at},
        },
        "response": {"@type": f"{prefix}.{kind}Response", **response} if response else empty,
    }
