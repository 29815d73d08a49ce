"""Single containers on a real engine: their end, their files, what images cannot spoil."""

import io
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from kfp import dsl

from tuneline.errors import MachineError
from tuneline.local.docker.container import run_container
from tuneline.local.docker.mounts import Place, without_nested
from tuneline.local.docker.paths import folders_read
from tuneline.local.docker.plan import Plan
from tuneline.local.docker.stopping import Stopping
from tuneline.local.docker.tasks import Containers

pytestmark = pytest.mark.containers


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    engine = docker.from_env()
    yield engine
    engine.close()


def run(client: docker.DockerClient, image: str, *command: str, **options: Any) -> int:
    name = "tuneline-test-container"
    code = run_container(client, image, command, name, Stopping(), **options)
    assert name not in [each.name for each in client.containers.list(all=True)]
    return code


def test_twenty_tasks_that_fail_at_once_are_all_reported_failed(client, components_image, tmp_path):
    """KFP's own function takes some of these for successes."""
    from kfp import local

    @dsl.container_component
    def fails():
        return dsl.ContainerSpec(image=components_image, command=["sh", "-c", "exit 3"])

    plan = Plan({components_image: components_image}, frozenset(), "", (), {}, {}, {})
    failures = 0
    with (tmp_path / "log.txt").open("w") as log, Containers(plan).engaged(tmp_path, log) as runner:
        root = tmp_path / "kfp"
        root.mkdir()
        for _ in range(20):
            local.init(runner=runner, pipeline_root=str(root))
            with pytest.raises(RuntimeError, match="FAILURE"):
                fails()
            failures += 1
    assert failures == 20


def test_entry_point_of_an_image_is_not_run(client, components_image):
    image = "tuneline/with-entry-point:test"
    text = f'FROM {components_image}\nENTRYPOINT ["echo"]\n'
    client.images.build(fileobj=io.BytesIO(text.encode()), tag=image, rm=True)
    try:
        assert run(client, image, "sh", "-c", "exit 5") == 5
    finally:
        client.images.remove(image, force=True)


def test_memory_that_runs_out_is_said(client, components_image):
    with pytest.raises(MachineError, match="memory ran out"):
        run(client, components_image, "python3", "-c", "b'x' * 10**9", mem_limit="64m")


def test_bytes_that_are_no_text_do_no_harm(client, components_image, capsys):
    assert run(client, components_image, "printf", r"\377a\n\303\251\nb") == 0
    assert capsys.readouterr().out == "\ufffda\n\u00e9\nb\n"


def test_what_links_lead_to_is_seen_and_nothing_can_be_written(client, components_image, tmp_path):
    """Links of files, of folders, in a row, absolute and relative, one mount within another."""
    for name in ("data", "far", "very far:away"):
        (tmp_path / name).mkdir()
    (tmp_path / "very far:away" / "end.txt").write_text("the end\n")
    (tmp_path / "far" / "step").symlink_to(tmp_path / "very far:away")
    (tmp_path / "data" / "file").symlink_to("../far/step/end.txt")
    (tmp_path / "data" / "folder").symlink_to(tmp_path / "far" / "step")
    arguments = {"data": "data", "base_model": "data/folder", "more": ["data/folder/end.txt"]}
    places = without_nested(Place.same(path) for path in folders_read(arguments, tmp_path))
    mounts = [place.mount() for place in places]
    script = (
        'set -e; for name in data/file data/folder/end.txt; do test "$(cat $name)" = "the end"; '
        "done; if touch data/new 2>/dev/null; then exit 9; fi"
    )
    code = run(
        client,
        components_image,
        "sh",
        "-c",
        script,
        mounts=mounts,
        working_dir=str(tmp_path),
        user="0:0",
    )
    assert code == 0
    assert not (tmp_path / "data" / "new").exists()
