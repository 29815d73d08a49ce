"""A running stand-in of Kubeflow Pipelines that the environment points to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kfp.client import Client

from tests.kubeflow.stand_in import Kfp, kfp_stand_in

_OTHERS = (
    *("KF_PIPELINES_UI_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH", "TUNELINE_KFP_CA"),
    *("KF_PIPELINES_IAP_OAUTH2_CLIENT_ID", "TUNELINE_STAGING", "GOOGLE_CLOUD_PROJECT"),
    *("GOOGLE_CLOUD_LOCATION", "KF_PIPELINES_ENDPOINT", "TUNELINE_KFP_TOKEN"),
)


@pytest.fixture
def kfp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kfp]:
    """A service that nobody asked yet, and that wants a token."""
    for name in _OTHERS:
        monkeypatch.delenv(name, raising=False)
    # Where the client of this user keeps a namespace.
    monkeypatch.setattr(Client, "_LOCAL_KFP_CONTEXT", str(tmp_path / "kfp" / "context.json"))
    with kfp_stand_in() as running:
        running.token = "token-of-lamps"
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", running.address)
        monkeypatch.setenv("TUNELINE_KFP_TOKEN", running.token)
        yield running
