"""Folders of programs, whatever they leave in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuneline.errors import MachineError
from tuneline.evaluation.sandbox.folder import is_over, work_folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_removed_with_all_that_is_in_it(place):
    outside = place / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    with work_folder(None) as folder:
        top = Path(folder)
        (top / "a/b/c").mkdir(parents=True)
        (top / ".0/.1").mkdir(parents=True)  # names that moving up uses
        (top / "a/link").symlink_to(outside)
        (top / ".2").symlink_to("/nowhere")
        (top / "a/b/file").write_text("x")
        os.mkfifo(top / "a/pipe")
        (top / "a/b").chmod(0)
    assert [path.name for path in place.iterdir()] == ["outside"]
    assert (outside / "kept").read_text() == "kept"


def test_folders_deeper_than_a_path_can_name_are_removed(place):
    here = os.open(".", os.O_RDONLY)
    try:
        with work_folder(None) as folder:
            os.chdir(folder)
            for _ in range(900):
                Path("deep").mkdir()
                os.chdir("deep")
            os.fchdir(here)
            assert is_over(folder, 10**9, 10**9)
    finally:
        os.fchdir(here)
        os.close(here)
    assert list(place.iterdir()) == []


def test_what_is_in_a_folder_is_counted(place):
    with work_folder(None) as folder:
        assert not is_over(folder, 100_000, 2)
        (Path(folder) / "a").mkdir()
        (Path(folder) / "a/file").write_bytes(bytes(50_000))
        assert not is_over(folder, 100_000, 2)
        assert is_over(folder, 40_000, 2)
        assert is_over(folder, 100_000, 1)
        assert not is_over(f"{folder}/gone", 0, 0)


def test_a_folder_that_cannot_be_made_is_an_error_of_the_machine(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(MachineError, match="/nowhere"), work_folder(None):
        pytest.fail("there is no such folder")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_folder_belongs_to_its_program(place):
    with work_folder(65534) as folder:
        found = Path(folder).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65534, 65534, 0o700)
