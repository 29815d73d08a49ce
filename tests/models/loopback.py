"""A model hub and an object store on this machine, as far as a download needs them."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tuneline.files import sha256_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Handler(BaseHTTPRequestHandler, ABC):
    """Serves one folder; remembers the paths that it was asked for."""

    protocol_version = "HTTP/1.1"
    folder: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.answer(urlsplit(self.path).path)

    @abstractmethod
    def answer(self, path: str) -> None:
        """Send what stands at a path."""

    def send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def send_json(self, content: object, status: int = 200) -> None:
        self.send(json.dumps(content).encode(), status, Content_Type="application/json")

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class _Hub(_Handler):
    def answer(self, path: str) -> None:
        if path in (f"/api/models/some/model/revision/{name}" for name in ("main", "v1", COMMIT)):
            self.send_json({"id": "some/model", "sha": COMMIT})
        elif path == f"/api/models/some/model/tree/{COMMIT}":
            self.send_json([self.described(file) for file in self.files()])
        elif path.startswith("/some/model/resolve/"):
            file = self.folder / path.split("/", 5)[5]
            self.send(file.read_bytes(), X_Repo_Commit=COMMIT, ETag=f'"{sha256_file(file)}"')
        else:
            self.send(b"", 404, X_Error_Code="RepoNotFound")

    def files(self) -> list[Path]:
        return [file for file in self.folder.rglob("*") if file.is_file()]

    def described(self, file: Path) -> dict[str, object]:
        path = file.relative_to(self.folder).as_posix()
        size = file.stat().st_size
        return {"type": "file", "path": path, "size": size, "oid": sha256_file(file)[:40]}


class _BrokenHub(_Handler):
    def answer(self, path: str) -> None:
        self.send(b"", 500)


class _ObjectStore(_Handler):
    """Bucket ``models``, folder ``tiny``, by the JSON API of Google Cloud Storage."""

    def answer(self, path: str) -> None:
        query = parse_qs(urlsplit(self.path).query)
        name = unquote(path.rsplit("/", 1)[-1]).removeprefix("tiny/")
        file = self.folder / name
        if path.endswith("/b/models/o"):
            prefix = query.get("prefix", [""])[0]
            found = [self.described(each) for each in sorted(self.folder.iterdir())]
            items = [each for each in found if each["name"].startswith(prefix)]
            self.send_json({"kind": "storage#objects", "items": items})
        elif not file.is_file():
            self.send_json({"error": {"code": 404, "message": "Not Found"}}, 404)
        elif "/download/" in path or query.get("alt") == ["media"]:
            self.send(file.read_bytes(), Content_Type="application/octet-stream")
        else:
            self.send_json(self.described(file))

    def described(self, file: Path) -> dict[str, str]:
        return {
            "kind": "storage#object",
            "name": f"tiny/{file.name}",
            "bucket": "models",
            "size": str(file.stat().st_size),
            "generation": str(file.stat().st_mtime_ns),
        }


@contextmanager
def _serve(handler: type[_Handler], folder: Path) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    bound = type("Bound", (handler,), {"folder": folder, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hub(folder: Path):
    """A hub that has ``some/model``, the files of ``folder``; its address, and what was asked."""
    return _serve(_Hub, folder)


def broken_hub():
    """A hub that answers everything with status 500."""
    return _serve(_BrokenHub, Path())


def object_store(folder: Path):
    """A store that holds the files of ``folder`` as ``gs://models/tiny``."""
    return _serve(_ObjectStore, folder)
