"""The gRPC face."""

from __future__ import annotations

from collections import defaultdict
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import status_pb2
from grpc_status import rpc_status

from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.catalogue import Method, camel, methods
from tests.vertex.stand_in.certificate import local_certificate
from tests.vertex.stand_in.credentials import check_bearer
from tests.vertex.stand_in.dispatch import perform
from tests.vertex.stand_in.faults import DroppedError
from tests.vertex.stand_in.messages import as_json, message_of
from tests.vertex.stand_in.refusals import RefusedError
from tests.vertex.stand_in.state import Vertex


def start(vertex: Vertex) -> Any:
    """Start the server, and write its address and certificate into the state."""
    certificate, key = local_certificate()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    handlers: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for method in methods():
        handlers[method.service][method.name] = grpc.unary_unary_rpc_method_handler(
            _handler(vertex, method),
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )
    for service, found in handlers.items():
        generic = grpc.method_handlers_generic_handler(service, found)
        server.add_generic_rpc_handlers((generic,))
    credentials = grpc.ssl_server_credentials([(key, certificate.read_bytes())])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    vertex.grpc_address, vertex.certificate = f"localhost:{port}", certificate
    return server


def _handler(vertex: Vertex, method: Method) -> Any:
    def answer(message: Any, context: Any) -> Any:
        try:
            metadata = dict(context.invocation_metadata())
            check_bearer(vertex, metadata.get("authorization", ""))
            request = as_json(message)
            call = Call(method.name, method.version, "grpc", request, _body(method, request))
            return message_of(method.response, perform(vertex, call))
        except RefusedError as refusal:
            context.abort_with_status(_status(refusal))
        except DroppedError:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        return None

    return answer


def _body(method: Method, request: dict[str, Any]) -> dict[str, Any]:
    """What the HTTP body would be."""
    if method.body == "*":
        return {name: value for name, value in request.items() if name not in ("parent", "name")}
    return dict(request.get(camel(method.body), {})) if method.body else {}


def _status(refusal: RefusedError) -> Any:
    code = getattr(grpc.StatusCode, refusal.code).value[0]
    status = status_pb2.Status(code=code, message=refusal.message)
    for detail in refusal.details:
        json_format.ParseDict(detail, status.details.add())
    return rpc_status.to_status(status)
