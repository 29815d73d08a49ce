"""Stores, a web server and a table service on this machine."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROWS = b'{"prompt": "a", "completion": "b"}\n' * 2000


class Handler(BaseHTTPRequestHandler):
    """Answers silently, with what `answer` gives for a path."""

    body = b""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer()

    def do_HEAD(self):
        self.answer()

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer()

    def answer(self):
        raise NotImplementedError

    def send(self, content, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_json(self, content, status=200):
        self.send(json.dumps(content).encode(), status, Content_Type="application/json")

    def log_message(self, *_):
        """Stay silent."""


@contextmanager
def served(handler, **state):
    """A server's address while the block lasts; ``state`` becomes the handler's attributes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (handler,), state))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
