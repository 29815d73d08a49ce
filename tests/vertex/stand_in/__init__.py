"""A service on this machine that behaves as Vertex AI does, over HTTP and over gRPC.

One state stands behind both faces and both versions; tests script it and look into it.
"""

from tests.prediction.gemini.stand_in import PROJECT, Asked, Reply, said
from tests.vertex.stand_in.faults import Fault
from tests.vertex.stand_in.names import PROJECT_NUMBER
from tests.vertex.stand_in.serve import vertex_stand_in
from tests.vertex.stand_in.state import Vertex

__all__ = [
    "PROJECT",
    "PROJECT_NUMBER",
    "Asked",
    "Fault",
    "Reply",
    "Vertex",
    "said",
    "vertex_stand_in",
]
