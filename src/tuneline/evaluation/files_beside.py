"""Files that metrics need beside the predictions: a database, tests, a schema."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tuneline.data.sources.fetch import fetch
from tuneline.data.sources.locate import Remote, locate
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.evaluation.settings import EvaluationSettings

_FIELDS = ("database", "code_tests", "answer_schema")


@contextmanager
def files_here(settings: EvaluationSettings) -> Iterator[EvaluationSettings]:
    """Yield the settings with every file on this machine; those of stores are fetched.

    Raises:
        ConfigurationError: Lists every file that is not there, or is several files.
        ServiceError: A store could not be read.
    """
    with TemporaryDirectory(prefix="tuneline-") as folder:
        found: dict[str, str] = {}
        problems: list[str] = []
        for field in _FIELDS:
            if uri := getattr(settings, field):
                try:
                    found[field] = str(_here(uri, Path(folder) / field))
                except ConfigurationError as error:
                    problems.extend(f"{field}: {problem}" for problem in error.problems)
        if problems:
            raise ConfigurationError(problems)
        yield settings.model_copy(update=found)


def _here(uri: str, target: Path) -> Path:
    if "://" not in uri:
        path = Path(uri).expanduser()
        if not path.is_file():
            raise ConfigurationError(
                f"{uri}: there is no such file. Paths start at the current folder, {Path.cwd()}."
            )
        return path
    files = [file for file in locate(uri) if isinstance(file, Remote)]
    if len(files) != 1:
        raise ConfigurationError(f"{uri}: names {len(files)} files. Give the URI of one.")
    target.mkdir()
    path = target / Path(files[0].path).name  # its suffix may tell its format
    fetch([(files[0], path)])
    return path
