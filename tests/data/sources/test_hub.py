import hashlib
import json

import huggingface_hub
import pytest
from huggingface_hub import constants

from tests.data.sources.servers import ROWS, Handler, served
from tuneline.data.sources.fingerprint import fingerprint
from tuneline.data.sources.opened import opened
from tuneline.errors import ConfigurationError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "/api/datasets/owner/name"


class _Hub(Handler):
    """One data set, as far as its files are listed and fetched."""

    files: dict[str, bytes]

    def answer_paths(self):
        asked = json.loads(self.body)
        found = [self.described(path) for path in asked["paths"] if path in self.files]
        found += [
            {"type": "directory", "path": path, "oid": COMMIT}
            for path in asked["paths"]
            if any(name.startswith(f"{path}/") for name in self.files)
        ]
        self.send_json(found)

    def answer(self):
        path = self.path.split("?")[0]
        if path.startswith(f"{REPOSITORY}/paths-info/"):
            self.answer_paths()
        elif path.startswith(f"{REPOSITORY}/tree/"):
            below = path.removeprefix(f"{REPOSITORY}/tree/").partition("/")[2]
            names = [name for name in self.files if name.startswith(below)]
            self.send_json([self.described(name) for name in names])
        elif path in (REPOSITORY, f"{REPOSITORY}/revision/main", f"{REPOSITORY}/revision/{COMMIT}"):
            self.send_json({"id": "owner/name", "sha": COMMIT, "siblings": []})
        elif path.startswith("/datasets/owner/name/resolve/"):
            content = self.files[path.split("/", 6)[6]]
            self.send(content, ETag=f'"{hashlib.sha1(content).hexdigest()}"', X_Repo_Commit=COMMIT)
        else:
            self.send(b"", 404, X_Error_Code="RepoNotFound")

    def described(self, name):
        content = self.files[name]
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": name, "size": len(content), "oid": oid}


@pytest.fixture
def hub(monkeypatch):
    files = {"a.jsonl": ROWS, "deep/b.jsonl": ROWS, "README.md": b"x", ".gitattributes": b"x"}
    with served(_Hub, files=files) as address:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        huggingface_hub.HfFileSystem.clear_instance_cache()
        yield files
        huggingface_hub.HfFileSystem.clear_instance_cache()


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("/a.jsonl", ["a.jsonl"]),
        ("", ["a.jsonl", "b.jsonl"]),
        ("@main/a.jsonl", ["a.jsonl"]),
        ("/**/b.jsonl", ["b.jsonl"]),
    ],
)
def test_files_folders_and_globs(hub, end, expected):
    with opened({"data": [(f"hf://datasets/owner/name{end}", 1.0)]}) as sources:
        assert [source.name for source in sources] == expected
        assert {source.path.read_bytes() for source in sources} == {ROWS}


def test_the_fingerprint_follows_the_content(hub):
    uri = "hf://datasets/owner/name/a.jsonl"
    before = fingerprint([uri])
    assert fingerprint([uri]) == before
    hub["a.jsonl"] = b"two"
    assert fingerprint([uri]) != before


@pytest.mark.parametrize("uri", ["hf://datasets/owner/none/a.csv", "hf://datasets/owner/name/none"])
def test_what_is_not_there_is_named(hub, uri):
    with pytest.raises(ConfigurationError, match=uri):
        fingerprint([uri])
