"""What a step of tuning costs, against TRL, a plain Trainer of transformers and LLaMA-Factory.

Run: ``python -m benchmarks.trainer`` (CPU: a tiny model and one of 20 million parameters, on short
rows), or on a GPU ``python -m benchmarks.trainer --sizes 1b --rows long --count 64 --batch 8
--precision bfloat16``. Every program runs in a process of its own, in an order that turns with
each repeat, on the same model, rows, batch, precision and number of threads; the median counts.

LLaMA-Factory wants older packages, so it runs in an environment of its own: ``python3 -m venv
.venv-llamafactory && .venv-llamafactory/bin/pip install llamafactory==0.9.5``. It is left out, and
the table says so, where that is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.table import Table
from benchmarks.trainer_peers.job import Job, Method, Outcome
from benchmarks.trainer_peers.workload import SIZES, Shape, shape_of, step_flops

OURS = "tuneline"
PEERS = {
    OURS: "with_tuneline",
    "transformers Trainer": "with_transformers",
    "TRL, its defaults": "with_trl",
    "TRL, activations held": "with_trl_fast",
    "LLaMA-Factory": "with_llamafactory",
}
_LLAMAFACTORY = Path(".venv-llamafactory/bin/python")
_MIB = 1024 * 1024
_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost: what it told, and the most memory that its process held."""

    outcome: Outcome
    peak_bytes: int


def run(module: str, job: Job, threads: int, python: str) -> Cost:
    """Run a program of this package in a process of its own.

    Raises:
        RuntimeError: It failed; the message ends with what it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, noise = Path(folder) / "job.json", Path(folder) / "noise.txt"
        file.write_text(json.dumps(asdict(job)), encoding="utf-8")
        with noise.open("wb") as stderr:
            process = subprocess.Popen(
                [python, "-m", f"benchmarks.trainer_peers.{module}", str(file)],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(Path.cwd())},
            )
            assert process.stdout is not None
            printed = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            tail = noise.read_text(errors="replace")[-_TAIL:]
            raise RuntimeError(f"{module} ended with {process.returncode}:\n{tail}")
    told = next(line for line in reversed(printed.splitlines()) if line.startswith('{"tokens"'))
    return Cost(Outcome(**json.loads(told)), usage.ru_maxrss * 1024)


class Bench:
    """Compares the programs on one workload after another.

    Args:
        arguments: The command line.
        folder: Where programs write.
    """

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self._arguments = arguments
        self._folder = folder
        self._peak = float(_output("benchmarks.trainer_peers.peak", arguments.precision))

    def compare(self, size: str, method: Method) -> Table:
        """Every program that is there, on one model by one method."""
        given = self._arguments
        work = self._folder / f"{size}-{given.rows}"
        if not work.is_dir():
            work.mkdir()
            module = "benchmarks.trainer_peers.workload"
            printed = _output(module, size, given.rows, str(given.count), str(work))
            (work / "shape.json").write_text(printed, encoding="utf-8")
        shape = shape_of((work / "shape.json").read_text(encoding="utf-8"))
        costs: dict[str, list[Cost]] = {peer: [] for peer in _present(given.peers)}
        for repeat in range(given.repeat):
            turned = list(costs)[repeat % len(costs) :] + list(costs)[: repeat % len(costs)]
            for peer in turned:
                costs[peer].append(self._cost(peer, work, method))
        heading = (
            f"{size}, {method}, {given.count} {given.rows} rows, {given.batch} a step, "
            f"{given.precision}, {given.threads} threads"
        )
        return Table(heading, _COLUMNS, self._rows(costs, shape, method))

    def _cost(self, peer: str, work: Path, method: Method) -> Cost:
        given = self._arguments
        with tempfile.TemporaryDirectory(dir=self._folder) as out:
            job = Job(
                model=str(work / "model"),
                rows=str(work / "rows.jsonl"),
                out=out,
                method=method,
                batch_size=given.batch,
                accumulation=given.accumulation,
                precision=given.precision,
            )
            python = str(_LLAMAFACTORY) if peer == "LLaMA-Factory" else sys.executable
            cost = run(PEERS[peer], job, given.threads, python)
        print(f"  {peer}: {cost.outcome.tokens_per_second:,.0f} tokens/s", flush=True)
        return cost

    def _rows(
        self, costs: dict[str, list[Cost]], shape: Shape, method: Method
    ) -> list[tuple[str, ...]]:
        speeds = {
            peer: statistics.median(cost.outcome.tokens_per_second for cost in found)
            for peer, found in costs.items()
        }
        count = self._arguments.count
        ours = costs[OURS][0].outcome
        each = step_flops(shape, method, ours.tokens, ours.trained_tokens, ours.tokens / count)
        rows = []
        for peer, found in costs.items():
            first = statistics.median(cost.outcome.first_step_s for cost in found)
            peak = max(cost.outcome.gpu_peak_bytes or cost.peak_bytes for cost in found)
            rows.append(
                (
                    peer,
                    f"{speeds[peer]:,.0f}",
                    f"{speeds[OURS] / speeds[peer]:.2f}",
                    f"{100 * each / ours.tokens * speeds[peer] / self._peak:.1f} %",
                    f"{first:.1f}",
                    f"{peak / _MIB:,.0f}",
                    f"{found[0].outcome.tokens:,}",
                )
            )
        return rows


_COLUMNS = (
    "program",
    "tokens/s",
    "ours is times as fast",
    "of the fastest matrix product",
    "seconds to the first step",
    "peak MiB",
    "tokens in all",
)


def _output(module: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], check=True, capture_output=True, text=True
    ).stdout


def _present(wanted: list[str]) -> list[str]:
    if "LLaMA-Factory" in wanted and not _LLAMAFACTORY.is_file():
        print("LLaMA-Factory is not measured: there is no .venv-llamafactory.")
        return [peer for peer in wanted if peer != "LLaMA-Factory"]
    return wanted


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", choices=SIZES, nargs="+", default=["tiny", "20m"])
    parser.add_argument("--methods", choices=("lora", "full"), nargs="+", default=["lora", "full"])
    parser.add_argument("--rows", choices=("short", "mixed", "long"), default="short")
    parser.add_argument("--count", type=int, default=480)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--accumulation", type=int, default=1, help="for the peers; ours finds it")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", choices=PEERS, nargs="+", default=list(PEERS))
    return parser.parse_args()


def main() -> None:
    """Compare, print each table as it is known, and all of them as Markdown at the end."""
    arguments = _arguments()
    tables = []
    with tempfile.TemporaryDirectory(prefix="tuneline-bench-") as folder:
        bench = Bench(arguments, Path(folder))
        for size in arguments.sizes:
            for method in arguments.methods:
                tables.append(bench.compare(size, method))
                print(tables[-1].plain(), end="\n\n", flush=True)
    print("\n\n".join(table.markdown() for table in tables))


if __name__ == "__main__":
    main()
