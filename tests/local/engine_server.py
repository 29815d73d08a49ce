"""A container engine on a unix socket: the few calls of the Docker API that a run makes.

Containers do what a test says: print lines, then end with a code, or run until a signal comes.
"""

import json
import re
import socketserver
import struct
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tuneline import __version__

LABEL = "tuneline.version"


@dataclass
class Behaviour:
    """What the next containers do."""

    output: bytes = b"hello\n"
    code: int = 0
    out_of_memory: bool = False
    vanishes: bool = False
    ends_on: tuple[str, ...] = ()
    """Signals that end it; empty: it ends by itself."""
    last_words: bytes = b""
    """Printed when a signal ends it, and the code is then 128 and the signal's number."""
    unfollowed: int = 0
    """Bytes at the end that are lost to who follows the log."""


@dataclass
class FakeContainer:
    """A container as the engine knows it."""

    name: str
    body: dict[str, Any]
    behaviour: Behaviour
    signals: list[str] = field(default_factory=list)
    running: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    code: int = 0

    @property
    def labels(self) -> dict[str, str]:
        return self.body.get("Labels") or {}


_NUMBERS = {"SIGTERM": 15, "SIGKILL": 9}


@dataclass
class Engine:
    """The engine's state, which tests read and set."""

    address: str
    images: dict[str, dict[str, str]] = field(default_factory=dict)
    pulled: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=lambda: ["bridge", "host", "none"])
    info: dict[str, Any] = field(default_factory=lambda: {"SecurityOptions": [], "Runtimes": {}})
    behaviour: Behaviour = field(default_factory=Behaviour)
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    made: list[FakeContainer] = field(default_factory=list)
    faults: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Status and message by a pattern of method and path."""

    def hold_images(self, *references: str, version: str = __version__) -> None:
        for reference in references:
            self.images[reference] = {LABEL: version} if version else {}


def _route(method: str, path: str) -> tuple[Callable[..., Any] | None, list[str]]:
    for pattern, handler in _ROUTES.items():
        if match := re.fullmatch(pattern, f"{method} {path}"):
            return handler, [unquote(each) for each in match.groups()]
    return None, []


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def address_string(self) -> str:
        return "client"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""

    def _answer(self) -> None:
        engine = self.server.engine
        address = urlsplit(self.path)
        path = re.sub(r"^/v\d+\.\d+", "", address.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}") if length else {}
        for pattern, (status, message) in engine.faults.items():
            if re.search(pattern, f"{self.command} {path}"):
                self._send(status, {"message": message})
                return
        handler, found = _route(self.command, path)
        if handler is None:
            self._send(404, {"message": f"page not found: {path}"})
            return
        handler(self, engine, *found, query=parse_qs(address.query), body=body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the server's names

    def _send(self, status: int, content: Any = None) -> None:
        payload = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if payload:  # the client may have gone with the last header
            self.wfile.write(payload)

    def version(self, _engine: Engine, **_given: Any) -> None:
        self._send(200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10"})

    def show_info(self, engine: Engine, **_given: Any) -> None:
        self._send(200, engine.info)

    def show_networks(self, engine: Engine, **_given: Any) -> None:
        self._send(200, [{"Id": name, "Name": name} for name in engine.networks])

    def show_image(self, engine: Engine, name: str, **_given: Any) -> None:
        if name not in engine.images:
            self._send(404, {"message": f"No such image: {name}"})
            return
        content = {"Id": f"sha256:{name}", "Config": {"Labels": engine.images[name]}}
        self._send(200, {**content, "RepoTags": [name]})

    def pull(self, engine: Engine, *, query: Any, **_given: Any) -> None:
        name = f"{query['fromImage'][0]}:{query['tag'][0]}"
        engine.pulled.append(name)
        engine.hold_images(name)
        self._send(200, {"status": "pulled"})

    def create(self, engine: Engine, *, query: Any, body: Any, **_given: Any) -> None:
        made = FakeContainer(query["name"][0], body, engine.behaviour)
        engine.containers[made.name] = made
        engine.made.append(made)
        self._send(201, {"Id": made.name, "Warnings": []})

    def start(self, engine: Engine, name: str, **_given: Any) -> None:
        container = engine.containers[name]
        container.running.set()
        if not container.behaviour.ends_on:
            container.code = container.behaviour.code
            container.ended.set()
        self._send(204)

    def show(self, engine: Engine, name: str, **_given: Any) -> None:
        container = engine.containers.get(name)
        if container is None:
            self._send(404, {"message": f"No such container: {name}"})
            return
        state = {"OOMKilled": container.behaviour.out_of_memory, "ExitCode": container.code}
        config = {"Tty": False, "Labels": container.labels, "Image": container.body["Image"]}
        content = {"Id": name, "Name": f"/{name}", "State": state, "Config": config}
        self._send(200, {**content, "Image": container.body["Image"]})

    def logs(self, engine: Engine, name: str, *, query: Any, **_given: Any) -> None:
        container = engine.containers[name]
        behaviour = container.behaviour
        self.send_response(200)
        self.end_headers()
        last_words = behaviour.last_words if behaviour.ends_on else b""
        if query["follow"] == ["0"]:
            self._frames(behaviour.output + last_words)
            return
        self._frames(behaviour.output[: len(behaviour.output) - behaviour.unfollowed])
        container.ended.wait(60)
        self._frames(last_words)
        if behaviour.vanishes:
            del engine.containers[name]

    def _frames(self, output: bytes) -> None:
        for place in range(0, len(output), 7):  # lines come in pieces
            piece = output[place : place + 7]
            self.wfile.write(struct.pack(">BxxxL", 1, len(piece)) + piece)
        self.wfile.flush()

    def wait(self, engine: Engine, name: str, **_given: Any) -> None:
        container = engine.containers.get(name)
        if container is None:
            self._send(404, {"message": f"No such container: {name}"})
            return
        container.ended.wait(60)
        self._send(200, {"StatusCode": container.code})

    def kill(self, engine: Engine, name: str, *, query: Any, **_given: Any) -> None:
        container = engine.containers.get(name)
        if container is None:
            self._send(404, {"message": f"No such container: {name}"})
            return
        if not container.running.is_set() or container.ended.is_set():
            self._send(409, {"message": f"Container {name} is not running"})
            return
        signal = query["signal"][0]
        container.signals.append(signal)
        if signal in container.behaviour.ends_on:
            container.code = 128 + _NUMBERS[signal]
            container.ended.set()
        self._send(204)

    def remove(self, engine: Engine, name: str, **_given: Any) -> None:
        if name not in engine.containers:
            self._send(404, {"message": f"No such container: {name}"})
            return
        del engine.containers[name]
        self._send(204)

    def list(self, engine: Engine, *, query: Any, **_given: Any) -> None:
        (label,) = json.loads(query["filters"][0])["label"]
        names = [name for name, each in engine.containers.items() if label in each.labels]
        self._send(200, [{"Id": name} for name in names])


_ROUTES: dict[str, Callable[..., Any]] = {
    r"GET /version": _Handler.version,
    r"GET /info": _Handler.show_info,
    r"GET /networks": _Handler.show_networks,
    r"GET /images/(.+)/json": _Handler.show_image,
    r"POST /images/create": _Handler.pull,
    r"POST /containers/create": _Handler.create,
    r"GET /containers/json": _Handler.list,
    r"POST /containers/([^/]+)/start": _Handler.start,
    r"GET /containers/([^/]+)/json": _Handler.show,
    r"GET /containers/([^/]+)/logs": _Handler.logs,
    r"POST /containers/([^/]+)/wait": _Handler.wait,
    r"POST /containers/([^/]+)/kill": _Handler.kill,
    r"DELETE /containers/([^/]+)": _Handler.remove,
}


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    engine: Engine


@contextmanager
def serving(folder: Path):
    """Serve an engine on a socket in a folder with a short path, for the length of the block."""
    socket = folder / "engine.sock"
    with _Server(str(socket), _Handler) as server:
        server.engine = Engine(f"unix://{socket}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.engine
        finally:
            server.shutdown()
            thread.join()
