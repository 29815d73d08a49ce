"""Local data goes to an S3 bucket as it goes to others."""

from collections.abc import Iterator

import pytest
import s3fs

from tests.stores import s3_store
from tuneline.data.media import stores
from tuneline.errors import DataError, ServiceError
from tuneline.submission.upload import placed, send


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_store() as (uri, _):
        stores._store.cache_clear()
        yield uri
    stores._store.cache_clear()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lamps.jsonl"
    path.write_text('{"prompt": "which lamp?", "completion": "red"}\n' * 3)
    return path


def held(uri):
    store = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    return store.cat_file(uri) if store.exists(uri) else None


def test_file_is_sent_once_under_its_digest(bucket, file, caplog):
    caplog.set_level("INFO", logger="tuneline")
    found = placed({"data": str(file)}, f"{bucket}/tuneline")
    [upload] = found.uploads
    assert upload.uri == f"{bucket}/tuneline/data/{upload.sha256}/lamps.jsonl"
    send(found.uploads)
    assert held(upload.uri) == file.read_bytes()
    send(found.uploads)
    assert f"{upload.uri} is there already" in caplog.text


def test_file_that_changes_is_not_left_under_a_wrong_name(bucket, file):
    file.write_text(file.read_text().replace("lamp", "hall"))
    found = placed({"data": str(file)}, bucket)
    file.write_text(file.read_text().replace("red", "bad"))
    with pytest.raises(DataError, match="changed while it was sent"):
        send(found.uploads)
    assert held(found.uploads[0].uri) is None


def test_bucket_that_is_not_there_is_named(bucket, file):
    found = placed({"data": str(file)}, "s3://no-such-bucket/tuneline")
    with pytest.raises(ServiceError, match=r"s3://no-such-bucket/tuneline/data/.* cannot be writ"):
        send(found.uploads)
