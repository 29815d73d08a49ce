import fsspec
import pytest

from tuneline.data.fingerprint import fingerprint
from tuneline.errors import ConfigurationError, ServiceError


def test_it_follows_the_content_and_not_the_name(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("one")
    second.write_text("one")
    before = fingerprint([str(first), ""])
    assert before == fingerprint([f"file://{second}"])
    assert len(before) == 64
    second.write_text("two")
    assert fingerprint([str(second)]) != before


def test_order_and_folders_count(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    folder, file = str(tmp_path / "f"), str(tmp_path / "b")
    assert fingerprint([folder, file]) != fingerprint([file, folder])
    before = fingerprint([folder])
    (tmp_path / "f" / "a").rename(tmp_path / "f" / "c")
    assert fingerprint([folder]) != before


def test_every_missing_file_is_listed(tmp_path):
    with pytest.raises(ConfigurationError) as raised:
        fingerprint([str(tmp_path / "x"), str(tmp_path / "y")])
    assert len(raised.value.problems) == 2


def test_a_remote_file_is_known_by_size_and_change():
    with fsspec.open("memory://fingerprint/a.jsonl", "wb") as file:
        file.write(b"one")
    before = fingerprint(["memory://fingerprint/a.jsonl"])
    assert before == fingerprint(["memory://fingerprint/a.jsonl"])
    with fsspec.open("memory://fingerprint/a.jsonl", "wb") as file:
        file.write(b"two")
    assert fingerprint(["memory://fingerprint/a.jsonl"]) != before


@pytest.mark.parametrize("uri", ["memory://fingerprint/none", "nonsense://a/b"])
def test_a_remote_file_that_is_not_there(uri):
    with pytest.raises(ConfigurationError, match=uri):
        fingerprint([uri])


def test_a_filesystem_that_tells_nothing_is_refused(monkeypatch):
    class Silent:
        def info(self, path):
            return {"name": path, "size": 3}

    monkeypatch.setattr(fsspec, "url_to_fs", lambda uri: (Silent(), uri))
    with pytest.raises(ServiceError, match="neither a checksum nor a time"):
        fingerprint(["x://a"])


def test_a_checksum_comes_before_the_time_of_change(monkeypatch):
    class Service:
        changed = 0

        def info(self, path):
            self.changed += 1
            return {"etag": "abc", "size": 3, "mtime": self.changed}

    service = Service()
    monkeypatch.setattr(fsspec, "url_to_fs", lambda uri: (service, uri))
    assert fingerprint(["x://a"]) == fingerprint(["x://a"])
