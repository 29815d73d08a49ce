"""docs/engines.md: every pipeline on every engine, written from what was just tried."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from tuneline.files import write_text
from tuneline.pipelines import PIPELINES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "engines.md"
Status = Literal["ran", "checked", "not available here", "not offered"]

ENGINES = {
    "subprocess": ("this machine", "subprocess"),
    "docker": ("this machine", "Docker"),
    "kubeflow": ("Kubeflow", "Pipelines"),
    "kubeflow-nodes": ("Kubeflow", "Pipelines and a TrainJob"),
    "vertex": ("Vertex AI", "Pipelines"),
    "vertex-nodes": ("Vertex AI", "Pipelines and a custom job"),
}
"""Target and runner of each column."""

_HEAD = """\
# What runs where

`make engines` tries every pipeline on every engine and writes this page; nothing here is written
by hand.

- **ran**: the pipeline ran to its end there, from data to verdict.
- **checked**: its spec was compiled for the engine, passed the strict check, and the service's own
  client handed the run to a stand-in of the service with that service's rules. No cluster and no
  cloud project was at hand.
- **not available here**: the machine that made this page could not try it.
- **not offered**: there is no such combination, and the command says so.
"""
_MANAGED = """\
`gemini_tuning` and `managed_open_tuning` tune on Vertex AI wherever they run, here on its stand-in.
"""
_NODES = """\
Tuning itself on several nodes is run by other tests, each from the objects that the service is
sent: two containers as the machines of a Vertex AI custom job
(`pytest -m containers tests/containers/test_worker_pools.py`), and two processes as the nodes of a
TrainJob (`pytest -m slow tests/kubeflow/train_job/test_nodes.py`).
"""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one pipeline on one engine.

    Attributes:
        pipeline: Its name.
        engine: A key of `ENGINES`.
        status: How far it came.
        command: What a user types for it.
        remark: Why, where it was not tried or is not offered.
    """

    pipeline: str
    engine: str
    status: Status
    command: str
    remark: str = ""


def write_document(tried: list[Tried], path: Path = DOCUMENT) -> None:
    """Write the page.

    Raises:
        ValueError: A pipeline was not tried on an engine, or twice.
    """
    cells = {(each.pipeline, each.engine): each for each in tried}
    wanted = {(pipeline, engine) for pipeline in PIPELINES for engine in ENGINES}
    if cells.keys() != wanted or len(tried) != len(wanted):
        raise ValueError(f"tried {len(tried)} of {len(wanted)} cells")
    heads = [f"{target}: {runner}" for target, runner in ENGINES.values()]
    lines = [f"| pipeline | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for pipeline in PIPELINES:
        found = [cells[pipeline, engine].status for engine in ENGINES]
        lines.append(f"| `{pipeline}` | {' | '.join(found)} |")
    commands = ["## Commands", "", "| pipeline | engine | command |", "|---|---|---|"]
    for pipeline, engine in sorted(wanted, key=list(cells).index):
        each = cells[pipeline, engine]
        target, runner = ENGINES[engine]
        shown = each.remark or f"`{each.command.replace('|', chr(92) + '|')}`"
        commands.append(f"| `{pipeline}` | {target}: {runner} | {shown} |")
    made = f"Made with kfp {version('kfp')}, kfp-kubernetes {version('kfp-kubernetes')}, kubeflow "
    made += (
        f"{version('kubeflow')} and google-cloud-aiplatform {version('google-cloud-aiplatform')}."
    )
    parts = [_HEAD, "\n".join(lines) + "\n", _MANAGED, _NODES, "\n".join(commands) + "\n", made]
    write_text(path, "\n".join(parts) + "\n")
