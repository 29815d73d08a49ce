from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.evaluation.databases.files import TIMEOUT_S, duckdb_file, sqlite_file
from tuneline.evaluation.databases.database import Database, open_database


@pytest.fixture(scope="module")
def sqlite_database(tmp_path_factory) -> Iterator[Database]:
    with closing(open_database(sqlite_file(tmp_path_factory.mktemp("lite")), TIMEOUT_S)) as found:
        yield found


@pytest.fixture(scope="module")
def duckdb_database(tmp_path_factory) -> Iterator[Database]:
    with closing(open_database(duckdb_file(tmp_path_factory.mktemp("duck")), TIMEOUT_S)) as found:
        yield found
