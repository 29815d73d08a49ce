"""A service on this machine that answers as Vertex AI and the Gemini Developer API do.

It takes ``:generateContent`` of publisher models and of endpoints, judges the shape of every
request, and answers with the service's own JSON, errors included. Credentials are those of a
service account whose key is made here and whose tokens come from here, so that a real client takes
its usual way through the application default credentials.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.prediction.gemini.request_shape import problem_of

PROJECT = "lamps-123456"
API_KEY = "planted-api-key-4711"

_PATH = re.compile(
    r"/v1beta1/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/"
    r"(?P<model>publishers/google/models/[^/:]+|endpoints/\d+):generateContent"
)
_DEVELOPER_PATH = re.compile(r"/v1beta/(?P<model>models/[^/:]+):generateContent")
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer.

    Attributes:
        body: Its JSON.
        status: Its code.
        headers: Beside the usual ones.
        delay_s: Time before it is sent.
        cut_after: Bytes of the body after which the connection is dropped; None: none.
    """

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_after: int | None = None


def said(*parts: dict[str, Any] | str, finish: str = "STOP", **usage: int) -> Reply:
    """An answer with these parts; texts stand for text parts."""
    given = [{"text": part} if isinstance(part, str) else part for part in parts]
    counts = {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10, **usage}
    candidate = {"index": 0, "content": {"role": "model", "parts": given}, "finishReason": finish}
    return Reply({"candidates": [candidate], "usageMetadata": counts, "modelVersion": "stand-in"})


def withheld(finish: str) -> Reply:
    """A candidate without content, as for safety or recitation."""
    usage = {"promptTokenCount": 7, "totalTokenCount": 7}
    return Reply({"candidates": [{"finishReason": finish}], "usageMetadata": usage})


def blocked_prompt(reason: str) -> Reply:
    """No candidate, since the prompt itself was refused."""
    usage = {"promptTokenCount": 7, "totalTokenCount": 7}
    return Reply({"promptFeedback": {"blockReason": reason}, "usageMetadata": usage})


def refused(
    status: int, message: str, *, details: list[Any] | None = None, **headers: str
) -> Reply:
    """An error in the service's form."""
    error = {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}
    if details:
        error["details"] = details
    return Reply(
        {"error": error}, status, {name.replace("_", "-"): text for name, text in headers.items()}
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came in the right form.

    Attributes:
        model: ``publishers/google/models/M``, ``endpoints/ID`` or ``models/M``.
        location: Of the path; empty for the Developer API.
        body: Its JSON.
        at: When, on a clock that never goes back.
        timeout_s: What the client says that it waits.
    """

    model: str
    location: str
    body: dict[str, Any]
    at: float
    timeout_s: str

    @property
    def prompt(self) -> str:
        """The text parts of the last turn."""
        return "".join(part.get("text", "") for part in self.body["contents"][-1]["parts"])


class StandIn:
    """What the service does, and what it saw.

    Attributes:
        answer: Makes the reply to a request; the default says the prompt in upper case.
        first: Replies that are given before, one for each request that comes.
        first_tokens: Likewise for requests for a token.
        models: Models and endpoints that there are.
        asked: Every request that came in the right form, in the order of coming.
        answered: How often a request with the same body was answered with status 200.
        most_at_once: Most requests that were open at the same time.
        token: What the credentials are good for; a request without it is refused.
    """

    def __init__(self) -> None:
        self.answer: Callable[[Asked], Reply] = lambda asked: said(asked.prompt.upper())
        self.first: deque[Reply] = deque()
        self.first_tokens: deque[Reply] = deque()
        self.models = {
            "publishers/google/models/gemini-2.5-flash",
            "publishers/google/models/gemini-3.5-flash",
            "models/gemini-2.5-flash",
            "endpoints/42",
        }
        self.asked: list[Asked] = []
        self.answered: Counter[str] = Counter()
        self.most_at_once = 0
        self.token = f"planted-token-{secrets.token_hex(8)}"
        self.address = ""
        self._open = 0
        self._lock = threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request among the open ones."""
        with self._lock:
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    def reply(self, path: str, headers: Any, content: bytes) -> Reply:
        """Judge a request, remember it where it is in form, and answer it."""
        vertex, developer = _PATH.fullmatch(path), _DEVELOPER_PATH.fullmatch(path)
        found = vertex or developer
        if found is None:
            return refused(404, f"The requested URL {path} was not found on this server.")
        if vertex and headers.get("Authorization") != f"Bearer {self.token}":
            return refused(401, "Request had invalid authentication credentials.")
        if developer and headers.get("x-goog-api-key") != API_KEY:
            return refused(400, "API key not valid. Please pass a valid API key.")
        if vertex and vertex["project"] != PROJECT:
            return refused(403, f"Permission denied on resource project {vertex['project']}.")
        if found["model"] not in self.models:
            return refused(404, f"Model or endpoint `{path[1:].split(':')[0]}` was not found.")
        body = json.loads(content)
        if problem := problem_of(body):
            return refused(400, problem)
        asked = Asked(
            found["model"],
            vertex["location"] if vertex else "",
            body,
            time.monotonic(),
            headers.get("X-Server-Timeout", ""),
        )
        with self._lock:
            self.asked.append(asked)
            scripted = self.first.popleft() if self.first else None
        return scripted or self.answer(asked)

    def sent(self, content: bytes) -> None:
        """Count an answer that was sent whole."""
        with self._lock:
            self.answered[hashlib.sha256(content).hexdigest()] += 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: StandIn

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            if self.state.first_tokens:
                self._send(self.state.first_tokens.popleft())
                return
            grant = {"access_token": self.state.token, "expires_in": 3600, "token_type": "Bearer"}
            self._send(Reply(grant))
            return
        with self.state.counted():
            reply = self.state.reply(self.path, self.headers, content)
            time.sleep(reply.delay_s)
            # Before the answer leaves: whoever has it may look at the count.
            if reply.status == 200 and reply.cut_after is None:
                self.state.sent(content)
            open_still = False
            try:
                self._send(reply)
                open_still = reply.cut_after is None
            except (BrokenPipeError, ConnectionResetError):
                open_still = False
            self.close_connection = not open_still

    def _send(self, reply: Reply) -> None:
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: reply.cut_after])

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A running service."""
    state = StandIn()
    server = _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"state": state}))
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def new_private_key() -> str:
    """A key for a service account, in PEM."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def write_key_file(path: Path, service: StandIn, private_key: str) -> None:
    """Write the key file of a service account whose tokens come from the stand-in."""
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": f"asker@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{service.address}/token",
    }
    path.write_text(json.dumps(account), encoding="utf-8")
