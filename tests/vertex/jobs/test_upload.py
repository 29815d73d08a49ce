"""Local data goes to the bucket once, under names made of its content."""

import hashlib

import pytest

from tests.vertex.jobs.conftest import write_rows
from tests.vertex.stand_in import storage
from tuneline.errors import ConfigurationError, DataError, ServiceError
from tuneline.submission.upload import placed, send

STAGING = "gs://sources/tuneline"


def test_file_is_sent_under_its_digest(vertex, tmp_path):
    path = write_rows(tmp_path / "tickets.jsonl")
    found = placed({"data": str(path), "test_data": "", "seed": 3}, STAGING)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    uri = f"{STAGING}/data/{digest}/tickets.jsonl"
    assert found.parameters == {"data": uri, "test_data": "", "seed": 3}
    send(found.uploads)
    assert storage.read(uri) == path.read_bytes()


def test_what_is_there_is_not_sent_again(vertex, tmp_path):
    found = placed({"data": str(write_rows(tmp_path / "a.jsonl"))}, STAGING)
    send(found.uploads)
    # Of the same size: it would be replaced if it were sent.
    storage.write(found.uploads[0].uri, b"x" * found.uploads[0].size)
    send(found.uploads)
    assert storage.read(found.uploads[0].uri) == b"x" * found.uploads[0].size
    storage.write(found.uploads[0].uri, b"half")
    send(found.uploads)
    assert storage.read(found.uploads[0].uri) == (tmp_path / "a.jsonl").read_bytes()


@pytest.mark.parametrize("pattern", ["", "*.jsonl"])
def test_folder_and_glob_become_a_folder(vertex, tmp_path, pattern):
    write_rows(tmp_path / "parts" / "a.jsonl", 1)
    write_rows(tmp_path / "parts" / "b.jsonl", 2)
    found = placed({"data": str(tmp_path / "parts" / pattern)}, STAGING)
    send(found.uploads)
    folder = found.parameters["data"]
    assert [upload.uri for upload in found.uploads] == [f"{folder}/a.jsonl", f"{folder}/b.jsonl"]
    assert all(storage.read(upload.uri) for upload in found.uploads)


def test_uris_stay_as_they_are():
    given = {"data": "gs://a/b.jsonl", "test_data": "https://example.com/c.jsonl"}
    assert placed(given, STAGING) == (given, [])


def test_every_missing_path_is_named(tmp_path):
    given = {"data": str(tmp_path / "none.jsonl"), "test_data": str(tmp_path / "*.csv")}
    with pytest.raises(ConfigurationError) as caught:
        placed(given, STAGING)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["data", "test_data"]


def test_file_that_changes_is_not_left_under_a_wrong_name(vertex, tmp_path):
    path = write_rows(tmp_path / "a.jsonl")
    found = placed({"data": str(path)}, STAGING)
    path.write_bytes(path.read_bytes().replace(b"red", b"bed"))
    with pytest.raises(DataError, match="changed while it was sent"):
        send(found.uploads)
    assert storage.read(found.uploads[0].uri) is None


def test_bucket_that_is_not_there_is_named(vertex, tmp_path):
    found = placed({"data": str(write_rows(tmp_path / "a.jsonl"))}, "gs://other/tuneline")
    with pytest.raises(ServiceError, match=r"gs://other/tuneline/data/.* cannot be written"):
        send(found.uploads)
