"""Answers that were paid for are found again, whatever happened."""

from __future__ import annotations

import multiprocessing
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuneline.errors import ConfigurationError, MachineError, ServiceError
from tuneline.prediction.journal import Journal, request_key

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.fixture
def store() -> Iterator[str]:
    place = f"memory://journal-{uuid.uuid4()}"
    yield place
    if fsspec.filesystem("memory").exists(place):
        fsspec.filesystem("memory").rm(place, recursive=True)


def key(number: int) -> str:
    return request_key({"number": number})


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


@given(answers=st.dictionaries(st.text(), st.dictionaries(st.text(), JSON), max_size=5))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_kept_is_found_again(tmp_path_factory: pytest.TempPathFactory, answers):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    for each, answer in answers.items():
        journal.add(each, answer)
    again = Journal(folder)
    assert {each: again[each] for each in answers} == answers
    assert len(again) == len(answers)


@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), JSON))
def test_keys_differ_where_requests_differ(first, second):
    assert (request_key(first) == request_key(second)) == (repr(_ordered(first)) == repr(
        _ordered(second)))  # fmt: skip
    assert request_key(first) == request_key(dict(reversed(first.items())))


def _ordered(value):
    if isinstance(value, dict):
        return sorted((name, _ordered(each)) for name, each in value.items())
    return [_ordered(each) for each in value] if isinstance(value, list) else value


def test_an_answer_is_on_the_disk_before_the_next_is_asked(tmp_path: Path):
    journal = Journal(tmp_path)
    for number in range(3):
        journal.add(key(number), {"text": "x"})
        assert len(Journal(tmp_path)) == number + 1
    assert len(files(tmp_path)) == 1


def test_the_first_answer_stays(tmp_path: Path):
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.add(key(1), {"text": "first"})
    first.add(key(1), {"text": "again"})
    second.add(key(1), {"text": "of another process"})
    assert first[key(1)] == {"text": "first"}
    assert Journal(tmp_path)[key(1)] == {"text": "first"}


@given(data=st.data())
@settings(max_examples=30)
def test_a_line_cut_off_anywhere_is_told_and_costs_no_other(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    for number in range(3):
        journal.add(key(number), {"text": f"lamp {number}"})
    (file,) = files(folder)
    content = file.read_bytes()
    last = len(content.splitlines(keepends=True)[-1])
    file.write_bytes(content[: len(content) - data.draw(st.integers(1, last))])
    again = Journal(folder)
    assert [key(number) in again for number in range(3)] == [True, True, False]
    again.add(key(2), {"text": "lamp 2"})
    assert len(Journal(folder)) == 3


@given(data=st.data())
@settings(max_examples=60)
def test_a_changed_line_is_never_believed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    folder = tmp_path_factory.mktemp("journal")
    Journal(folder).add(key(1), {"text": "the red lamp"})
    (file,) = files(folder)
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 2))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    believed = Journal(folder)
    assert len(believed) == 0 or believed[key(1)] == {"text": "the red lamp"}


def test_what_is_not_believed_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    journal = Journal(tmp_path)
    for number in range(4):
        journal.add(key(number), {"text": "x"})
    (file,) = files(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    broken = [b"[]\n", b'{"key": 1}\n', lines[1].replace(b'"x"', b'"y"'), b"\xff\n"]
    file.write_bytes(b"".join([lines[0], *broken, lines[3], lines[2][:9]]))
    assert len(Journal(tmp_path)) == 2
    assert f"{file}: 4 corrupt lines are not believed" in caplog.text
    assert "1 answers were cut off" in caplog.text


def _write(folder: str, start: int) -> None:
    journal = Journal(folder)
    for number in range(start, start + 50):
        journal.add(key(number), {"number": number})


def test_processes_share_a_folder(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(str(tmp_path), 25 * i)) for i in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    journal = Journal(tmp_path)
    assert [journal[key(number)] for number in range(100)] == [
        {"number": number} for number in range(100)
    ]


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(MachineError, match="file"):
        Journal(tmp_path / "file" / "journal")


def test_a_store_gathers_answers(store: str):
    journal = Journal(store, flush_every=3, flush_after_s=60)
    for number in range(7):
        journal.add(key(number), {"number": number})
    assert len(Journal(store)) == 6  # a kill here loses the one that waits
    with journal:
        assert journal[key(6)] == {"number": 6}
    assert len(Journal(store)) == 7
    assert len(fsspec.filesystem("memory").find(store)) == 3


def test_a_store_is_written_in_time(store: str):
    Journal(store, flush_every=100, flush_after_s=0.05).add(key(1), {"number": 1})
    end = time.monotonic() + 10
    while key(1) not in Journal(store):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_store_that_fails_loses_nothing(store: str, monkeypatch: pytest.MonkeyPatch):
    journal = Journal(store, flush_every=2, flush_after_s=60)
    filesystem = fsspec.filesystem("memory")

    def fail(*_: object) -> None:
        raise OSError("quota")

    with monkeypatch.context() as broken:
        broken.setattr(type(filesystem), "pipe_file", fail)
        journal.add(key(1), {"number": 1})
        with pytest.raises(ServiceError, match=r"2 answers cannot be written .*quota"):
            journal.add(key(2), {"number": 2})
    journal.flush()
    assert len(Journal(store)) == 2


def test_a_kind_of_uri_that_nobody_knows():
    with pytest.raises(ConfigurationError, match="nowhere://x: its filesystem cannot be opened"):
        Journal("nowhere://x")
