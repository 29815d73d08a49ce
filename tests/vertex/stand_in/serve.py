"""Running the stand-in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.vertex.stand_in import grpc_face
from tests.vertex.stand_in.rest import Handler, Server
from tests.vertex.stand_in.state import Vertex


@contextmanager
def vertex_stand_in() -> Iterator[Vertex]:
    """A running service, spoken to over HTTP and over gRPC."""
    vertex = Vertex()
    http = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"vertex": vertex}))
    vertex.address = vertex.gemini.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    grpc = grpc_face.start(vertex)
    try:
        yield vertex
    finally:
        grpc.stop(0).wait()
        http.shutdown()
        http.server_close()
        thread.join()
