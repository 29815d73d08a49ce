"""Kubeflow Model Registry on this machine: its API, its rules and its faults.

Requests and answers go through the models that the client was generated with, which are the
published description; a field or a query that they do not have is refused. Rules that the server
adds: one of a name, custom properties that are replaced as a whole, fields that are kept where an
update leaves them out.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import mr_openapi
from pydantic import ValidationError

from tests.vertex.stand_in.certificate import local_certificate

PREFIX = "/api/model_registry/v1/"
_FIRST_ID = 7

_Fields = dict[str, Any]


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next calls of a method.

    Attributes:
        method: Such as ``create_model_version``; empty: any.
        kind: ``reply`` answers with what is given here and does no work; ``drop_before`` closes the
            connection and does no work; ``drop_after`` does it and closes; ``cut_after`` does it
            and ends in the middle of the answer; ``delay`` waits before the work.
        times: How many calls.
        after: Calls that go well before.
    """

    method: str
    kind: Literal["reply", "drop_before", "drop_after", "cut_after", "delay"] = "reply"
    status: int = 503
    body: str = '{"code": "503", "message": "busy"}'
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    times: int = 1
    after: int = 0


class RefusedError(Exception):
    """The server's refusal."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Server:
    """A server's state, and what tests set and read of it.

    Attributes:
        uri: What the setting ``registry`` says for it.
        certificate: The file with its authority; None without TLS.
        token: The bearer token that it asks for; empty: none.
        folds_case: Whether its database takes names for the same that differ in case.
        plain_words: Whether refusals are a string in JSON, as some releases answer.
        calls: Methods that were called, with what was sent.
        authorizations: The header of each call.
        meeting: Where calls of a method wait for each other.
    """

    uri: str = ""
    url: str = ""
    certificate: Path | None = None
    token: str = ""
    folds_case: bool = False
    plain_words: bool = False
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, _Fields]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    meeting: dict[str, threading.Barrier] = field(default_factory=dict)
    models: dict[str, _Fields] = field(default_factory=dict)
    versions: dict[str, _Fields] = field(default_factory=dict)
    artifacts: dict[str, _Fields] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def called(self, method: str) -> int:
        """How often a method was called."""
        return [name for name, _ in self.calls].count(method)

    def new_id(self) -> str:
        return str(_FIRST_ID + len(self.models) + len(self.versions) + len(self.artifacts))

    def next_fault(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method not in ("", method) or not fault.times:
                continue
            if fault.after:
                fault.after -= 1
                return None
            fault.times -= 1
            return fault
        return None

    def same_name(self, one: str, other: str) -> bool:
        return one == other or (self.folds_case and one.casefold() == other.casefold())


def list_registered_models(server: Server, query: _Fields, _: _Fields) -> _Fields:
    return _page(list(server.models.values()), query)


def create_registered_model(server: Server, _: _Fields, body: _Fields) -> _Fields:
    return _created(server, server.models, _read(mr_openapi.RegisteredModelCreate, body), {})


def find_registered_model(server: Server, query: _Fields, _: _Fields) -> _Fields:
    return _found(server, server.models, query["name"], {})


def update_registered_model(server: Server, query: _Fields, body: _Fields) -> _Fields:
    model = _by_id(server.models, query["id"])
    model |= _read(mr_openapi.RegisteredModelUpdate, body)
    return model


def list_model_versions(server: Server, query: _Fields, _: _Fields) -> _Fields:
    model = _by_id(server.models, query.pop("id"))
    own = [one for one in server.versions.values() if one["registeredModelId"] == model["id"]]
    return _page(own, query)


def create_model_version(server: Server, _: _Fields, body: _Fields) -> _Fields:
    given = _read(mr_openapi.ModelVersionCreate, body)
    _by_id(server.models, given["registeredModelId"])
    parent = {"registeredModelId": given["registeredModelId"]}
    return _created(server, server.versions, given, parent)


def find_model_version(server: Server, query: _Fields, _: _Fields) -> _Fields:
    parent = {"registeredModelId": query["parentResourceId"]}
    return _found(server, server.versions, query["name"], parent)


def upsert_model_version_artifact(server: Server, query: _Fields, body: _Fields) -> _Fields:
    version = _by_id(server.versions, query["id"])
    given = _read(mr_openapi.ModelArtifact, body)
    if "id" in given or given["artifactType"] != "model-artifact":
        raise RefusedError(400, "the stand-in knows new model artifacts alone")
    parent = {"_version": version["id"]}
    return _created(server, server.artifacts, {**given, **parent}, parent)


def find_model_artifact(server: Server, query: _Fields, _: _Fields) -> _Fields:
    return _found(server, server.artifacts, query["name"], {"_version": query["parentResourceId"]})


_PAGING = {"pageSize", "nextPageToken", "sortOrder"}
_BY_NAME = {"name", "parentResourceId"}
_ROUTES: list[tuple[str, str, Callable[[Server, _Fields, _Fields], _Fields], Any, set[str]]] = [
    ("GET", "registered_models", list_registered_models, mr_openapi.RegisteredModelList, _PAGING),
    ("POST", "registered_models", create_registered_model, mr_openapi.RegisteredModel, set()),
    ("GET", "registered_model", find_registered_model, mr_openapi.RegisteredModel, {"name"}),
    (
        "PATCH",
        r"registered_models/(?P<id>\d+)",
        update_registered_model,
        mr_openapi.RegisteredModel,
        set(),
    ),
    (
        "GET",
        r"registered_models/(?P<id>\d+)/versions",
        list_model_versions,
        mr_openapi.ModelVersionList,
        _PAGING,
    ),
    ("POST", "model_versions", create_model_version, mr_openapi.ModelVersion, set()),
    ("GET", "model_version", find_model_version, mr_openapi.ModelVersion, _BY_NAME),
    (
        "POST",
        r"model_versions/(?P<id>\d+)/artifacts",
        upsert_model_version_artifact,
        mr_openapi.Artifact,
        set(),
    ),
    ("GET", "model_artifact", find_model_artifact, mr_openapi.ModelArtifact, _BY_NAME),
]


def _created(server: Server, kept: dict[str, _Fields], given: _Fields, parent: _Fields) -> _Fields:
    for one in kept.values():
        if parent.items() <= one.items() and server.same_name(one["name"], given["name"]):
            raise RefusedError(409, f"one with name {given['name']} already exists")
    now = str(time.time_ns() // 1_000_000)
    times = {"createTimeSinceEpoch": now, "lastUpdateTimeSinceEpoch": now}
    made = {**given, "id": server.new_id(), **times}
    kept[made["id"]] = made
    return made


def _found(server: Server, kept: dict[str, _Fields], name: str, parent: _Fields) -> _Fields:
    for one in kept.values():
        if parent.items() <= one.items() and server.same_name(one["name"], name):
            return one
    raise RefusedError(404, f"none found for name={name}")


def _by_id(kept: dict[str, _Fields], number: str) -> _Fields:
    if number not in kept:
        raise RefusedError(404, f"none found for id {number}")
    return kept[number]


def _page(items: list[_Fields], query: _Fields) -> _Fields:
    if query.get("sortOrder", "ASC") == "DESC":
        items = items[::-1]
    size, start = int(query.get("pageSize", 100)), int(query.get("nextPageToken", 0))
    shown = items[start : start + size]
    end = start + len(shown)
    token = str(end) if end < len(items) else ""
    return {"items": shown, "size": len(shown), "pageSize": size, "nextPageToken": token}


def _read(kind: Any, body: _Fields) -> _Fields:
    """The body as the model reads it; a field that it does not have is refused."""
    known = {info.alias or name for name, info in kind.model_fields.items()}
    unknown = set(body) - known
    for value in body.get("customProperties", {}).values():
        model = getattr(mr_openapi, str(value.get("metadataType")), None)
        if model is None:
            raise RefusedError(400, f"no metadataType: {value}")
        unknown |= set(value) - {info.alias or name for name, info in model.model_fields.items()}
    if unknown:
        raise RefusedError(400, f"json: unknown field {sorted(unknown)}")
    try:
        read: _Fields = kind.from_dict(body).to_dict()
    except (ValidationError, ValueError) as error:
        raise RefusedError(422, str(error)) from error
    return read


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one packet for an answer
    registry: Server

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_POST(self) -> None:
        """Answer."""
        self._answer()

    def do_PATCH(self) -> None:
        """Answer."""
        self._answer()

    def _answer(self) -> None:
        server = self.registry
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            method, query, kind = self._route()
            body = json.loads(content or b"{}")
            with server.lock:
                server.calls.append((method.__name__, {**query, **body}))
                server.authorizations.append(self.headers.get("Authorization", ""))
                fault = server.next_fault(method.__name__)
            if fault is not None and fault.kind == "reply":
                self._send(fault.status, fault.body, fault.content_type, fault.headers)
                return
            if fault is not None and fault.kind == "drop_before":
                self._hang_up()
                return
            if fault is not None and fault.kind == "delay":
                time.sleep(fault.seconds)
            answer = self._work(method, query, body, kind)
        except RefusedError as refusal:
            words: Any = {"code": str(refusal.status), "message": str(refusal)}
            text = json.dumps(str(refusal) if server.plain_words else words)
            self._send(refusal.status, text)
            return
        if fault is not None and fault.kind == "drop_after":
            self._hang_up()
            return
        cut = fault is not None and fault.kind == "cut_after"
        self._send(201 if self.command == "POST" else 200, answer, cut=cut)

    def _route(self) -> tuple[Callable[..., _Fields], _Fields, Any]:
        parts = urlsplit(self.path)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        for verb, path, method, kind, known in _ROUTES:
            found = re.fullmatch(PREFIX + path, parts.path)
            if found is not None and verb == self.command:
                if set(given) - known:
                    raise RefusedError(400, f"unknown query {sorted(set(given) - known)}")
                return method, {**given, **found.groupdict()}, kind
        raise RefusedError(404, "404 page not found")

    def _work(
        self, method: Callable[..., _Fields], query: _Fields, body: _Fields, kind: Any
    ) -> str:
        server = self.registry
        if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
            raise RefusedError(401, "invalid bearer token")
        if method.__name__ in server.meeting:
            server.meeting[method.__name__].wait(5)
        with server.lock:
            answer = json.loads(json.dumps(method(server, query, body)))
        for one in answer.get("items", [answer]):
            one.pop("_version", None)
        kind.from_dict(answer)  # what leaves is what the description has
        return json.dumps(answer)

    def _send(
        self,
        status: int,
        body: str,
        content_type: str = "application/json",
        headers: _Fields | None = None,
        *,
        cut: bool = False,
    ) -> None:
        content = body.encode()
        try:
            self.send_response(status)
            for name, value in {"Content-Type": content_type, **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no news."""


@contextmanager
def running(folder: Path, *, secure: bool) -> Iterator[Server]:
    """A running server without models.

    Args:
        folder: Where the private key is put.
        secure: Whether it speaks TLS.
    """
    server = Server()
    http = _Http(("127.0.0.1", 0), type("Bound", (Handler,), {"registry": server}))
    if secure:
        server.certificate, key = local_certificate()
        (folder / "key.pem").write_bytes(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.certificate, folder / "key.pem")
        http.socket = context.wrap_socket(http.socket, server_side=True)
    place = f"localhost:{http.server_port}"
    server.uri = f"kubeflow{'' if secure else '+http'}://{place}"
    server.url = f"http{'s' if secure else ''}://{place}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
