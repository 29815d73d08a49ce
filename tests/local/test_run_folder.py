"""Every run has a folder of its own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tuneline.errors import MachineError
from tuneline.local.run import new_run_folder


def test_runs_that_begin_at_once_have_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: new_run_folder(tmp_path / "runs", "tuning"), range(16)))
    assert len(set(made)) == 16
    assert all(folder.is_dir() for folder in made)


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(MachineError, match="cannot be written"):
        new_run_folder(tmp_path / "runs", "tuning")
