"""What preparing data costs, against Hugging Face datasets, pandas and a plain json loop.

Run: ``python -m benchmarks.prepare`` (a million rows, about an hour on two cores), or with
``--rows 20000 --repeat 1`` for a first look. Every program runs in a process of its own, one after
the other; of several runs, the one with the least CPU time counts. All of them do the same work on
the same file: every check, exact duplicates out, split by group, statistics, Gemini JSONL and
canonical Parquet. The counts must agree, and the benchmark fails where they do not.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.prepare_peers.job import Job, Shape
from benchmarks.prepare_peers.measure import Cost, best
from benchmarks.prepare_peers.workload import Workload
from benchmarks.table import Table

OURS = "tuneline"
PEERS = {
    OURS: "with_tuneline",
    "json": "with_json",
    "json, structure alone": "with_json",
    "pandas, chunks of 50,000": "with_pandas",
    "datasets": "with_datasets",
}
PARTS = ("prompts", "chat", "floor", "workers", "growth", "near")
_TITLES = {"prompts": "prompt/completion", "chat": "chat of five turns"}
_GROUP_SPLIT_TOLERANCE = 0.01
_NEAR_ROWS = 200_000


class Bench:
    """Runs the parts that were asked for.

    Args:
        rows: Rows of the main workloads.
        repeat: Runs of each program.
        folder: Where programs write.
    """

    def __init__(self, rows: int, repeat: int, folder: Path) -> None:
        self._rows = rows
        self._repeat = repeat
        self._folder = folder

    def compare(self, shape: Shape) -> Table:
        """Every peer on the same file."""
        work = Workload.made(shape, self._rows)
        costs = {peer: self._cost(peer, work) for peer in PEERS}
        require_same_splits(costs)
        ours = costs[OURS]
        heading = f"{_TITLES[shape]}, {work.rows:,} rows of {work.row_bytes:.0f} bytes"
        rows = [
            (
                peer,
                f"{work.rows / cost.cpu_s:,.0f}",
                f"{cost.cpu_s / ours.cpu_s:.2f}",
                f"{cost.wall_s:.1f}",
                f"{cost.peak_mib:.0f}",
            )
            for peer, cost in costs.items()
        ]
        columns = ("program", "rows a CPU-second", "CPU, ours = 1", "seconds", "peak MiB")
        return Table(heading, columns, rows)

    def floor(self) -> Table:
        """Reading and writing the bytes alone, on the prompt/completion file."""
        work = Workload.made("prompts", self._rows)
        ours = self._cost(OURS, work)
        # Its last part writes again what the run above has written into the same folder.
        parts = best("floor", self._job(work, OURS), self._repeat).outcome.cpu_s
        everything = {**parts, "these together": sum(parts.values()), "the whole stage": ours.cpu_s}
        rows = [
            (name, f"{1e6 * cpu_s / work.rows:.2f}", f"{ours.cpu_s / cpu_s:.1f}")
            for name, cpu_s in everything.items()
        ]
        columns = ("work", "microseconds of CPU a row", "the stage takes times")
        return Table("Reading and writing the bytes alone", columns, rows)

    def workers(self) -> Table:
        """One process against two."""
        work = Workload.made("prompts", self._rows)
        costs = {count: self._cost(OURS, work, workers=count) for count in (1, 2)}
        rows = [
            (
                str(count),
                f"{cost.wall_s:.1f}",
                f"{costs[1].wall_s / cost.wall_s:.2f}",
                f"{cost.cpu_s / costs[1].cpu_s:.2f}",
                f"{cost.peak_mib:.0f}",
            )
            for count, cost in costs.items()
        ]
        columns = ("workers", "seconds", "times as fast", "CPU", "peak MiB")
        return Table("Worker processes", columns, rows)

    def growth(self, sizes: list[int]) -> Table:
        """Peak memory by the number of rows."""
        works = [Workload.made("prompts", size) for size in sizes]
        costs = [self._cost(OURS, work) for work in works]
        rows = [
            (
                f"{work.rows:,}",
                f"{cost.peak_mib:.0f}",
                f"{(cost.peak_bytes - costs[0].peak_bytes) / (work.rows - sizes[0]):.0f}"
                if work.rows != sizes[0]
                else "",
            )
            for work, cost in zip(works, costs, strict=True)
        ]
        columns = ("rows", "peak MiB", f"bytes for each row over {sizes[0]:,}")
        return Table("Growth of memory", columns, rows)

    def near(self) -> Table:
        """What looking for near duplicates adds, on texts of about 300 characters."""
        work = Workload.made("short", min(_NEAR_ROWS, self._rows))
        off, on = (
            self._cost(OURS, work, near_duplicates=way, exports=False)
            for way in ("off", "together")
        )
        added = on.cpu_s - off.cpu_s
        row = (f"{work.kept:,}", f"{off.cpu_s:.1f}", f"{on.cpu_s:.1f}", f"{work.kept / added:,.0f}")
        columns = ("rows", "CPU-seconds off", "on", "rows for each CPU-second added")
        return Table("Near duplicates", columns, [row])

    def _job(self, work: Workload, peer: str, **changes: Any) -> Job:
        return Job(
            data=str(work.path),
            out=str(self._folder / PEERS[peer]),
            shape=work.shape,
            rules="structure" if "structure" in peer else "all",
            **changes,
        )

    def _cost(self, peer: str, work: Workload, **changes: Any) -> Cost:
        cost = best(PEERS[peer], self._job(work, peer, **changes), self._repeat)
        print(f"  {peer}: {cost.cpu_s:.1f} CPU-s, {cost.peak_mib:.0f} MiB", flush=True)
        require_counts(peer, cost, work)
        return cost


def require_counts(peer: str, cost: Cost, work: Workload) -> None:
    """Every program must find exactly what was put into the file.

    Raises:
        RuntimeError: A count is another.
    """
    found = cost.outcome
    counts = (found.read, found.rejected, found.duplicates, found.kept)
    expected = (work.rows, work.rejected, work.duplicates, work.kept)
    if counts != expected:
        raise RuntimeError(f"{peer}: read, rejected, duplicates, kept {counts}, not {expected}.")


def require_same_splits(costs: dict[str, Cost]) -> None:
    """Peers must agree on the splits to the row, and Tuneline, which hashes otherwise, on shares.

    Raises:
        RuntimeError: They do not.
    """
    wanted = costs["json"].outcome
    for peer, cost in costs.items():
        found = cost.outcome
        for split, rows in wanted.per_split.items():
            off = abs(found.per_split.get(split, 0) - rows) / wanted.kept
            if off > (_allowed_difference(wanted.kept) if peer == OURS else 0):
                raise RuntimeError(f"{peer}: {found.per_split}, and json {wanted.per_split}.")


def _allowed_difference(rows: int) -> float:
    # Groups of twenty rows are the units: on small files chance moves the shares more.
    return max(_GROUP_SPLIT_TOLERANCE, 4 * math.sqrt(20 * 0.21 / rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument(
        "--growth", type=int, nargs="+", metavar="ROWS", help="default: --rows and three times that"
    )
    return parser.parse_args()


def main() -> None:
    """Run the parts, print each table as it is known, and all of them as Markdown at the end."""
    arguments = _arguments()
    sizes = arguments.growth or [arguments.rows, 3 * arguments.rows]
    tables = []
    with tempfile.TemporaryDirectory(prefix="tuneline-bench-") as folder:
        bench = Bench(arguments.rows, arguments.repeat, Path(folder))
        parts = {
            "prompts": lambda: bench.compare("prompts"),
            "chat": lambda: bench.compare("chat"),
            "floor": bench.floor,
            "workers": bench.workers,
            "growth": lambda: bench.growth(sizes),
            "near": bench.near,
        }
        for name in arguments.only:
            tables.append(parts[name]())
            print(tables[-1].plain(), end="\n\n", flush=True)
    print("\n\n".join(table.markdown() for table in tables))


if __name__ == "__main__":
    main()
