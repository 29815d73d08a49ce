"""A running stand-in, a bucket, and credentials that both take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.request import urlopen

import gcsfs
import pytest
from google.auth.credentials import CredentialsWithRegionalAccessBoundary

from tests.prediction.gemini.stand_in import new_private_key
from tests.stores import gs_store
from tests.vertex.stand_in import Vertex, vertex_stand_in

_STORE = "STORAGE_EMULATOR_HOST"
_OTHERS = (
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_CLOUD_REGION",
    "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "GOOGLE_GENAI_USE_ENTERPRISE",
    "GOOGLE_API_USE_MTLS_ENDPOINT",
    "CLOUDSDK_CORE_PROJECT",
    "TUNELINE_VERTEX_GRPC",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "grpc_proxy",
)


@pytest.fixture(scope="session")
def private_key() -> str:
    return new_private_key()


@pytest.fixture(scope="session")
def store_address() -> Iterator[str]:
    """An object store that every test finds empty: starting one for each takes half a second."""
    with gs_store():
        yield os.environ.pop(_STORE)


@pytest.fixture
def vertex(
    private_key: str,
    store_address: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Vertex]:
    """A service that nobody asked yet, which the environment points to, and an empty bucket."""
    for name in _OTHERS:
        monkeypatch.delenv(name, raising=False)
    urlopen(f"{store_address}/wipe?keep-buckets=yes").close()
    monkeypatch.setenv(_STORE, store_address)
    gcsfs.GCSFileSystem.clear_instance_cache()
    with vertex_stand_in() as running:
        running.bucket = "gs://sources"
        key_file = tmp_path_factory.mktemp("credentials") / "key.json"
        running.write_key_file(key_file, private_key)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", running.address)
        monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(running.certificate))
        monkeypatch.setenv("GOOGLE_API_USE_CLIENT_CERTIFICATE", "false")
        # It would look the account up at an address of Google's that nothing changes.
        monkeypatch.setattr(
            CredentialsWithRegionalAccessBoundary,
            "_maybe_start_regional_access_boundary_refresh",
            lambda *_: None,
        )
        yield running
    gcsfs.GCSFileSystem.clear_instance_cache()
