"""A running stand-in, and credentials that it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.prediction.gemini.stand_in import StandIn, new_private_key, stand_in, write_key_file

_OTHERS = (
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)


@pytest.fixture(scope="session")
def private_key() -> str:
    return new_private_key()


@pytest.fixture
def service(
    private_key: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StandIn]:
    """A service that nobody asked yet, which the environment points to."""
    for name in _OTHERS:
        monkeypatch.delenv(name, raising=False)
    with stand_in() as running:
        key_file = tmp_path_factory.mktemp("credentials") / "key.json"
        write_key_file(key_file, running, private_key)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", running.address)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", running.address)
        yield running
