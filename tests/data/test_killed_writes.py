"""A run that is killed, or that the machine refuses, leaves no half file and can be repeated."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.data.accounting import require_claims_hold, visible_files
from tests.data.source_files import names_in, pairs, prepare_into, write_jsonl
from tuneline.errors import MachineError

pytestmark = pytest.mark.slow  # over a hundred processes

SETTINGS = {"near_duplicates": "off", "exports": ["gemini_jsonl"], "workers": 1}


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in visible_files(folder)}


def hidden_names(folder):
    """What a run that could clean up after itself has left behind."""
    return [name for name in names_in(folder) if name.startswith(".")]


def require_nothing_half(folder):
    """Every file under its final name is whole, and a manifest describes what stands beside it."""
    for path in visible_files(folder):
        if path.suffix == ".parquet":
            pq.read_table(path)
        elif path.suffix == ".jsonl":
            content = path.read_bytes()
            assert content.endswith(b"\n") or not content
            assert all(json.loads(line) for line in content.splitlines())
        elif path.suffix == ".html":
            assert path.read_text().rstrip().endswith("</html>")
    if (folder / "manifest.json").exists():
        require_claims_hold(folder)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Data, what an undisturbed run makes of it, and what a former run made of other data."""
    folder = tmp_path_factory.mktemp("work")
    rows = [*pairs(400), *pairs(30), "{broken", {"prompt": "a"}]
    data = write_jsonl(folder / "a.jsonl", rows)
    prepare_into(folder / "undisturbed", data, **SETTINGS)
    prepare_into(folder / "former", write_jsonl(folder / "b.jsonl", pairs(90)), **SETTINGS)
    return folder


def ends(work, steps, former=""):
    """How each child ended, by its output folder, which starts as a copy of ``former``."""
    settings = {"data": str(work / "a.jsonl"), **SETTINGS}
    plan = work / "plan.json"
    plan.write_text(json.dumps({"settings": settings, "steps": steps, "former": str(former)}))
    found = subprocess.run(
        [sys.executable, "-m", "tests.data.killed_run", str(plan)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=120,
    )
    answers = [json.loads(line) for line in found.stdout.splitlines()]
    return {Path(answer["out"]): answer for answer in answers}


def rerun(work, out):
    """The same run again, undisturbed, in the folder that the first one left."""
    prepare_into(out, work / "a.jsonl", **SETTINGS)
    assert bytes_of(out) == bytes_of(work / "undisturbed")


@pytest.mark.parametrize(
    ("former", "function", "way"),
    [
        ("", "fsync", "before"),
        ("", "replace", "after"),
        ("former", "replace", "before"),
        ("former", "unlink", "after"),
    ],
)
def test_killed_at_any_call(tmp_path, work, former, function, way):
    step = {"function": function, "way": way, "out": str(tmp_path / "out")}
    found = ends(work, [step], former=former and work / former)
    *killed, last = found.items()
    assert len(killed) >= 6  # there are as many outputs
    assert {answer["ended"] for _, answer in killed} == {"SIGKILL"}
    assert last[1]["ended"] == "well"
    assert bytes_of(last[0]) == bytes_of(work / "undisturbed")
    allowed = [bytes_of(work / "undisturbed"), bytes_of(work / "former") if former else {}]
    for folder, _ in killed:
        require_nothing_half(folder)
        for name, content in bytes_of(folder).items():
            assert content in [run.get(name) for run in allowed], (folder, name)
    for folder, _ in (killed[0], killed[-1]):
        rerun(work, folder)


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_disk_that_is_full_at_any_call(tmp_path, work, function):
    step = {"function": function, "way": "full", "out": str(tmp_path / "out")}
    *refused, last = ends(work, [step], former=work / "former").items()
    assert len(refused) >= 6
    assert bytes_of(last[0]) == bytes_of(work / "undisturbed")
    former = bytes_of(work / "former")
    for folder, answer in refused:
        assert answer["ended"] == "MachineError", answer
        assert str(folder) in answer["message"]
        assert "No space left on device" in answer["message"]
        require_nothing_half(folder)
        assert hidden_names(folder) == []
        # The former run stands whole, or no manifest claims that it does.
        assert bytes_of(folder) == former or not (folder / "manifest.json").exists()


@pytest.mark.parametrize("size", [0, 500, 2_000, 8_000])
def test_a_disk_that_takes_only_part_of_a_file(tmp_path, work, size):
    step = {"way": "limit", "size": size, "out": str(tmp_path / "out")}
    [(folder, answer)] = ends(work, [step], former=work / "former").items()
    assert answer["ended"] == "MachineError", answer
    assert len(answer["message"]) > 20
    assert size == 0 or "File too large" in answer["message"]
    assert bytes_of(folder) == bytes_of(work / "former")
    assert hidden_names(folder) == []


def test_a_folder_that_may_not_be_written_to(tmp_path, work, monkeypatch):
    out = tmp_path / "out"
    shutil.copytree(work / "former", out)
    really_open = os.open

    def read_only(path, flags, *arguments, **named):
        if flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(str(out)):
            raise OSError(30, "Read-only file system", str(path))
        return really_open(path, flags, *arguments, **named)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(MachineError) as raised:
        prepare_into(out, work / "a.jsonl", **SETTINGS)
    assert str(out) in str(raised.value)
    assert "Read-only file system" in str(raised.value)
    assert bytes_of(out) == bytes_of(work / "former")


LONG_RUN = """
import sys
from pathlib import Path
from tuneline.data.prepare import PreparedPaths, prepare
from tuneline.data.settings import PrepareSettings
data, out, workers = sys.argv[1:]
settings = PrepareSettings(
    data=data, near_duplicates="off", exports=["gemini_jsonl"], workers=int(workers)
)
print("ready", flush=True)
prepare(settings, PreparedPaths.in_folder(Path(out)))
"""


def started(data, out, workers):
    """A run in a process group of its own, about to begin."""
    process = subprocess.Popen(
        [sys.executable, "-c", LONG_RUN, str(data), str(out), str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def group_is_gone(group):
    """Whether every process of a group ends within seconds; what does not is ended here."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    return False


@pytest.fixture(scope="module")
def long_work(tmp_path_factory):
    """Files that take a second or so, what becomes of them, and how long that takes."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "data").mkdir()
    for part in range(3):
        rows = pairs(4_000, start=4_000 * part)
        write_jsonl(folder / "data" / f"{part}.jsonl", rows)
    with started(folder / "data", folder / "undisturbed", 1) as process:
        begun = time.monotonic()
        assert process.wait(60) == 0
    return folder, time.monotonic() - begun


@pytest.mark.parametrize(
    ("workers", "share"), [(1, 0.1), (1, 0.5), (1, 0.9), (2, 0.3), (2, 0.8), (2, 1.2)]
)
def test_killed_at_any_time(tmp_path, long_work, workers, share):
    folder, seconds = long_work
    out = tmp_path / "out"
    with started(folder / "data", out, workers) as process:
        time.sleep(share * seconds)
        process.kill()
        assert process.wait(10) in {-signal.SIGKILL, 0}
    assert group_is_gone(process.pid), "worker processes outlive the run that started them"
    if out.is_dir():
        require_nothing_half(out)
    with started(folder / "data", out, workers) as process:
        assert process.wait(60) == 0
    assert bytes_of(out) == bytes_of(folder / "undisturbed")


def test_a_worker_that_is_killed_ends_the_run_with_a_message(tmp_path, long_work):
    folder, _ = long_work
    with started(folder / "data", tmp_path / "out", 2) as process:
        os.kill(a_worker(process.pid), signal.SIGKILL)
        assert process.wait(60) == 1
        assert process.stderr is not None
        last = process.stderr.read().decode().strip().splitlines()[-1]
    assert last.startswith("tuneline.errors.MachineError: ")
    assert "was killed" in last
    assert names_in(tmp_path / "out") == []


def a_worker(pid):
    """A process that another one has started to work, not to watch over its resources."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(1000):
        for child in children.read_text().split():
            # Before a child has begun its own program, it looks like its parent.
            if b"popen_loky" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        time.sleep(0.01)
    raise AssertionError("no worker was started")
