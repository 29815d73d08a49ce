"""An engine that a test can read and set, for the client library and for the command line."""

import tempfile
from pathlib import Path

import pytest

from tests.local.engine_server import serving


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch):
    """A loopback engine that DOCKER_HOST names."""
    with (
        tempfile.TemporaryDirectory(prefix="engine-") as folder,  # a socket's path is short
        serving(Path(folder)) as served,
    ):
        monkeypatch.setenv("DOCKER_HOST", served.address)
        yield served
