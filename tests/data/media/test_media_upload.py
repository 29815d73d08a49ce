"""Local media in a bucket: named by content, each once, and sent again only where missing."""

import hashlib
import os
import pickle

import pytest

from tests.data.media.media_files import batch_of, image, jpeg, png
from tuneline.data.media import stores
from tuneline.data.media.upload import MediaUploader, rewrite
from tuneline.errors import ConfigurationError, DataError, ServiceError

UPLOAD = "tuneline.data.media.upload"


@pytest.fixture(params=["gs", "s3"])
def bucket(request):
    """A store and the URI of a folder in it."""
    return request.getfixturevalue(request.param), f"{request.param}://media/tuning"


@pytest.fixture
def sent(monkeypatch):
    """Names of the objects that are sent, in order."""
    names = []
    original = stores.open_store

    class Counting:
        def __init__(self, store):
            self.store = store

        def put_file(self, path, name, **options):
            names.append(name)
            return self.store.put_file(path, name, **options)

        def rm_file(self, name):
            return self.store.rm_file(name)

    monkeypatch.setattr(UPLOAD + ".open_store", lambda scheme: Counting(original(scheme)))
    return names


def name_of(content, suffix):
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest[:2]}/{digest}{suffix}"


def test_files_are_named_by_their_content(bucket, tmp_path):
    store, folder = bucket
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.PNG").write_bytes(png())
    (tmp_path / "sub" / "b").write_bytes(jpeg())
    uris = ["a.PNG", "sub/b", f"file://{tmp_path}/a.PNG", "gs://elsewhere/c.png"]
    uploaded = MediaUploader(folder).upload(uris, tmp_path)
    first = f"{folder}/{name_of(png(), '.png')}"
    second = f"{folder}/{name_of(jpeg(), '')}"
    assert uploaded.problems == {}
    assert uploaded.objects == {"a.PNG": first, "sub/b": second, uris[2]: first}
    assert store.cat_file(first) == png()
    assert store.cat_file(second) == jpeg()
    assert MediaUploader(folder + "/").upload(uris, tmp_path) == uploaded


def test_each_content_is_sent_once_even_by_another_run(bucket, tmp_path, sent):
    _, folder = bucket
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(png(extra=b"x" * (number % 3)))
    uris = [f"{number}.png" for number in range(6)] * 5
    done: list[int] = []
    uploader = MediaUploader(folder)
    uploader.upload(uris, tmp_path, progress=done.append)
    assert len(sent) == len(set(sent)) == 3
    assert done == [1, 2, 3]
    uploader.upload(uris, tmp_path)
    MediaUploader(folder).upload(uris, tmp_path)
    assert len(sent) == 3


def test_an_object_of_another_size_is_sent_again(bucket, tmp_path, sent):
    store, folder = bucket
    (tmp_path / "a.png").write_bytes(png())
    name = f"{folder}/{name_of(png(), '.png')}"
    store.pipe_file(name, b"half")
    MediaUploader(folder).upload(["a.png"], tmp_path)
    assert len(sent) == 1
    assert store.cat_file(name) == png()


def test_a_file_of_several_chunks_arrives_whole(bucket, tmp_path):
    store, folder = bucket
    content = os.urandom(1024) * (20 * 1024)  # 20 MiB
    (tmp_path / "a.mp4").write_bytes(content)
    uploaded = MediaUploader(folder).upload(["a.mp4"], tmp_path)
    assert hashlib.sha256(store.cat_file(uploaded.objects["a.mp4"])).digest() == (
        hashlib.sha256(content).digest()
    )


def test_a_batch_gets_its_new_uris(bucket, tmp_path):
    _, folder = bucket
    (tmp_path / "a.png").write_bytes(png())
    batch = batch_of(
        image("a.png"), image("missing.png"), image("/etc/passwd"), image("gs://bucket/b.png")
    )
    examples, hits = MediaUploader(folder).apply(batch, tmp_path)
    assert [(hit.index, hit.code, hit.field) for hit in hits] == [
        (1, "missing_media", "contents[0].parts[1]"),
        (2, "bad_media_uri", "contents[0].parts[1]"),
    ]
    files = [example.turns[0].parts[1].file for example in examples]
    remote = f"{folder}/{name_of(png(), '.png')}"
    uris = [file.uri for file in files if file is not None]
    assert uris == [remote, "missing.png", "/etc/passwd", "gs://bucket/b.png"]
    assert examples[0].turns[0].parts[0].text == "What is this?"
    assert examples[3] is batch.examples[3]


def test_a_missing_bucket_is_a_service_error(s3, tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    with pytest.raises(ServiceError, match="1 media files are not in s3://no-such-bucket/x yet"):
        MediaUploader("s3://no-such-bucket/x").upload(["a.png"], tmp_path)


def test_a_run_that_failed_goes_on_where_it_was(s3, tmp_path, sent, monkeypatch):
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(png(extra=b"x" * number))
    uris = [f"{number}.png" for number in range(4)]
    size_of, asked = stores.object_size, []

    def fail_later(scheme, name):
        asked.append(name)
        if len(asked) > 2:
            raise ServiceError("cannot be reached (reset).")
        return size_of(scheme, name)

    monkeypatch.setattr(UPLOAD + ".object_size", fail_later)
    with pytest.raises(ServiceError, match="2 media files are not in s3://media/x yet"):
        MediaUploader("s3://media/x", concurrency=1).upload(uris, tmp_path)
    monkeypatch.setattr(UPLOAD + ".object_size", size_of)
    assert len(MediaUploader("s3://media/x").upload(uris, tmp_path).objects) == 4
    assert len(sent) == len(set(sent)) == 4


def test_a_file_that_changes_meanwhile_leaves_no_wrong_object(s3, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(png())
    size_of = stores.object_size

    def change(scheme, name):
        path.write_bytes(png(extra=b"changed"))
        return size_of(scheme, name)

    monkeypatch.setattr(UPLOAD + ".object_size", change)
    with pytest.raises(DataError, match=r"a\.png: changed while it was uploaded"):
        MediaUploader("s3://media/x").upload(["a.png"], tmp_path)
    assert not s3.exists(f"s3://media/x/{name_of(png(), '.png')}")


@pytest.mark.parametrize("destination", ["/data/media", "https://example.com/x", "gs://"])
def test_what_is_no_bucket_is_refused(destination):
    with pytest.raises(ConfigurationError, match="media_upload"):
        MediaUploader(destination)


def test_the_uploader_can_be_sent_to_a_worker(s3, tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    uploader = pickle.loads(pickle.dumps(MediaUploader("s3://media/x")))
    assert uploader.upload(["a.png"], tmp_path).objects["a.png"].startswith("s3://media/x/")


def test_rewriting_leaves_examples_without_these_files_alone():
    batch = batch_of(image("a.png"))
    assert rewrite(batch.examples, {"b.png": "gs://bucket/b.png"})[0] is batch.examples[0]
