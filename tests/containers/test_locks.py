"""The lock files of the images: every file by its hash, at the versions that the tests run with."""

import re

import pytest

from containers.images import LOCKS, ROOT

_PINNED = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>\S+)")


def entries(text: str) -> dict[str, str]:
    """What is pinned, each with its own lines."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    starts = [place for place, line in enumerate(lines) if not line.startswith(" ")]
    ends = [*starts[1:], len(lines)]
    return {lines[a].split()[0]: "\n".join(lines[a:b]) for a, b in zip(starts, ends, strict=True)}


@pytest.fixture(params=LOCKS, ids=lambda lock: lock.path)
def lock(request):
    return request.param


def test_every_file_is_known_by_its_hash(lock):
    found = entries(lock.file.read_text())
    assert found
    for pinned, text in found.items():
        assert _PINNED.fullmatch(pinned), pinned
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", text), pinned


def test_no_address_stands_in_it(lock):
    text = lock.file.read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_versions_are_those_of_the_constraints(lock):
    tested = dict(line.split("==") for line in constraints())
    for pinned in entries(lock.file.read_text()):
        name, version = pinned.split("==")
        assert tested.get(name, version) == version.partition("+")[0], "run `make locks`"


def constraints() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [re.sub(r"[._-]+(?=.*==)", "-", line.lower()) for line in lines if "==" in line]


def test_everything_that_the_project_asks_for_is_locked(lock):
    names = {pinned.partition("==")[0] for pinned in entries(lock.file.read_text())}
    wanted = (
        {"pyarrow", "pydantic", "typer"} if lock.extras else {lock.requirements[0].split(">")[0]}
    )
    assert wanted <= names
