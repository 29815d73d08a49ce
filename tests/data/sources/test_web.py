import gzip
import hashlib

import pytest

from tests.data.sources.servers import ROWS, Handler, served
from tuneline.data.sources import fetch
from tuneline.data.sources.fingerprint import fingerprint
from tuneline.data.sources.locate import Remote, locate
from tuneline.data.sources.opened import opened
from tuneline.errors import ConfigurationError, ServiceError


class _Web(Handler):
    files: dict[str, bytes]
    failures: list[str]

    def answer(self):
        path = self.path.split("?")[0]
        content = self.files.get(path)
        if content is None:
            self.send(b"", 404)
        elif self.command == "GET" and self.failures:
            self.fail(content)
        else:
            self.send(content, ETag=f'"{hashlib.md5(content).hexdigest()}"')

    def fail(self, content):
        if self.failures.pop() == "status":
            self.send(b"", 503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:100])
        self.close_connection = True


@pytest.fixture
def web(monkeypatch):
    monkeypatch.setattr(fetch, "_FIRST_WAIT_S", 0.01)
    files = {"/a.jsonl": ROWS, "/d/a.jsonl": ROWS, "/b.jsonl.gz": gzip.compress(ROWS)}
    failures: list[str] = []
    with served(_Web, files=files, failures=failures) as address:
        yield address, files, failures


def test_files_are_fetched_unpacked_and_taken_away_again(web):
    address, files, _ = web
    uris = [f"{address}/a.jsonl?token=secret", f"{address}/b.jsonl.gz", f"{address}/d/a.jsonl"]
    with opened({"data": [(uri, 1.0) for uri in uris]}) as sources:
        assert [source.name.split("/")[-1] for source in sources] == [
            "a.jsonl",
            "b.jsonl.gz",
            "a.jsonl",
        ]
        assert "token" not in "".join(source.name for source in sources)
        assert {source.path.read_bytes() for source in sources} == {ROWS}
        assert sources[1].sha256 == hashlib.sha256(files["/b.jsonl.gz"]).hexdigest()
        paths = [source.path for source in sources]
    assert not any(path.exists() for path in paths)


def test_a_download_that_breaks_is_tried_again(web, caplog):
    address, _, failures = web
    failures += ["status", "cut", "cut"]
    with opened({"data": [(f"{address}/a.jsonl", 1.0)]}) as [source]:
        assert source.path.read_bytes() == ROWS
    assert failures == []
    assert caplog.text.count("trying again") == 3


def test_after_several_attempts_it_is_given_up(web):
    address, _, failures = web
    failures += ["status"] * 100
    with (
        pytest.raises(ServiceError, match=r"a\.jsonl: cannot be fetched"),
        opened({"data": [(f"{address}/a.jsonl", 1.0)]}),
    ):
        pass
    assert len(failures) == 95


def test_what_is_not_there_is_listed_before_anything_is_fetched(web):
    address, _, _ = web
    with (
        pytest.raises(ConfigurationError) as raised,
        opened({"data": [(f"{address}/none", 1.0), (f"{address}/no", 1.0), ("a", 1.0)]}),
    ):
        pass
    assert len(raised.value.problems) == 3


def test_a_file_that_goes_between_look_and_fetch_is_named(web, tmp_path):
    address, files, _ = web
    [remote] = locate(f"{address}/a.jsonl")
    assert isinstance(remote, Remote)
    del files["/a.jsonl"]
    with pytest.raises(ConfigurationError, match=r"a\.jsonl: cannot be read"):
        fetch.fetch([(remote, tmp_path / "a")])


def test_the_fingerprint_follows_the_content(web):
    address, files, _ = web
    before = fingerprint([f"{address}/a.jsonl"])
    assert fingerprint([f"{address}/a.jsonl"]) == before
    files["/a.jsonl"] = ROWS * 2
    assert fingerprint([f"{address}/a.jsonl"]) != before


@pytest.mark.parametrize("uri", ["http://example.com/a.jsonl", "http://10.0.0.1/a", "HTTP://x/a"])
def test_plain_http_is_for_this_machine_alone(uri):
    with pytest.raises(ConfigurationError, match="Use https"):
        locate(uri)
