import re
import shutil
from pathlib import Path

import fsspec
import pytest

from tuneline.errors import ConfigurationError, MachineError, ServiceError
from tuneline.models.source import (
    EMBEDDED,
    base_model_fingerprint,
    reference_problem,
    resolve_base_model,
)


@pytest.fixture
def model(qwen3: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(qwen3, tmp_path / "model"))


@pytest.fixture
def store(qwen3: Path):
    """A model in fsspec's memory store; its URI."""
    memory = fsspec.filesystem("memory")
    for file in qwen3.iterdir():
        memory.pipe_file(f"/bucket/model/{file.name}", file.read_bytes())
    yield "memory://bucket/model"
    memory.rm("/bucket", recursive=True)


def test_the_embedded_model_is_found_by_name():
    found = resolve_base_model(EMBEDDED)
    assert (found.path / "model.safetensors").is_file()
    assert re.fullmatch("[0-9a-f]{64}", found.digest)
    assert resolve_base_model(EMBEDDED) == found
    assert reference_problem(EMBEDDED) is None
    assert base_model_fingerprint(EMBEDDED) == EMBEDDED


def test_a_folder_is_used_where_it_lies(model):
    found = resolve_base_model(str(model))
    assert (found.path, found.reference, found.revision) == (model, str(model), "")
    assert base_model_fingerprint(str(model)) == found.digest


def test_the_digest_is_that_of_the_models_own_files(model, qwen3):
    digest = resolve_base_model(str(qwen3)).digest
    notes = model / ".cache" / "huggingface" / "model.safetensors.json"
    notes.parent.mkdir(parents=True)
    notes.write_text("downloaded today")
    (model / "README.md").write_text("a model")
    (model / "pytorch_model.bin").write_bytes(b"never read")
    assert resolve_base_model(str(model)).digest == digest
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    assert resolve_base_model(str(model)).digest != digest


def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"holds no config\.json"):
        resolve_base_model(str(tmp_path))


def test_weights_that_can_run_code_are_refused(model):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert "no *.safetensors" in str(reference_problem(str(model)))
    with pytest.raises(ConfigurationError, match="can run code when they are loaded"):
        resolve_base_model(str(model))


@pytest.mark.parametrize(
    "name",
    [
        "./missing",
        "/nowhere/model",
        "~/missing-model",
        "~no-such-user/model",
        "models/a/b",
        "a b",
        "../up",
        "",
        "x" * 5000 + "/é",
        "nul\0byte",
        "some/model@",
        "-option",
    ],
)
def test_a_name_that_can_be_nothing_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="base_model: "):
        resolve_base_model(name)
    assert reference_problem(name) is not None


@pytest.mark.parametrize("name", ["gpt2", "Qwen/Qwen3-0.6B", "some/model@main", "gs://bucket/x"])
def test_a_name_that_may_be_right_is_not_refused_early(name):
    assert reference_problem(name) is None


def test_a_model_is_copied_from_a_store(store, qwen3, tmp_path):
    found = resolve_base_model(store, tmp_path / "cache")
    assert found.reference == store
    assert found.path.parent == tmp_path / "cache"
    assert found.digest == resolve_base_model(str(qwen3)).digest


def test_a_copy_is_used_again(store, tmp_path):
    first = resolve_base_model(store, tmp_path)
    written = (first.path / "config.json").stat().st_mtime_ns
    assert resolve_base_model(store, tmp_path) == first
    assert (first.path / "config.json").stat().st_mtime_ns == written
    assert list(tmp_path.iterdir()) == [first.path]


def test_changed_content_is_another_copy(store, tmp_path):
    first, seen = resolve_base_model(store, tmp_path), base_model_fingerprint(store)
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket/model/config.json", memory.cat("/bucket/model/config.json") + b"\n")
    second = resolve_base_model(store, tmp_path)
    assert second.path != first.path
    assert second.digest != first.digest
    assert base_model_fingerprint(store) != seen


def test_only_a_models_own_files_are_copied(store, tmp_path):
    memory = fsspec.filesystem("memory")
    for name in ("pytorch_model.bin", "deep/config.json", "up/../../../escaped.json", ".hid.json"):
        memory.pipe_file(f"/bucket/model/{name}", b"{}")
    found = resolve_base_model(store, tmp_path / "cache")
    assert {file.name for file in found.path.rglob("*")} == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert not list(tmp_path.rglob("escaped.json"))


def test_an_interrupted_copy_leaves_nothing(store, tmp_path, monkeypatch):
    memory = fsspec.filesystem("memory")

    def breaks(source: str, target: str) -> None:
        Path(target).write_bytes(memory.cat(source)[:100])
        if source.endswith("model.safetensors"):
            raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(memory, "get_file", breaks)
    with pytest.raises(ServiceError, match=r"model\.safetensors of 'memory://.*reset by peer"):
        resolve_base_model(store, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_behind_a_uri_is_refused(store):
    for uri in (f"{store}-of-another", "memory://bucket"):
        with pytest.raises(ConfigurationError, match="there is nothing at"):
            base_model_fingerprint(uri)


def test_a_store_that_cannot_be_listed_is_a_services_fault(store, monkeypatch):
    def refuses(*_: object, **__: object) -> None:
        raise PermissionError("403: not yours")

    monkeypatch.setattr(fsspec.filesystem("memory"), "find", refuses)
    with pytest.raises(ServiceError, match="could not be listed: 403: not yours"):
        resolve_base_model(store)


def test_an_unknown_kind_of_store_is_refused():
    with pytest.raises(ConfigurationError, match="cannot be read here"):
        resolve_base_model("odd://bucket/model")


def test_a_cache_that_cannot_be_written_is_the_machines_fault(store, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MachineError, match="cannot be written"):
        resolve_base_model(store, tmp_path / "file")
