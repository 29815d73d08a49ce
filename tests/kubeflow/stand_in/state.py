"""What the service knows, and what a test sets."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.kubeflow.stand_in.faults import Fault

_Json = dict[str, Any]


def default_states() -> list[str]:
    """The states that looks at a run find, one after the other; the last stays."""
    return ["PENDING", "RUNNING", "SUCCEEDED"]


@dataclass
class Kfp:
    """A service that nobody asked yet.

    Attributes:
        address: Where it answers; with ``prefix`` as behind Kubeflow's dashboard.
        token: Bearer token that it wants; empty: none.
        namespaces: Of a multi-user installation; empty: one user.
        run_states: States of runs that are made from now on.
        failing_task: Name of a task in the spec, and the message of its failure.
        message_place: Where the message is: ``task``, ``history``, ``executor`` or ``nowhere``.
        page_size: Most entries on a page, whatever is asked for.
        calls: Methods in the order of calls.
        bodies: Bodies of calls by method.
        tokens: Values of the header Authorization.
    """

    address: str = ""
    token: str = ""
    namespaces: tuple[str, ...] = ()
    run_states: list[str] = field(default_factory=default_states)
    failing_task: tuple[str, str] | None = None
    message_place: str = "history"
    page_size: int = 200
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    bodies: dict[str, list[_Json]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    experiments: dict[str, _Json] = field(default_factory=dict)
    runs: dict[str, _Json] = field(default_factory=dict)
    schedules: dict[str, _Json] = field(default_factory=dict)
    steps: dict[str, list[str]] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)
    ticks: int = 0

    def count(self, method: str) -> int:
        """How often a method was called."""
        return self.calls.count(method)

    def new_id(self) -> str:
        """An id as the service makes them."""
        return str(uuid.uuid4())

    def now(self) -> str:
        """A time, later than every one before."""
        self.ticks += 1
        return f"2026-11-29T10:{self.ticks // 60:02}:{self.ticks % 60:02}Z"
