"""A cluster on this machine: the parts of Kubernetes' API that a task with a TrainJob speaks to.

A job goes through the stages of a script: each look at it shows the next one, and the last one
stays. So nothing depends on time. Requests that no rule knows are kept and fail the test.
"""

import datetime as dt
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.kubeflow.train_job import rules

NAMESPACE = "team"
TOKEN = "let-me-in"
TRAINER = "/apis/trainer.kubeflow.org/v1alpha1"
JOBS = f"{TRAINER}/namespaces/{NAMESPACE}/trainjobs"
CORE = f"/api/v1/namespaces/{NAMESPACE}"

TORCH = {
    "apiVersion": "trainer.kubeflow.org/v1alpha1",
    "kind": "ClusterTrainingRuntime",
    "metadata": {
        "name": "torch-distributed",
        "labels": {"trainer.kubeflow.org/framework": "torch"},
    },
    "spec": {
        "mlPolicy": {"numNodes": 1, "torch": {}},
        "template": {
            "spec": {
                "replicatedJobs": [
                    {
                        "name": "node",
                        "template": {
                            "metadata": {
                                "labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
                            },
                            "spec": {
                                "template": {
                                    "spec": {"containers": [{"name": "node", "image": "torch:1"}]}
                                }
                            },
                        },
                    }
                ]
            }
        },
    },
}


def condition(kind: str, reason: str, message: str) -> dict[str, str]:
    """A condition that holds."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": now,
    }


COMPLETE = condition("Complete", "AllJobsCompleted", "jobset completed successfully")
FAILED = condition("Failed", "FailedJobs", "jobset failed due to one or more job failures")
SUSPENDED = condition("Suspended", "Suspended", "TrainJob is suspended")


def running() -> dict[str, Any]:
    """Status of a pod whose program runs."""
    return container_status("Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}})


def succeeded() -> dict[str, Any]:
    """Status of a pod whose program ended well."""
    return container_status("Succeeded", {"terminated": {"exitCode": 0, "reason": "Completed"}})


def ended(reason: str, exit_code: int) -> dict[str, Any]:
    """Status of a pod whose program ended badly."""
    return container_status("Failed", {"terminated": {"exitCode": exit_code, "reason": reason}})


def waiting(reason: str, message: str) -> dict[str, Any]:
    """Status of a pod whose container does not start."""
    return container_status("Pending", {"waiting": {"reason": reason, "message": message}})


def container_status(phase: str, state: dict[str, Any]) -> dict[str, Any]:
    """Status of a pod with one container."""
    return {"phase": phase, "containerStatuses": [{"name": "node", "state": state}]}


def unschedulable(message: str) -> dict[str, Any]:
    """Status of a pod that no node takes."""
    found = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"phase": "Pending", "conditions": [{**found, "message": message}]}


@dataclass
class Stage:
    """What a look at the job shows: its condition, and the pods' status by node."""

    condition: dict[str, str] | None = None
    pods: list[dict[str, Any]] = field(default_factory=list)
    action: Callable[[], object] | None = None
    generation: int = 0
    """Rises where a node's pod was replaced."""


@dataclass
class Fault:
    """What becomes of the next requests that match.

    Kinds: an HTTP code; ``close`` (not carried out, no answer), ``lost`` (carried out, no answer),
    ``garbage`` (no JSON), ``slow`` (answered after half a second).
    """

    method: str
    pattern: str
    kind: int | str
    times: int = 1
    message: str = "fault"
    plain: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class Cluster:
    """State of the stand-in."""

    def __init__(self) -> None:
        self.runtimes: dict[str, dict[str, Any]] = {"torch-distributed": TORCH}
        self.own_runtimes: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.script: list[Stage] = [Stage(), Stage(COMPLETE)]
        self.shown: dict[str, int] = {}
        self.events: list[dict[str, Any]] = []
        self.logs: dict[str, list[tuple[str, str]]] = {}
        self.open_logs: set[str] = set()
        """Pods that are still writing: their logs are followed until they are not."""
        self.cuts: list[int] = []
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.unknown: list[str] = []
        self.created: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.lingering = 0
        """How many looks show a job that was deleted."""
        self.on_create: Callable[[dict[str, Any]], object] = lambda job: None
        self.on_delete: Callable[[str], object] = lambda name: None
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def write_kubeconfig(self, path: Path, token: str = TOKEN) -> Path:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": self.url}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "task"}}],
            "users": [{"name": "task", "user": {"token": token}}],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def asked(self, method: str, pattern: str) -> int:
        """How many requests matched."""
        return sum(m == method and bool(re.search(pattern, p)) for m, p in self.requests)

    def stage(self, name: str) -> Stage:
        return self.script[min(self.shown.get(name, 0), len(self.script) - 1)]

    def pods(self, name: str) -> list[dict[str, Any]]:
        if name not in self.jobs:
            return []
        job, stage = self.jobs[name], self.stage(name)
        runtime = self.runtimes[job["spec"]["runtimeRef"]["name"]]
        pods = []
        for node, status in enumerate(stage.pods):
            pod = rules.pod_of(job, runtime, node)
            pod["metadata"]["name"] += str(stage.generation or "")
            pod["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{stage.generation:02d}Z"
            pods.append({**pod, "status": status})
        return pods


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.cluster = cluster
    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms
    cluster: Cluster

    def log_message(self, *args: Any) -> None:
        """The test shows what matters."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.cluster.requests.append((method, self.path))
        fault = self._fault(method)
        kind = fault.kind if fault else ""
        self._lose = str(kind) if kind in ("lost", "garbage") else ""
        if kind == "slow":
            time.sleep(0.5)
        if kind == "close":
            self.close_connection = True
        elif fault and isinstance(kind, int):
            self._refuse(kind, "Fault", fault.message, plain=fault.plain, headers=fault.headers)
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse(401, "Unauthorized", "Unauthorized")
        else:
            self._route(method, body)

    _lose = ""

    def _fault(self, method: str) -> Fault | None:
        with self.cluster.lock:
            for fault in self.cluster.faults:
                if fault.times and fault.method == method and re.search(fault.pattern, self.path):
                    fault.times -= 1
                    return fault
        return None

    def _route(self, method: str, body: Any) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        parent, _, last = url.path.rpartition("/")
        match method, parent:
            case "GET", "/api/v1/namespaces/kubeflow-system/configmaps":
                self._send(200, {"data": {"kubeflow_trainer_version": "2.2.0"}})
            case "GET", kind if kind == f"{TRAINER}/clustertrainingruntimes":
                self._found("clustertrainingruntimes", last, self.cluster.runtimes.get(last))
            case "GET", kind if kind == f"{TRAINER}/namespaces/{NAMESPACE}/trainingruntimes":
                self._found("trainingruntimes", last, self.cluster.own_runtimes.get(last))
            case "POST", _ if url.path == JOBS:
                self._create(query, body)
            case "GET", kind if kind == JOBS:
                self._show(last)
            case "DELETE", kind if kind == JOBS:
                self._delete(last, body or {})
            case "GET", kind if kind == CORE:
                self._list(last, query)
            case "GET", kind if kind.startswith(f"{CORE}/pods/") and last == "log":
                self._log(parent.rpartition("/")[2], query)
            case _:
                self.cluster.unknown.append(f"{method} {self.path}")
                self._refuse(404, "", "404 page not found", plain=True)

    def _list(self, kind: str, query: dict[str, str]) -> None:
        if kind == "events":
            wanted = query["fieldSelector"].removeprefix("type=")
            events = [event for event in self.cluster.events if event["type"] == wanted]
            self._send(200, {"kind": "EventList", "items": events})
            return
        label, _, name = query["labelSelector"].partition("=")
        assert (kind, label) == ("pods", "jobset.sigs.k8s.io/jobset-name")
        with self.cluster.lock:
            pods = self.cluster.pods(name)
        self._send(200, {"kind": "PodList", "items": pods})

    def _found(self, kind: str, name: str, thing: Any) -> None:
        if thing is None:
            self._refuse(404, "NotFound", f'{kind}.trainer.kubeflow.org "{name}" not found')
        else:
            self._send(200, thing)

    def _create(self, query: dict[str, str], job: dict[str, Any]) -> None:
        name = job["metadata"]["name"]
        with self.cluster.lock:
            if refusal := self._refusal(query, job):
                self._refuse(*refusal)
                return
            self.cluster.created.append(job)
            made = json.loads(json.dumps(job))
            made["metadata"] |= {
                "namespace": NAMESPACE,
                "uid": f"uid-{len(self.cluster.created)}",
                "creationTimestamp": "2026-01-01T00:00:00Z",
            }
            self.cluster.jobs[name] = made
            self.cluster.shown[name] = -1
        self.cluster.on_create(made)
        self._send(201, made)

    def _refusal(self, query: dict[str, str], job: dict[str, Any]) -> tuple[int, str, str] | None:
        if query.get("fieldValidation") != "Strict":
            return 400, "BadRequest", "the stand-in wants fieldValidation=Strict"
        if problems := list(rules.structure_problems(job)):
            return 400, "BadRequest", f"strict decoding error: {', '.join(problems)}"
        runtime = self.cluster.runtimes[job["spec"]["runtimeRef"]["name"]]
        problems = list(rules.rule_problems(job, runtime))
        if problems := problems or list(rules.pod_problems(rules.pod_of(job, runtime, 0))):
            webhook = "validator.trainjob.trainer.kubeflow.org"
            what = f'admission webhook "{webhook}" denied the request'
            return 403, "Forbidden", f"{what}: {problems}"
        if (name := job["metadata"]["name"]) in self.cluster.jobs:
            what = f'trainjobs.trainer.kubeflow.org "{name}" already exists'
            return 409, "AlreadyExists", what
        return None

    def _show(self, name: str) -> None:
        with self.cluster.lock:
            job = self.cluster.jobs.get(name)
            if job is None:
                self._found("trainjobs", name, None)
                return
            if "deletionTimestamp" in job["metadata"]:
                if self.cluster.lingering <= 0:
                    del self.cluster.jobs[name]
                    self._found("trainjobs", name, None)
                else:
                    self.cluster.lingering -= 1
                    self._send(200, job)
                return
            self.cluster.shown[name] += 1
            stage = self.cluster.stage(name)
            is_new = self.cluster.shown[name] < len(self.cluster.script)
            action = stage.action if is_new else None
            shown = json.loads(json.dumps(job))
        if action:
            action()
        if stage.condition:
            shown["status"] = {"conditions": [stage.condition]}
        self._send(200, shown)

    def _delete(self, name: str, options: dict[str, Any]) -> None:
        with self.cluster.lock:
            job = self.cluster.jobs.get(name)
            if job is None:
                self._found("trainjobs", name, None)
                return
            uid = job["metadata"]["uid"]
            if (wanted := options.get("preconditions", {}).get("uid", uid)) != uid:
                what = f"UID in precondition: {wanted}, UID in object meta: {uid}"
                self._refuse(409, "Conflict", f"Precondition failed: {what}")
                return
            self.cluster.deleted.append(name)
            if self.cluster.lingering:
                job["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            else:
                del self.cluster.jobs[name]
        self.cluster.on_delete(name)
        self._send(200, {"kind": "Status", "status": "Success"})

    def _log(self, pod: str, query: dict[str, str]) -> None:
        assert query["container"] == "node"
        assert query["follow"] == query["timestamps"] == "True"
        with self.cluster.lock:
            cut = self.cluster.cuts.pop(0) if self.cluster.cuts else None
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        while cut is None or sent < cut:
            is_open = pod in self.cluster.open_logs  # before the lines: none is missed
            lines = self.cluster.logs.get(pod, [])[sent:cut]
            for line in lines:
                self._send_line(*line)
            sent += len(lines)
            if not lines and not is_open:
                break
            time.sleep(0.0 if lines else 0.02)
        if cut is not None:
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _send_line(self, written: str, text: str) -> None:
        content = f"{written} {text}\n".encode()
        # In two pieces, so that lines are put together again.
        for piece in (content[:7], content[7:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _refuse(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        plain: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        if plain:
            self._send_bytes(code, message.encode(), "text/plain", headers)
            return
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "reason": reason,
            "message": message,
            "code": code,
        }
        self._send_bytes(code, json.dumps(status).encode(), "application/json", headers)

    def _send(self, code: int, content: Any) -> None:
        self._send_bytes(code, json.dumps(content).encode(), "application/json", None)

    def _send_bytes(
        self, code: int, content: bytes, kind: str, headers: dict[str, str] | None
    ) -> None:
        lose, self._lose = self._lose, ""
        if lose == "lost":
            self.close_connection = True
            return
        if lose == "garbage" and code < 300:
            content = content[: len(content) // 2]
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
