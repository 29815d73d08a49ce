import pytest
import s3fs

from tests.data.sources.servers import ROWS
from tests.stores import gs_store, s3_store
from tuneline.data.sources.fingerprint import fingerprint
from tuneline.data.sources.opened import opened
from tuneline.errors import ConfigurationError, ServiceError

NAMES = ["a.jsonl", "deep/b.jsonl", "deep/.hidden.jsonl", "notes.md"]


@pytest.fixture(scope="module")
def s3():
    with s3_store() as store:
        yield store


@pytest.fixture(scope="module")
def gs():
    with gs_store() as store:
        yield store


@pytest.fixture(params=["s3", "gs"])
def store(request):
    bucket, put = request.getfixturevalue(request.param)
    for name in NAMES:
        put(f"f/{name}", ROWS)
    return bucket, put


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("f/a.jsonl", ["a.jsonl"]),
        ("f", ["a.jsonl", "b.jsonl"]),
        ("f/", ["a.jsonl", "b.jsonl"]),
        ("f/*.jsonl", ["a.jsonl"]),
        ("f/**/b.*", ["b.jsonl"]),
    ],
)
def test_files_folders_and_globs(store, end, expected):
    bucket, _ = store
    with opened({"data": [(f"{bucket}/{end}", 1.0)]}) as sources:
        assert [source.name for source in sources] == expected
        assert {source.path.read_bytes() for source in sources} == {ROWS}
        assert {source.mixture for source in sources} == {f"{bucket}/{end}"}


@pytest.mark.parametrize("end", ["f/none.jsonl", "f/*.none", "nothing"])
def test_what_is_not_there_is_named(store, end):
    bucket, _ = store
    with pytest.raises(ConfigurationError, match="no such file|matches no file"):
        fingerprint([f"{bucket}/{end}"])


@pytest.mark.parametrize("end", ["p/a.jsonl", "p", "p/*"])
def test_the_fingerprint_follows_the_content(store, end):
    bucket, put = store
    put("p/a.jsonl", b"one")
    before = fingerprint([f"{bucket}/{end}"])
    assert fingerprint([f"{bucket}/{end}"]) == before
    put("p/a.jsonl", b"two")
    assert fingerprint([f"{bucket}/{end}"]) != before


def test_a_new_file_changes_the_fingerprint(store):
    bucket, put = store
    put("n/a.jsonl", b"one")
    before = fingerprint([f"{bucket}/n"])
    put("n/b.jsonl", b"two")
    assert fingerprint([f"{bucket}/n"]) != before


def test_a_store_that_is_down_is_a_service_error(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "loopback")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "loopback")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(ServiceError, match=r"s3://b/a\.jsonl: cannot be looked up"):
        fingerprint(["s3://b/a.jsonl"])
    s3fs.S3FileSystem.clear_instance_cache()
