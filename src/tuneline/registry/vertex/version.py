"""What a version is made from, whichever way the service gets it."""

from __future__ import annotations

from dataclasses import dataclass

_DESCRIPTION_LENGTH = 10_000


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that is to be there.

    Attributes:
        model_name: Display name of the model that it belongs to.
        digest: Value of the label that it is found by.
        labels: All its labels.
        description: Why it was registered.
    """

    model_name: str
    digest: str
    labels: dict[str, str]
    description: str


def shortened(description: str) -> str:
    """A description that the service takes, cut off at the end where it is longer."""
    if len(description) <= _DESCRIPTION_LENGTH:
        return description
    return f"{description[: _DESCRIPTION_LENGTH - 1]}…"
