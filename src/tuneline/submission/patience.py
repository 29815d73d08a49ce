"""How long a run is waited for."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Patience(BaseModel):
    """How long a run is waited for.

    Attributes:
        deadline_hours: Longest time to wait, for quota and for the end. The run itself goes on.
        first_wait_s: Seconds between the first two looks at a run, and before the first new try...
        longest_wait_s: ...which grow up to this.
        failing_s: How long failures of the service that pass are ridden out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    deadline_hours: float = Field(default=24.0, gt=0)
    first_wait_s: float = Field(default=5.0, gt=0)
    longest_wait_s: float = Field(default=60.0, gt=0)
    failing_s: float = Field(default=300.0, gt=0)
