"""Which checkpoint a run goes on from, which are kept, and what lies in a store."""

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import fsspec
import pytest
import torch

from tests.stores import gs_store, s3_store
from tuneline.errors import ConfigurationError, MachineError, ServiceError
from tuneline.training.checkpoints.folder import Checkpoint, Tensors, name_of
from tuneline.training.checkpoints.keeper import Checkpoints
from tuneline.training.checkpoints.store import CheckpointStore
from tuneline.training.state import RunState

DIGEST = "d" * 64


def tensors(step: int) -> Tensors:
    return Tensors({"w": torch.full((3,), float(step))}, {"w.exp_avg": torch.zeros(3)})


def save(checkpoints: Checkpoints, step: int, best: int) -> None:
    state = RunState(
        step=step, steps=99, world=1, tokens_per_device=8, trained_per_device=8, best_step=best
    )
    checkpoints.save(state, tensors(step), in_background=False)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"run.txt", ".lock"}


def newest(folder: Path, store: CheckpointStore | None = None) -> Checkpoint | None:
    checkpoints = Checkpoints(folder, DIGEST, store)
    try:
        return checkpoints.newest()
    finally:
        checkpoints.close()


def damage(folder: Path, step: int) -> None:
    (folder / name_of(step) / "weights.safetensors").write_bytes(b"torn")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Checkpoints of steps 2, 4 and 6, of which 2 is the best."""
    checkpoints = Checkpoints(tmp_path, DIGEST)
    for step in (2, 4, 6):
        save(checkpoints, step, best=2)
    checkpoints.close()
    return tmp_path


def test_the_two_newest_and_their_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, DIGEST)
    for step, best in [(2, 2), (4, 2), (6, 2), (8, 8), (10, 8), (12, 8)]:
        save(checkpoints, step, best)
        if step == 6:
            assert names(tmp_path) == {"checkpoint-2", "checkpoint-4", "checkpoint-6"}
        if step == 8:  # the one before it still needs its best
            assert names(tmp_path) == {"checkpoint-2", "checkpoint-6", "checkpoint-8"}
    assert names(tmp_path) == {"checkpoint-8", "checkpoint-10", "checkpoint-12"}


def test_a_run_goes_on_from_the_newest(kept):
    found = newest(kept)
    assert found is not None
    assert found.state.step == 6
    assert found.weights()["w"].tolist() == [6, 6, 6]


def test_no_checkpoint_is_none(tmp_path):
    assert newest(tmp_path) is None


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(kept, caplog):
    damage(kept, 6)
    found = newest(kept)
    assert found is not None
    assert found.state.step == 4
    assert "checkpoint-6 is damaged: weights.safetensors" in caplog.text
    assert names(kept) == {"checkpoint-2", "checkpoint-4", "damaged-checkpoint-6"}


def test_what_is_set_aside_never_covers_another(kept):
    for _ in range(3):
        damage(kept, 6)
        found = newest(kept)
        assert found is not None
        checkpoints = Checkpoints(kept, DIGEST)
        save(checkpoints, 6, best=2)
        checkpoints.close()
    assert {"damaged-checkpoint-6", "damaged-checkpoint-6-2", "damaged-checkpoint-6-3"} <= names(
        kept
    )


def test_a_checkpoint_whose_best_is_damaged_cannot_be_used(kept, caplog):
    damage(kept, 2)
    assert newest(kept) is None
    assert "checkpoint-6 cannot be used, since the best one so far, checkpoint-2" in caplog.text


def test_all_damaged_starts_again(kept):
    for step in (2, 4, 6):
        damage(kept, step)
    assert newest(kept) is None


def test_checkpoints_found_again_are_kept_and_removed_as_before(kept):
    checkpoints = Checkpoints(kept, DIGEST)
    assert checkpoints.newest() is not None
    save(checkpoints, 8, best=8)
    save(checkpoints, 10, best=8)
    assert names(kept) == {"checkpoint-8", "checkpoint-10"}


def test_leftovers_of_a_kill_are_removed(kept):
    (kept / ".checkpoint-8.ab12").mkdir()
    Checkpoints(kept, DIGEST)
    assert not [name for name in names(kept) if name.startswith(".")]


def test_a_folder_that_another_run_works_in_is_refused(kept):
    checkpoints = Checkpoints(kept, DIGEST)
    with pytest.raises(ConfigurationError, match="another run works in this folder"):
        Checkpoints(kept, DIGEST)
    checkpoints.close()
    assert newest(kept) is not None


def test_the_folder_of_another_run_is_refused(kept):
    with pytest.raises(ConfigurationError, match="checkpoints of a run with other data"):
        Checkpoints(kept, "e" * 64)


def test_a_checkpoint_damaged_while_the_run_went_on_is_told(kept):
    damage(kept, 2)
    with pytest.raises(MachineError, match="checkpoint-2: weights"):
        Checkpoints(kept, DIGEST).at(2)


def test_a_failure_in_the_background_is_raised(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, DIGEST)

    def fail(*_):
        raise MachineError("no space")

    monkeypatch.setattr("tuneline.training.checkpoints.keeper.write_checkpoint", fail)
    state = RunState(step=1, steps=9, world=1, tokens_per_device=8, trained_per_device=8)
    checkpoints.save(state, tensors(1), in_background=True)
    with pytest.raises(MachineError, match="no space"):
        checkpoints.wait()


@pytest.mark.parametrize("kind", [gs_store, s3_store], ids=["gs", "s3"])
def test_another_machine_goes_on_from_the_store(kind, tmp_path, caplog):
    with kind() as (uri, _):
        store = CheckpointStore(f"{uri}/runs", DIGEST)
        checkpoints = Checkpoints(tmp_path / "one", DIGEST, store)
        for step, best in [(2, 2), (4, 2), (6, 2), (8, 8), (10, 8)]:
            save(checkpoints, step, best)
        checkpoints.close()
        assert store.steps() == {8, 10}
        assert CheckpointStore(f"{uri}/runs", "e" * 64).steps() == set()
        found = newest(tmp_path / "two", store)
        assert found is not None
        assert found.state.step == 10
        assert found.path.parent == tmp_path / "two"
        assert names(tmp_path / "two") == {"checkpoint-8", "checkpoint-10"}
        shutil.rmtree(tmp_path / "two")
        filesystem, root = fsspec.core.url_to_fs(f"{uri}/runs/{DIGEST[:16]}")
        filesystem.pipe_file(f"{root}/checkpoint-10/state.json", b"torn")
        older = newest(tmp_path / "two", store)
        assert older is not None
        assert older.state.step == 8
        assert "checkpoint-10 is damaged: state.json" in caplog.text


class _Slow(CheckpointStore):
    """A store whose uploads wait until they may go on."""

    def __init__(self, name: str) -> None:
        super().__init__(f"memory://{name}", DIGEST)
        self.started, self.may_go_on = threading.Event(), threading.Event()
        self.uploaded: list[str] = []

    def upload(self, path: Path) -> None:
        self.started.set()
        assert self.may_go_on.wait(30)
        super().upload(path)
        self.uploaded.append(path.name)


def test_a_slow_store_gets_the_newest_and_holds_nothing_up(tmp_path):
    store = _Slow("slow")
    checkpoints = Checkpoints(tmp_path, DIGEST, store)
    save(checkpoints, 1, best=1)
    assert store.started.wait(30)
    for step in range(2, 9):
        save(checkpoints, step, best=step - 1)
    # What is being copied stays for as long; the rest goes as ever.
    assert names(tmp_path) == {f"checkpoint-{step}" for step in (1, 6, 7, 8)}
    store.may_go_on.set()
    checkpoints.close()
    assert store.uploaded == [f"checkpoint-{step}" for step in (1, 6, 7, 8)]
    assert store.steps() == {6, 7, 8}


def test_what_was_copied_in_part_is_removed_in_the_end(tmp_path):
    store = CheckpointStore("memory://leftovers", DIGEST)
    store._filesystem.pipe_file(f"{store._root}/checkpoint-1/state.json", b"{}")
    checkpoints = Checkpoints(tmp_path, DIGEST, store)
    save(checkpoints, 2, best=2)
    checkpoints.close()
    assert {step for step, _ in store._found()} == {2}


def test_a_damaged_copy_is_written_again(tmp_path, caplog):
    store = CheckpointStore("memory://damaged", DIGEST)
    one = Checkpoints(tmp_path / "one", DIGEST, store)
    for step in (10, 20):
        save(one, step, best=step)
    one.close()
    store._filesystem.pipe_file(f"{store._root}/checkpoint-20/weights.safetensors", b"torn")
    two = Checkpoints(tmp_path / "two", DIGEST, store)
    found = two.newest()
    assert found is not None
    assert found.state.step == 10
    for step in (20, 30, 40):
        save(two, step, best=20)
    two.close()
    again = newest(tmp_path / "three", store)
    assert again is not None
    assert again.state.step == 40


def test_a_closed_run_copies_nothing_more(tmp_path, caplog):
    store = _Slow("closed")
    checkpoints = Checkpoints(tmp_path, DIGEST, store)
    save(checkpoints, 1, best=1)
    assert store.started.wait(30)
    save(checkpoints, 2, best=2)
    began = time.monotonic()
    checkpoints.close(0.1)
    assert time.monotonic() - began < 5
    assert "was not copied in time" in caplog.text
    checkpoints.close()
    store.may_go_on.set()
    (copies,) = [one for one in threading.enumerate() if one.name == f"copies of {tmp_path}"]
    copies.join(30)
    assert not copies.is_alive()
    assert store.uploaded == ["checkpoint-1"]


def test_a_process_ends_while_a_copy_hangs(tmp_path):
    program = f"""
import torch
from pathlib import Path
from tests.training.checkpoints.test_keeper import DIGEST, Checkpoints, _Slow, save
store = _Slow("hangs")
checkpoints = Checkpoints(Path({str(tmp_path)!r}), DIGEST, store)
save(checkpoints, 1, best=1)
assert store.started.wait(30)
checkpoints.close(0.1)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=25)
    assert names(tmp_path) == {"checkpoint-1"}


def test_a_checkpoint_that_was_uploaded_in_part_is_not_seen(tmp_path):
    store = CheckpointStore("memory://part", DIGEST)
    save(Checkpoints(tmp_path, DIGEST), 3, best=0)
    filesystem = store._filesystem
    for name in ("weights.safetensors", "state.json"):
        filesystem.put_file(
            str(tmp_path / "checkpoint-3" / name), f"{store._root}/checkpoint-3/{name}"
        )
    assert store.steps() == set()
    store.upload(tmp_path / "checkpoint-3")
    assert store.steps() == {3}


class _Broken:
    """A store that fails some times, then works."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def put_file(self, *_):
        if self.failures:
            self.failures -= 1
            raise OSError("reset by peer")


def test_an_upload_is_tried_again(tmp_path, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("tuneline.training.checkpoints.store.time.sleep", waits.append)
    store = CheckpointStore("memory://broken", DIGEST)
    (tmp_path / "manifest.json").touch()
    monkeypatch.setattr(store, "_filesystem", _Broken(3))
    store.upload(tmp_path)
    assert waits == [1, 2, 4]
    monkeypatch.setattr(store, "_filesystem", _Broken(99))
    with pytest.raises(ServiceError, match="cannot be written .reset by peer"):
        store.upload(tmp_path)


def test_an_upload_that_fails_is_said_and_does_not_end_the_run(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("tuneline.training.checkpoints.store.time.sleep", lambda _: None)
    store = CheckpointStore("memory://broken", DIGEST)
    checkpoints = Checkpoints(tmp_path, DIGEST, store)
    monkeypatch.setattr(store, "_filesystem", _Broken(99))
    save(checkpoints, 2, best=2)
    checkpoints.close()
    assert "checkpoint-2 not copied" in caplog.text
    assert names(tmp_path) == {"checkpoint-2"}


def test_a_store_that_does_not_answer_is_no_fresh_start(tmp_path, monkeypatch):
    monkeypatch.setattr("tuneline.training.checkpoints.store.time.sleep", lambda _: None)
    store = CheckpointStore("memory://silent", DIGEST)

    def fail(_):
        raise OSError("no route")

    monkeypatch.setattr(store, "_files", fail)
    with pytest.raises(ServiceError, match="cannot be listed"):
        newest(tmp_path, store)


def test_a_scheme_that_is_not_known_is_refused():
    with pytest.raises(ConfigurationError, match="checkpoint_uri: nowhere://x"):
        CheckpointStore("nowhere://x", DIGEST)
