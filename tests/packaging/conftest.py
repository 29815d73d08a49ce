"""The distributions, built once from a copy of the repository, and a fresh environment."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packaging.steps import REPOSITORY, run, source_files


@dataclass(frozen=True)
class Distributions:
    """What was built."""

    source: Path
    sdist: Path
    wheel_from_sdist: Path
    wheel_from_source: Path


@dataclass(frozen=True)
class Installed:
    """A fresh environment with the wheel in it, and a folder far from the repository."""

    python: Path
    command: Path
    folder: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Build the sdist, a wheel from it, and a wheel straight from the source."""
    folder = tmp_path_factory.mktemp("distributions")
    source = folder / "source"
    for path in source_files():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / path, source / path, follow_symlinks=False)
    by_sdist, direct = folder / "by_sdist", folder / "direct"
    run(sys.executable, "-m", "build", "--outdir", by_sdist, source, cwd=folder)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", direct, source, cwd=folder)
    [sdist], [first], [second] = (
        by_sdist.glob("*.tar.gz"),
        by_sdist.glob("*.whl"),
        direct.glob("*.whl"),
    )
    return Distributions(source, sdist, first, second)


@pytest.fixture(scope="session")
def installed(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel with what pipelines need, and nothing else, in a fresh environment."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    run(
        *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--constraint", REPOSITORY / "constraints.txt"),
        f"{distributions.wheel_from_sdist}[pipelines]",
        cwd=folder,
    )
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return Installed(python, python.with_name("tuneline"), elsewhere)
