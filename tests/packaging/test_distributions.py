"""What is in the wheel and in the sdist."""

import tarfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

from tests.packaging.steps import source_files

pytestmark = pytest.mark.packaging

LINKED = ("components", "pipelines", "examples")


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def expected() -> set[str]:
    """Where each source file of the package has to be in the wheel."""
    names = set()
    for path in map(PurePosixPath, source_files()):
        if path.parts[:2] == ("src", "tuneline") and path.parts[2] not in LINKED:
            names.add(str(path.relative_to("src")))
        elif path.parts[0] in LINKED:
            names.add(f"tuneline/{path}")
    return names


def test_wheel_holds_every_file_of_the_package(distributions):
    assert expected() - names_in(distributions.wheel_from_sdist) == set()


def test_wheel_holds_nothing_else(distributions):
    extra = names_in(distributions.wheel_from_sdist) - expected()
    assert {name for name in extra if ".dist-info/" not in name} == set()


@pytest.mark.parametrize(
    "pattern",
    [
        "tuneline/components/*/component.py",
        "tuneline/pipelines/check.py",
        "tuneline/pipelines/specs/supervised_tuning.yaml",
        "tuneline/pipelines/specs/method_comparison.yaml",
        "tuneline/report/*.css",
        "tuneline/report/*.html",
        "tuneline/data/*.html",
        "tuneline/evaluation/*.html",
        "tuneline/training/embedded/*.safetensors",
        "tuneline/training/embedded/tokenizer.json",
        "tuneline/examples/support_tickets/tickets.jsonl",
        "tuneline/examples/shop_queries/shop.sqlite",
        "tuneline/evaluation/report/page.html",
        "tuneline/evaluation/report/filter.js",
        "tuneline/py.typed",
        "tuneline-*.dist-info/licenses/LICENSE",
        "tuneline-*.dist-info/entry_points.txt",
    ],
)
def test_wheel_holds_what_a_user_needs(distributions, pattern):
    assert [name for name in names_in(distributions.wheel_from_sdist) if fnmatch(name, pattern)]


def test_wheel_from_the_source_is_the_same(distributions):
    contents = []
    for wheel in (distributions.wheel_from_sdist, distributions.wheel_from_source):
        with zipfile.ZipFile(wheel) as archive:
            contents.append({item.filename: item.CRC for item in archive.infolist()})
    assert contents[0] == contents[1]


def test_sdist_holds_files_where_the_checkout_has_links(distributions):
    with tarfile.open(distributions.sdist) as archive:
        members = archive.getmembers()
    assert not [member.name for member in members if member.issym()]
    names = {
        PurePosixPath(member.name).relative_to(PurePosixPath(member.name).parts[0])
        for member in members
    }
    for linked in ("components/__init__.py", "pipelines/check.py"):
        assert PurePosixPath("src/tuneline") / linked in names
