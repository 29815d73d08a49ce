"""A checkpoint is proven, or it is told what is wrong with it."""

import json
import resource
import shutil
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuneline.errors import MachineError
from tuneline.training.checkpoints.folder import (
    MANIFEST,
    Checkpoint,
    Tensors,
    open_checkpoint,
    step_of,
    write_checkpoint,
)
from tuneline.training.result import LossPoint
from tuneline.training.state import RunState


def tensors(value: float = 1.0) -> Tensors:
    weights = {"a.weight": torch.full((4, 3), value), "b.bias": torch.arange(5.0)}
    moments = {f"{name}.exp_avg": torch.rand_like(x) for name, x in weights.items()}
    return Tensors(weights, moments)


def state(step: int, **values) -> RunState:
    given = {"steps": 100, "world": 1, "tokens_per_device": 64, "trained_per_device": 8}
    return RunState(step=step, **{**given, **values})


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    return write_checkpoint(tmp_path, state(7), tensors())


def reason(path: Path) -> str:
    found = open_checkpoint(path)
    assert isinstance(found, str), found
    return found


def test_a_checkpoint_comes_back_as_it_was_written(tmp_path):
    written = tensors(2.5)
    point = LossPoint(step=3, epoch=0.1, loss=1 / 3)
    stood = state(7, validation_loss=[point], best_step=3, seconds=1.25)
    found = open_checkpoint(write_checkpoint(tmp_path, stood, written))
    assert isinstance(found, Checkpoint)
    assert found.state == stood
    for own, theirs in ((found.weights(), written.weights), (found.moments(), written.moments)):
        assert own.keys() == theirs.keys()
        assert all(torch.equal(own[name], theirs[name]) for name in own)


def test_nothing_in_a_checkpoint_runs_code(checkpoint):
    assert {path.suffix for path in checkpoint.iterdir()} == {".safetensors", ".json"}


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "one bit"])
def test_damage_to_any_file_is_told_with_its_name(checkpoint, name, damage):
    path = checkpoint / name
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "one bit":
        content[len(content) // 2] ^= 16
        path.write_bytes(content)
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    assert name in reason(checkpoint)


@pytest.mark.parametrize("content", [None, b"", b'{"format": 1, "st', b"[]", b"{}", b"\xff", b"3"])
def test_a_manifest_that_is_none_is_told(checkpoint, content):
    if content is None:
        (checkpoint / MANIFEST).unlink()
    else:
        (checkpoint / MANIFEST).write_bytes(content)
    assert MANIFEST in reason(checkpoint)


def test_an_empty_folder_is_no_checkpoint(tmp_path):
    (tmp_path / "checkpoint-3").mkdir()
    assert "was not written to its end" in reason(tmp_path / "checkpoint-3")


def test_a_file_that_does_not_belong_there_is_told(checkpoint):
    (checkpoint / "checkpoint-is-incomplete.txt").touch()
    assert reason(checkpoint) == "checkpoint-is-incomplete.txt does not belong there"


def test_a_manifest_that_names_less_than_a_checkpoint_has_is_refused(checkpoint):
    manifest = json.loads((checkpoint / MANIFEST).read_bytes())
    del manifest["files"]["optimizer.safetensors"]
    (checkpoint / "optimizer.safetensors").unlink()
    (checkpoint / MANIFEST).write_text(json.dumps(manifest))
    assert "another format" in reason(checkpoint)


def test_a_checkpoint_under_another_steps_name_is_refused(checkpoint):
    assert "another step" in reason(checkpoint.rename(checkpoint.with_name("checkpoint-9")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_goes_unseen_or_changes_what_is_read(checkpoint, tmp_path_factory, data):
    before = open_checkpoint(checkpoint)
    assert isinstance(before, Checkpoint)
    copy = tmp_path_factory.mktemp("flipped") / checkpoint.name
    shutil.copytree(checkpoint, copy)
    path = data.draw(st.sampled_from(sorted(copy.iterdir())))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    after = open_checkpoint(copy)
    # In the manifest a flip may make other white space, and nothing else.
    assert isinstance(after, str) or (path.name == MANIFEST and after.state == before.state)


@pytest.mark.parametrize(
    ("name", "step"),
    [("checkpoint-12", 12), ("checkpoint-", None), ("checkpoint-1x", None), ("tokens", None)],
)
def test_steps_are_read_from_names(name, step):
    assert step_of(name) == step


def test_a_full_disk_leaves_the_checkpoint_before_it_and_nothing_half_written(tmp_path):
    write_checkpoint(tmp_path, state(1), tensors())
    large = Tensors({"a": torch.zeros(100_000)}, {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(
            MachineError, match=r"checkpoint-2: cannot be written .*Free some space"
        ):
            write_checkpoint(tmp_path, state(2), large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]
    assert isinstance(open_checkpoint(tmp_path / "checkpoint-1"), Checkpoint)
