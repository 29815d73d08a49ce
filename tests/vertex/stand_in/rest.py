"""The HTTP face."""

from __future__ import annotations

import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.prediction.gemini.stand_in import Reply
from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.catalogue import Method, camel, methods
from tests.vertex.stand_in.credentials import check_bearer
from tests.vertex.stand_in.dispatch import perform
from tests.vertex.stand_in.faults import DroppedError
from tests.vertex.stand_in.generate import generate, is_generation
from tests.vertex.stand_in.messages import as_json, message_of, request_of
from tests.vertex.stand_in.refusals import RefusedError, invalid
from tests.vertex.stand_in.state import Vertex

_REST_ONLY = ("gcsMetricsUri",)
"""Fields of tuning jobs that v1beta1 documents and that no client's types have."""

_Fields = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    vertex: Vertex

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_POST(self) -> None:
        """Answer."""
        self._answer()

    def do_PATCH(self) -> None:
        """Answer."""
        self._answer()

    def do_DELETE(self) -> None:
        """Answer."""
        self._answer()

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            if is_generation(self.path):
                self._generated(content)
                return
            reply = self._token() if self.path == "/token" else self._called(content)
        except RefusedError as refusal:
            after = {"Retry-After": refusal.retry_after} if refusal.retry_after else {}
            reply = Reply(refusal.body, refusal.status, after)
        except DroppedError:
            self._hang_up()
            return
        self._send(reply)

    def _token(self) -> Reply:
        gemini = self.vertex.gemini
        if gemini.first_tokens:
            return gemini.first_tokens.popleft()
        grant = {"access_token": gemini.token, "expires_in": 3600, "token_type": "Bearer"}
        return Reply(grant)

    def _generated(self, content: bytes) -> None:
        gemini = self.vertex.gemini
        with gemini.counted():
            reply = generate(self.vertex, self.path, self.headers, content)
            time.sleep(reply.delay_s)
            # Before the answer leaves: whoever has it may look at the count.
            if reply.status == 200 and reply.cut_after is None:
                gemini.sent(content)
            self._send(reply)
            if reply.cut_after is not None:
                self._hang_up()

    def _called(self, content: bytes) -> Reply:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        check_bearer(self.vertex, self.headers.get("Authorization", ""))
        method, fields = _method(self.command, path)
        numbers = "enum-encoding=int" in "".join(query.pop("$alt", []))
        given = _merged(method, fields, query, _body(content))
        request = request_of(method.request, given)
        call = Call(method.name, method.version, "rest", request, _sent(method, given))
        answer = perform(self.vertex, call)
        shown = as_json(message_of(method.response, answer), numbers_for_enums=numbers)
        return Reply(_with_rest_only(method.version, answer, shown))

    def _send(self, reply: Reply) -> None:
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: reply.cut_after])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 128


def _method(verb: str, path: str) -> tuple[Method, dict[str, str]]:
    """The method of a path, and the fields that the path has."""
    for method in methods():
        found = method.pattern.fullmatch(path)
        if found is not None and method.verb == verb.lower():
            return method, {name: unquote(value) for name, value in found.groupdict().items()}
    raise RefusedError("NOT_FOUND", f"The requested URL {path} was not found on this server.")


def _body(content: bytes) -> _Fields:
    try:
        given = json.loads(content or b"{}")
    except ValueError as error:
        raise invalid("Invalid JSON payload received. Unexpected token.") from error
    if not isinstance(given, dict):
        raise invalid("Invalid JSON payload received. The root must be an object.")
    return given


def _merged(
    method: Method, fields: dict[str, str], query: dict[str, list[str]], body: _Fields
) -> _Fields:
    """The request's fields, from the path, the query and the body."""
    known = method.request.DESCRIPTOR.fields_by_camelcase_name
    given: _Fields = dict(body) if method.body == "*" else {}
    if method.body not in ("", "*"):
        given[method.body] = dict(body)
    for name in _REST_ONLY:
        given.get("tuningJob", {}).pop(name, None)
    for name, values in query.items():
        field = known.get(camel(name))
        text = camel(values[-1]) if camel(name) == "updateMask" else values[-1]
        value: Any = {"true": True, "false": False}.get(text, text)
        given[camel(name)] = values if field is not None and field.is_repeated else value
    for path, name in fields.items():
        outer, _, inner = path.partition("__")
        if inner:
            given.setdefault(outer, {})[inner] = name
        else:
            given[outer] = name
    return given


def _sent(method: Method, given: _Fields) -> _Fields:
    if method.body == "*":
        return {name: value for name, value in given.items() if name not in ("parent", "name")}
    return dict(given.get(method.body, {})) if method.body else {}


def _with_rest_only(version: str, answer: _Fields, shown: _Fields) -> _Fields:
    """The answer with the fields that only JSON has."""
    if version != "v1beta1":
        return shown
    extra = {name: answer[name] for name in _REST_ONLY if name in answer}
    for old, new in zip(answer.get("tuningJobs", []), shown.get("tuningJobs", []), strict=True):
        new.update({name: old[name] for name in _REST_ONLY if name in old})
    return {**shown, **extra}
