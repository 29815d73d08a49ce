"""Servers that do not answer, and what MLflow must not do on its own."""

import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tuneline.errors import ServiceError
from tuneline.registry.connection import connect
from tuneline.registry.listing import list_models
from tuneline.registry.settings import shown


@pytest.fixture
def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def broken_server():
    """A server that answers every request with an error; yields its port and what was asked."""
    asked = []

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(403, "no entry")

        def log_message(self, *args):
            return

    server = HTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_unreachable_server_is_a_service_error_without_the_password(tuned, closed_port):
    address = f"127.0.0.1:{closed_port}"
    with pytest.raises(ServiceError, match=f"http://{address}: the MLflow server failed") as caught:
        tuned.register(registry=f"http://me:secret@{address}")
    assert "secret" not in str(caught.value)


def test_refusing_server_is_a_service_error(tuned, broken_server):
    port, asked = broken_server
    with pytest.raises(ServiceError, match="the MLflow server failed"):
        tuned.register(registry=f"http://127.0.0.1:{port}")
    assert len(asked) == 1


def test_short_limits_hold_for_the_first_request_alone(monkeypatch, closed_port):
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ServiceError):
        list_models(f"http://127.0.0.1:{closed_port}")
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"


def test_credentials_are_not_shown():
    assert shown("https://me:secret@host:5000/mlflow") == "https://host:5000/mlflow"
    assert shown("folder@home") == "folder@home"


def test_local_registry_is_quiet_and_keeps_off_the_network(tmp_path):
    """In a process of its own: MLflow decides on telemetry when it is first imported."""
    script = f"""
import logging, socket
logging.basicConfig(level=logging.INFO)
def refuse(*args, **kwargs):
    raise SystemExit("tried the network")
socket.getaddrinfo = socket.create_connection = refuse
from tuneline.registry.connection import connect, experiment_id
with connect({str(tmp_path)!r}) as client:
    run = client.create_run(experiment_id(client, {str(tmp_path)!r}))
    client.set_terminated(run.info.run_id)
from mlflow.telemetry import get_telemetry_client
assert get_telemetry_client() is None
"""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "PYTEST_")) and name != "CI"
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_mlflow_prints_stays_off_stdout(tuned, capsys):
    with connect(str(tuned.registry)):
        sys.stdout.write("View run at\n")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "View run at\n")
