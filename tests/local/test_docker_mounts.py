"""Every place that parameters name is seen in a container, at its own path, and no other."""

import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.local.container_view import ContainerView
from tuneline.errors import ConfigurationError
from tuneline.local.docker.mounts import Place, volumes, without_nested
from tuneline.local.docker.paths import folders_read, require_mountable, with_home

NAMES = st.sampled_from(["a", "b c", "d:e", "f", "l"])
RELATIVE = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def view(arguments: dict[str, object], here: Path, *further: Place) -> ContainerView:
    read = [Place.same(path) for path in folders_read(arguments, here)]
    return ContainerView(without_nested([*read, *further]))


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """Names of files, and links by name and target."""
    files = draw(st.lists(RELATIVE, min_size=1, max_size=5))
    links = draw(st.lists(st.tuples(RELATIVE, RELATIVE), max_size=4))
    return files, links


def made(folder: Path, files: list[str], links: list[tuple[str, str]]) -> None:
    for name in files:
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        except OSError:  # a file where a folder should be
            continue
    for number, (name, target) in enumerate(links):
        place = folder / f"link{number}-{name.replace('/', '-')}"
        absolute = number % 2 == 0
        place.symlink_to(folder / target if absolute else target)


@settings(max_examples=80)
@given(trees())
def test_whatever_is_named_is_seen_as_it_is_here(tree):
    with tempfile.TemporaryDirectory(prefix="tree-") as temporary:
        here = Path(temporary).resolve()
        made(here, *tree)
        for path in here.rglob("*"):
            if not path.exists():
                continue
            named = str(path.relative_to(here))
            inside = view({"data": named, "registry": "x"}, here)
            assert inside.file(path) == path.resolve()
            assert not inside.writable(path)
            if path.is_dir():
                for below in path.iterdir():
                    if below.exists() and below.resolve() != path.resolve():
                        assert inside.file(below) == below.resolve()


PLACES = st.lists(st.tuples(RELATIVE, st.booleans()), max_size=8)


@settings(max_examples=80)
@given(PLACES)
def test_nested_places_are_left_out_and_rights_stay(given_places):
    with tempfile.TemporaryDirectory(prefix="places-") as temporary:
        root = Path(temporary).resolve()
        places = [Place.same(root / name, writable=writable) for name, writable in given_places]
        for place in places:
            place.source.mkdir(parents=True, exist_ok=True)
        kept = without_nested(places)
        inside = ContainerView(kept)
        for place in places:
            around = [each for each in places if place.target.is_relative_to(each.target)]
            nearest = max(len(each.target.parts) for each in around)
            rights = any(each.writable for each in around if len(each.target.parts) == nearest)
            assert inside.file(place.target) == place.source
            assert inside.writable(place.target) == rights
    for place, after in pairwise(kept):
        if after.target.is_relative_to(place.target):
            assert after.writable != place.writable


def test_a_file_brings_its_folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.jsonl").touch()
    (tmp_path / "data" / "picture.png").touch()
    assert folders_read({"data": "data/rows.jsonl"}, tmp_path) == [tmp_path / "data"]


def test_values_are_found_however_deep_they_lie(tmp_path):
    for name in ("rows", "more", "model", "schema", "own", "code"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.py").touch()
    found = folders_read(
        {
            "data": f"file://{tmp_path}/rows/file.py",
            "data_settings": {"mixture": {"more/file.py": 0.5}},
            "overrides": {"pet": {"continue_from": str(tmp_path / "model")}},
            "evaluation_settings": {
                "metrics": ["own/file.py:politeness", "rouge1"],
                "answer_schema": "schema/file.py",
                "code": ["code.file:score"],
            },
            "shots": [0, 4],
            "seed": 1,
        },
        tmp_path,
    )
    assert found == [tmp_path / name for name in ("rows", "more", "model", "own", "schema", "code")]


def test_what_names_nothing_mounts_nothing(tmp_path):
    (tmp_path / "pet").mkdir()
    values = {
        "data": "gs://bucket/rows.jsonl",
        "base_model": "Qwen/Qwen3-0.6B",
        "method": "pet",
        "prompt_template": "/",
        "data_settings": {
            "system_template": f"A text\nof many words {tmp_path}",
            "labels": ["", "x" * 9999],
        },
        "evaluation_settings": {"task": "\0"},
    }
    assert folders_read(values, tmp_path) == []


def test_patterns_bring_the_folder_in_front_of_them(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "3.jsonl").touch()
    (tmp_path / "a" / "b" / "1.jsonl").touch()
    (tmp_path / "a" / "2.jsonl").symlink_to(tmp_path / "elsewhere" / "3.jsonl")
    assert folders_read({"data": "a/*/?.jsonl"}, tmp_path) == [
        tmp_path / "a",
        tmp_path / "elsewhere",
    ]
    inside = view({"data": "a/**/*.jsonl"}, tmp_path)
    for name in ("a/b/1.jsonl", "a/2.jsonl"):
        assert inside.file(tmp_path / name) == (tmp_path / name).resolve()
    assert folders_read({"data": "a/*.csv"}, tmp_path) == []


def test_snapshot_of_a_model_hub_brings_its_blobs(tmp_path):
    """Its files are links to another folder, by content."""
    snapshot = tmp_path / "hub" / "snapshots" / "abc"
    blobs = tmp_path / "hub" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "123").write_text("{}")
    (snapshot / "config.json").symlink_to("../../blobs/123")
    inside = view({"base_model": str(snapshot)}, Path("/"))
    assert inside.file(snapshot / "config.json") == blobs / "123"


def test_links_into_the_system_are_not_followed(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "python3").symlink_to("/usr/bin/env")
    (tmp_path / "data" / "all").symlink_to("/")
    assert folders_read({"data": "data"}, tmp_path) == [tmp_path / "data"]


@pytest.mark.parametrize("folder", ["/", "/usr", "/etc", "/tmp", "/proc/1", "/dev/shm", "/var/run"])
def test_folders_of_the_system_are_refused(folder, tmp_path):
    with pytest.raises(ConfigurationError, match=f"data: {folder}: is a folder of the system"):
        folders_read({"data": folder}, tmp_path)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(ConfigurationError, match=r"overrides\.pet\.0: .*of the system"):
        folders_read({"overrides": {"pet": ["link"]}}, tmp_path)
    with pytest.raises(ConfigurationError, match="of the system"):
        require_mountable(Path(folder))


def test_every_refused_parameter_is_listed(tmp_path):
    with pytest.raises(ConfigurationError) as refused:
        folders_read({"data": "/usr", "base_model": "/etc", "test_data": "/proc/cpuinfo"}, tmp_path)
    assert len(refused.value.problems) == 3


def test_file_right_in_a_folder_of_the_system_comes_alone():
    with tempfile.NamedTemporaryFile(dir="/tmp", suffix=".jsonl") as file:
        assert folders_read({"data": file.name}, Path("/")) == [Path(file.name)]


def test_steps_back_are_taken_at_the_start_alone(tmp_path):
    here = tmp_path / "a" / "here"
    here.mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "rows.jsonl").touch()
    assert folders_read({"data": "../../b/rows.jsonl"}, here) == [tmp_path / "b"]
    with pytest.raises(ConfigurationError, match=r"write it without '..' in its middle"):
        folders_read({"data": "../../a/../b/rows.jsonl"}, here)


def test_home_is_written_out_where_it_names_something(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rows.jsonl").touch()
    given_values = {"data": "~/rows.jsonl", "more": ["~/absent", {"~/rows.jsonl": "~"}]}
    assert with_home(given_values) == {
        "data": f"{tmp_path}/rows.jsonl",
        "more": ["~/absent", {f"{tmp_path}/rows.jsonl": str(tmp_path)}],
    }


def test_place_that_tasks_write_to_stays_writable_in_one_they_read(tmp_path):
    (tmp_path / "registry").mkdir()
    (tmp_path / "rows.jsonl").touch()
    registry = Place.same(tmp_path / "registry", writable=True)
    inside = view({"data": "rows.jsonl"}, tmp_path, registry)
    assert inside.writable(tmp_path / "registry")
    assert not inside.writable(tmp_path / "rows.jsonl")


def test_volumes_of_kfp_become_mounts_whatever_their_paths_hold():
    (place,) = volumes({"/runs/a:b c/kfp": {"bind": "/runs/a:b c/kfp", "mode": "rw,z"}})
    mount = place.mount()
    assert mount["Source"] == mount["Target"] == "/runs/a:b c/kfp"
    assert mount["Type"] == "bind"
    assert mount["ReadOnly"] is False
    (read_only,) = volumes({"/a": {"bind": "/b", "mode": "ro"}})
    assert (read_only.mount()["Target"], read_only.mount()["ReadOnly"]) == ("/b", True)
