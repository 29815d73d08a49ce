import pytest

from tuneline.data.sources import fingerprint as module
from tuneline.data.sources.fingerprint import fingerprint
from tuneline.data.sources.locate import Remote
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


@pytest.mark.parametrize("end", ["", "/*", "/*.csv", "/**/*.csv"])
def test_folders_and_globs_count_names_and_new_files(tmp_path, end):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "a.csv").write_text("one")
    uri = f"{folder}{end}"
    before = fingerprint([uri])
    (folder / ".hidden").write_text("two")
    assert fingerprint([uri]) == before
    (folder / "b.csv").write_text("two")
    grown = fingerprint([uri])
    assert grown != before
    (folder / "b.csv").rename(folder / "c.csv")
    assert fingerprint([uri]) not in (before, grown)


def test_order_counts(tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    assert fingerprint([first, second]) != fingerprint([second, first])


def test_every_missing_file_is_listed(tmp_path):
    with pytest.raises(ConfigurationError) as raised:
        fingerprint([str(tmp_path / "x"), "nonsense://a/b", str(tmp_path / "y*")])
    assert len(raised.value.problems) == 3


def of_state(monkeypatch, state):
    monkeypatch.setattr(module, "locate", lambda uri: [Remote(uri, "", None, "a", state)])
    return fingerprint(["gs://b/a"])


def test_a_filesystem_that_tells_nothing_is_refused(monkeypatch):
    with pytest.raises(ServiceError, match="neither a checksum nor a time"):
        of_state(monkeypatch, {"size": 3})


def test_a_checksum_comes_before_the_time_of_change(monkeypatch):
    first = of_state(monkeypatch, {"etag": "abc", "size": 3, "mtime": 1})
    assert of_state(monkeypatch, {"etag": "abc", "size": 3, "mtime": 2}) == first
    assert of_state(monkeypatch, {"etag": "abd", "size": 3, "mtime": 1}) != first


def test_without_a_checksum_the_time_and_size_count(monkeypatch):
    found = {
        of_state(monkeypatch, {"size": size, "LastModified": time})
        for size in (1, 2)
        for time in (1, 2)
    }
    assert len(found) == 4
