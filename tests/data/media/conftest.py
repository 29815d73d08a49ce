"""Servers over loopback that stand in for the web, gs:// and s3://."""

import importlib
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec.config
import pytest
from fsspec.registry import _registry

from tuneline.data.media import stores


class WebServer:
    """Serves ``files`` with ranges and counts requests.

    ``failures[path]`` is how many requests get status 503 first; ``statuses[path]`` is what a path
    always answers; ``redirects[path]`` where it leads; ``delay`` how long a request takes.
    """

    def __init__(self):
        self.files, self.failures, self.statuses, self.redirects = {}, {}, {}, {}
        self.ranges, self.delay = True, 0
        self.requests: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def handler(self):
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with web.lock:
                    web.requests[self.path] += 1
                    web.at_once += 1
                    web.most_at_once = max(web.most_at_once, web.at_once)
                time.sleep(web.delay)
                # Before the answer: once that is there, the client may ask again.
                with web.lock:
                    web.at_once -= 1
                web.answer(self)

            def log_message(self, *arguments):
                pass

        return Handler

    def answer(self, request):
        path = request.path
        with self.lock:
            fails = self.failures.get(path, 0)
            self.failures[path] = max(fails - 1, 0)
        if fails:
            return self.status(request, 503)
        if path in self.redirects:
            request.send_response(302)
            request.send_header("Location", self.redirects[path])
            request.send_header("Content-Length", "0")
            return request.end_headers()
        if path in self.statuses:
            return self.status(request, self.statuses[path])
        if path not in self.files:
            return self.status(request, 404)
        return self.content(request, self.files[path])

    def content(self, request, content):
        asked = request.headers.get("Range", "")
        total = len(content)
        if self.ranges and asked:
            start, end = map(int, asked.removeprefix("bytes=").split("-"))
            if start >= total:
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{total}")
                request.send_header("Content-Length", "0")
                return request.end_headers()
            content = content[start : end + 1]
            request.send_response(206)
            last = start + len(content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{total}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        self.sent[request.path] += len(content)
        return request.wfile.write(content)

    def status(self, request, code):
        request.send_response(code)
        request.send_header("Content-Length", "0")
        request.end_headers()


@pytest.fixture
def web():
    server = WebServer()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def gs(monkeypatch):
    """A bucket ``media`` at gs://; yields the filesystem."""
    server_module = importlib.import_module("gcp_storage_emulator.server")
    filesystem = importlib.import_module("gcsfs.core").GCSFileSystem

    server = server_module.create_server("127.0.0.1", 0, in_memory=True, default_bucket="media")
    server.start()
    port = server._api._httpd.server_port
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    # Without credentials, gcsfs asks for those of a cloud machine, for minutes. Its newer class
    # asks over gRPC what kind of bucket it is, which the emulator never answers.
    monkeypatch.setitem(_registry, "gs", filesystem)
    monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
    stores._store.cache_clear()
    yield filesystem(token="anon", skip_instance_cache=True, use_listings_cache=False)
    stores._store.cache_clear()
    server.stop()


@pytest.fixture
def s3(monkeypatch):
    """A bucket ``media`` at s3://; yields the filesystem."""
    s3fs = importlib.import_module("s3fs")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    stores._store.cache_clear()
    store = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    store.mkdir("media")
    yield store
    store.rm("media", recursive=True)
    stores._store.cache_clear()
    server.stop()
