"""The engines, or their stand-ins, and where what was tried is gathered."""

import os
from collections.abc import Iterator

import pytest

# Fixtures of the engines' own tests.
from tests.containers.conftest import base_image, built, docker  # noqa: F401
from tests.engines.table import Tried, write_document
from tests.kubeflow.conftest import kfp  # noqa: F401
from tests.vertex.conftest import private_key, store_address, vertex  # noqa: F401


@pytest.fixture(scope="session")
def tried(request: pytest.FixtureRequest) -> Iterator[list[Tried]]:
    """What came of every cell; the page is written where all were tried and none failed."""
    found: list[Tried] = []
    yield found
    if os.environ.get("TUNELINE_WRITE_ENGINES") == "1" and not request.session.testsfailed:
        write_document(found)
