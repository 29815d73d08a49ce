"""Everything that the stand-in knows, and what tests may tell it."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.prediction.gemini.stand_in import Asked, Reply, write_key_file
from tests.vertex.stand_in import storage
from tests.vertex.stand_in.credentials import public_half
from tests.vertex.stand_in.faults import Fault
from tests.vertex.stand_in.gemini import Gemini
from tests.vertex.stand_in.registry import Registry
from tests.vertex.stand_in.tuning_job import Job

_Resources = dict[str, dict[str, Any]]


class Vertex:
    """The service's state.

    Attributes:
        gemini: Answers ``:generateContent`` and gives tokens.
        address: Of the HTTP face, with its scheme.
        grpc_address: ``localhost:PORT`` of the gRPC face.
        certificate: File with the certificate of the gRPC face.
        bucket: ``gs://`` URI of a bucket; empty where nobody gave one.

        tuning_states: What a new tuning job goes through, one state with each Get.
        job_error: ``code`` and ``message`` that tuning jobs end with instead of success.
        hangs: Whether tuning jobs stay where they are once they run.
        dropped_reasons: One reason for each example that tuning leaves out.
        concurrent_jobs: How many tuning jobs may be open at once; likewise of open models.
        tuned_weights: Folder whose files are the result of tuning an open model.
        hidden_lists: How many of the next lists of tuning jobs do not show the newest one yet.
        pipeline_states: What a new pipeline job goes through, one state with each Get.
        failing_task: Name of the task that pipeline jobs fail at, and its message.
        faults: What goes wrong with the next calls.

        calls: Method, version, transport and resource of every call, in the order of coming.
        bodies: By method: what each call that makes something sent.
        tuning_jobs, pipeline_jobs, schedules, evaluations, slices, endpoints, contexts: By name.
        series: Time series of TensorBoards by name, each with its ``points``.
        models: The model registry.
        lock: Held while a call is carried out.
    """

    def __init__(self) -> None:
        self.gemini = Gemini()
        self.address = self.grpc_address = self.bucket = ""
        self.certificate = Path()
        self.lock = threading.RLock()
        self._script()
        self.calls: list[tuple[str, str, str, str]] = []
        self.bodies: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.tuning_jobs: dict[str, Job] = {}
        self.pipeline_jobs: _Resources = {}
        self.pipeline_steps: dict[str, list[str]] = {}
        self.schedules: _Resources = {}
        self.evaluations: _Resources = {}
        self.slices: _Resources = {}
        self.endpoints: _Resources = {}
        self.contexts: _Resources = {}
        self.series: _Resources = {}
        self.models = Registry()
        self.public_key = b""

    def _script(self) -> None:
        self.tuning_states = ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]
        self.job_error: dict[str, Any] | None = None
        self.hangs = False
        self.dropped_reasons: list[str] = []
        self.concurrent_jobs = 1
        self.tuned_weights: Path | None = None
        self.hidden_lists = 0
        self.pipeline_states = [
            "PIPELINE_STATE_PENDING",
            "PIPELINE_STATE_RUNNING",
            "PIPELINE_STATE_SUCCEEDED",
        ]
        self.failing_task: tuple[str, str] | None = None
        self.faults: deque[Fault] = deque()

    @property
    def tuned_answer(self) -> Callable[[Asked], Reply] | None:
        """Makes the replies of tuned endpoints; None: ``gemini.answer`` makes them too."""
        return self.gemini.tuned_answer

    @tuned_answer.setter
    def tuned_answer(self, made: Callable[[Asked], Reply] | None) -> None:
        self.gemini.tuned_answer = made

    def put(self, name: str, content: bytes) -> str:
        """Make an object in the bucket; gives its URI."""
        uri = f"{self.bucket}/{name}"
        storage.write(uri, content)
        return uri

    def count(self, method: str) -> int:
        """How many calls of a method came."""
        return sum(call[0] == method for call in self.calls)

    def write_key_file(self, path: Path, private_key: str) -> None:
        """Write a service account's key file; what is signed with its key is taken from now on."""
        write_key_file(path, self.gemini, private_key)
        self.public_key = public_half(private_key)
