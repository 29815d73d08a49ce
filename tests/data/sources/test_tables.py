import importlib
import json

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.data.rows.reading import read_file
from tests.data.sources.servers import Handler, served
from tuneline.data.rows.formats import format_of
from tuneline.data.sources.fingerprint import fingerprint
from tuneline.data.sources.opened import opened
from tuneline.errors import ConfigurationError, ServiceError

URI = "bq://project.set.table"
FIELDS = [{"name": "prompt", "type": "STRING"}, {"name": "stars", "type": "INTEGER"}]
PAGE = 3


class _BigQuery(Handler):
    """One table, by the REST interface, three rows a page."""

    rows: list[tuple[str, int]]
    table: dict[str, str]

    def answer(self):
        path, _, query = self.path.partition("?")
        tables = "/bigquery/v2/projects/project/datasets/set/tables/"
        if path == "/token":
            self.send_json({"access_token": "loopback", "expires_in": 3600})
        elif path == tables + "table":
            self.send_json(self.described())
        elif path == tables + "table/data":
            start = int(query.partition("pageToken=")[2].partition("&")[0] or 0)
            self.send_json(self.page(start))
        elif path == tables + "secret":
            self.send_json({"error": {"code": 403, "message": "Access Denied"}}, 403)
        else:
            self.send_json({"error": {"code": 404, "message": "Not found"}}, 404)

    def described(self):
        reference = {"projectId": "project", "datasetId": "set", "tableId": "table"}
        return {
            "tableReference": reference,
            "schema": {"fields": FIELDS},
            "numRows": str(len(self.rows)),
            "lastModifiedTime": "1700000000000",
            "type": "TABLE",
            "etag": "one",
            **self.table,
        }

    def page(self, start):
        rows = [{"f": [{"v": text}, {"v": str(n)}]} for text, n in self.rows[start : start + PAGE]]
        more = {"pageToken": str(start + PAGE)} if start + PAGE < len(self.rows) else {}
        return {"rows": rows, "totalRows": str(len(self.rows)), **more}


@pytest.fixture(scope="module")
def key():
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kinds = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return made.private_bytes(*kinds, serialization.NoEncryption()).decode()


@pytest.fixture
def bigquery(key, tmp_path, monkeypatch):
    rows = [(f"text {number}", number) for number in range(8)]
    table: dict[str, str] = {}
    with served(_BigQuery, rows=rows, table=table) as address:
        account = {
            "type": "service_account",
            "private_key": key,
            "client_email": "reader@loopback",
            "token_uri": f"{address}/token",
        }
        (tmp_path / "account.json").write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        yield rows, table


def test_a_table_becomes_a_local_file(bigquery):
    rows, _ = bigquery
    with opened({"data": [(URI, 1.0)]}) as [source]:
        assert source.name == "project.set.table"
        assert format_of(source.path, source.name) == "arrow"
        expected = [
            (n, {"prompt": text, "stars": stars}) for n, (text, stars) in enumerate(rows, 1)
        ]
        assert read_file(source.path, "arrow") == expected
        with pa.ipc.open_file(str(source.path)) as file:
            assert file.num_record_batches == 3


def test_two_downloads_have_one_digest(bigquery):
    digests = set()
    for _ in range(2):
        with opened({"data": [(URI, 1.0)]}) as [source]:
            digests.add(source.sha256)
    assert len(digests) == 1


@pytest.mark.parametrize("change", [{"etag": "two"}, {"lastModifiedTime": "1700000000001"}])
def test_the_fingerprint_follows_the_table(bigquery, change):
    _, table = bigquery
    before = fingerprint([URI])
    assert fingerprint([URI]) == before
    table.update(change)
    assert fingerprint([URI]) != before


@pytest.mark.parametrize(
    ("uri", "part"),
    [
        ("bq://project.set.none", "no such table"),
        ("bq://project.set.secret", "Access Denied"),
        ("bq://set.table", "must be bq://project.dataset.table"),
        ("bq://project.set.table; drop", "must be bq://project.dataset.table"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(bigquery, uri, part):
    with pytest.raises(ConfigurationError, match=part) as raised:
        fingerprint([uri])
    assert str(raised.value).startswith(uri)


def test_a_view_and_an_empty_table_are_refused(bigquery):
    rows, table = bigquery
    table["type"] = "VIEW"
    with pytest.raises(ConfigurationError, match="no table but VIEW"):
        fingerprint([URI])
    table["type"] = "TABLE"
    rows.clear()
    with pytest.raises(ConfigurationError, match="has no rows"):
        fingerprint([URI])


def test_without_credentials_it_says_how_to_get_some(bigquery, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ConfigurationError, match="gcloud auth application-default login"):
        fingerprint([URI])


def test_a_login_that_fails_is_a_service_error(bigquery, tmp_path):
    account = json.loads((tmp_path / "account.json").read_text())
    account["token_uri"] = account["token_uri"].replace("/token", "/nowhere")
    (tmp_path / "account.json").write_text(json.dumps(account))
    with pytest.raises(ServiceError, match="BigQuery failed"):
        fingerprint([URI])


@pytest.mark.parametrize(
    ("uri", "extra"),
    [(URI, "bigquery"), ("gs://b/a", "gcs"), ("s3://b/a", "s3"), ("hf://datasets/a/b", "hub")],
)
def test_a_missing_extra_is_named(monkeypatch, uri, extra):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigurationError, match=rf"tuneline\[{extra}\]"):
        fingerprint([uri])
