"""Models from a hub and from gs://, by the real clients against servers on this machine.

The clients read their endpoint when they are imported, so each case has a process of its own.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.models.loopback import COMMIT, broken_hub, hub, object_store
from tuneline.models.source import resolve_base_model

RESOLVE = """
import json, sys
from pathlib import Path
from tuneline.errors import TunelineError
from tuneline.models.source import resolve_base_model
try:
    found = resolve_base_model(sys.argv[1], Path(sys.argv[2]))
    answer = {"path": str(found.path), "digest": found.digest, "revision": found.revision}
except TunelineError as error:
    answer = {"error": str(error), "exit_code": error.exit_code}
print(json.dumps(answer))
"""


def resolve(reference: str, folder: Path, **environment: str):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE, reference, str(folder / "cache")],
        env={**inherited, "HF_HOME": str(folder / "hub"), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def published(qwen3: Path, tmp_path: Path) -> Path:
    """A model as hubs have them: other formats and copies for other programs beside it."""
    folder = Path(shutil.copytree(qwen3, tmp_path / "published"))
    (folder / "onnx").mkdir()
    for name in ("pytorch_model.bin", "consolidated.safetensors", "onnx/config.json"):
        (folder / name).write_bytes(b"not wanted")
    return folder


@pytest.mark.parametrize("reference", ["some/model", "some/model@v1"])
def test_a_model_comes_from_the_hub(reference, published, qwen3, tmp_path):
    with hub(published) as (address, asked):
        found = resolve(reference, tmp_path, HF_ENDPOINT=address)
        assert found["digest"] == resolve_base_model(str(qwen3)).digest
        assert found["revision"] == COMMIT
        assert not any("wanted" in path or ".bin" in path or "onnx" in path for path in asked)
        assert {file.name for file in Path(found["path"]).iterdir()} == {
            file.name for file in qwen3.iterdir()
        }
        asked.clear()
        assert resolve(reference, tmp_path, HF_ENDPOINT=address) == found
        assert not any("/resolve/" in path for path in asked), "downloaded again"


@pytest.mark.parametrize("reference", ["other/model", "a--b/c..d"])
def test_a_model_that_the_hub_does_not_have(reference, published, tmp_path):
    with hub(published) as (address, _):
        answer = resolve(reference, tmp_path, HF_ENDPOINT=address)
    assert answer["exit_code"] == 2
    assert f"the model hub has no '{reference}'" in answer["error"]


def test_a_hub_that_fails(tmp_path):
    started = time.monotonic()
    with broken_hub() as (address, _):
        answer = resolve("some/model", tmp_path, HF_ENDPOINT=address)
    assert answer["exit_code"] == 3
    assert (
        "'some/model' is no folder on this machine, and the model hub could not"
        in (answer["error"])
    )
    assert time.monotonic() - started < 20


def test_a_hub_that_is_not_there(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    answer = resolve("some/model", tmp_path, HF_ENDPOINT=address)
    assert answer["exit_code"] == 3
    assert "some/model" in answer["error"]


def test_a_model_comes_from_a_bucket(qwen3, tmp_path):
    with object_store(qwen3) as (address, asked):
        found = resolve("gs://models/tiny", tmp_path, STORAGE_EMULATOR_HOST=address)
        assert found["digest"] == resolve_base_model(str(qwen3)).digest
        asked.clear()
        assert resolve("gs://models/tiny", tmp_path, STORAGE_EMULATOR_HOST=address) == found
        assert not any("alt=media" in path or "/download/" in path for path in asked)


def test_a_bucket_without_the_model(qwen3, tmp_path):
    with object_store(qwen3) as (address, _):
        answer = resolve("gs://models/missing", tmp_path, STORAGE_EMULATOR_HOST=address)
    assert answer["exit_code"] == 2
    assert "there is nothing at 'gs://models/missing'" in answer["error"]
