"""The HTTP face: routes, tokens and faults."""

from __future__ import annotations

import copy
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.kubeflow.stand_in import methods
from tests.kubeflow.stand_in.faults import Fault, next_fault
from tests.kubeflow.stand_in.refusals import RefusedError, invalid
from tests.kubeflow.stand_in.state import Kfp

_Json = dict[str, Any]
_PAGED = {"page_token", "page_size", "sort_by", "namespace", "filter"}
_ROUTES: list[tuple[str, str, str, set[str], Callable[..., _Json]]] = [
    ("GET", r"/healthz", "GetHealthz", set(), methods.healthz),
    ("POST", r"/experiments", "CreateExperiment", set(), methods.create_experiment),
    ("GET", r"/experiments", "ListExperiments", _PAGED, methods.list_experiments),
    ("POST", r"/runs", "CreateRun", {"experiment_id"}, methods.create_run),
    ("GET", r"/runs", "ListRuns", _PAGED | {"experiment_id"}, methods.list_runs),
    ("GET", r"/runs/(?P<run_id>[^/:]+)", "GetRun", {"experiment_id"}, methods.get_run),
    (
        "POST",
        r"/runs/(?P<run_id>[^/:]+):terminate",
        "TerminateRun",
        {"experiment_id"},
        methods.terminate_run,
    ),
    ("POST", r"/recurringruns", "CreateRecurringRun", set(), methods.create_schedule),
    (
        "GET",
        r"/recurringruns",
        "ListRecurringRuns",
        _PAGED | {"experiment_id"},
        methods.list_schedules,
    ),
]
_PREFIX = "/pipeline"
_BASE = f"{_PREFIX}/apis/v2beta1"
_PAGE = b"<!doctype html><title>Log in to Kubeflow</title>"


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    kfp: Kfp

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_POST(self) -> None:
        """Answer."""
        self._answer()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._send(200, *self._called(content))
        except RefusedError as refusal:
            self._send(refusal.status, json.dumps(refusal.body).encode(), "application/json")
        except _DroppedError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _called(self, content: bytes) -> tuple[bytes, str]:
        method, work = self._routed(content)
        with self.kfp.lock:
            self.kfp.calls.append(method)
            self.kfp.tokens.append(self.headers.get("Authorization", ""))
        self._check_token()
        fault = next_fault(self.kfp.faults, method)
        if fault and fault.kind == "page":
            return _PAGE, "text/html; charset=utf-8"
        answer = json.dumps(self._worked(fault, work)).encode()
        if fault and fault.kind == "broken":
            answer = answer[: len(answer) // 2]
        return answer, "application/json"

    def _worked(self, fault: Fault | None, work: Callable[[], _Json]) -> _Json:
        if fault is None or fault.kind == "broken":
            return work()
        if fault.kind == "slow":
            time.sleep(fault.seconds)
            return work()
        if fault.kind == "status":
            raise RefusedError(fault.status, fault.message or f"Planted failure {fault.status}.")
        if fault.kind == "drop_after":
            work()
        if fault.kind == "late":
            threading.Timer(fault.seconds, work).start()
        raise _DroppedError

    def _check_token(self) -> None:
        if self.kfp.token and self.headers.get("Authorization") != f"Bearer {self.kfp.token}":
            raise RefusedError(401, "Request header error: there is no user identity header.")

    def _routed(self, content: bytes) -> tuple[str, Callable[[], _Json]]:
        parts = urlsplit(self.path)
        for verb, path, name, known, function in _ROUTES:
            found = re.fullmatch(re.escape(_BASE) + path, parts.path)
            if found is None or verb != self.command:
                continue
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            if unknown := set(query) - known:
                raise invalid(f"unknown query parameters {sorted(unknown)}")
            asked = {**query, **found.groupdict()}
            return name, partial(self._work, function, asked, self._body(name, content))
        raise RefusedError(404, f"Not Found: {self.command} {parts.path}")

    def _work(self, function: Callable[..., _Json], asked: _Json, body: Any) -> _Json:
        with self.kfp.lock:
            return copy.deepcopy(function(self.kfp, asked, body))

    def _body(self, name: str, content: bytes) -> Any:
        if not content:
            return None
        body = json.loads(content)
        with self.kfp.lock:
            self.kfp.bodies.setdefault(name, []).append(body)
        return body


@contextmanager
def kfp_stand_in() -> Iterator[Kfp]:
    """A running service; ends with the block."""
    kfp = Kfp()
    handler = type("KfpHandler", (Handler,), {"kfp": kfp})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    kfp.address = f"http://127.0.0.1:{server.server_address[1]}{_PREFIX}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kfp
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
