"""Runs the command line in this process, which has imported the clients of services already."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tuneline.cli.main import main


class Finished(NamedTuple):
    """What a command left."""

    code: int
    stdout: str
    stderr: str


Command = Callable[..., Finished]


def in_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """A function that runs ``tuneline`` with its arguments in a folder."""
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> Finished:
        logger = logging.getLogger("tuneline")
        before, code = list(logger.handlers), 0
        monkeypatch.setattr(sys, "argv", ["tuneline", *arguments])
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            logger.handlers[:] = before
        return Finished(code, *capsys.readouterr())

    return run


def write_data(folder: Path) -> Path:
    """Write a file of labeled examples, to be sent somewhere."""
    path = folder / "lamps.jsonl"
    path.write_text('{"prompt": "which lamp?", "completion": "red"}\n' * 3)
    return path
