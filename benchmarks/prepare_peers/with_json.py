"""The peer ``json``: a plain loop with the standard library; pyarrow only writes the Parquet."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.prepare_peers.job import Job, Outcome, answer
from benchmarks.prepare_peers.outputs import (
    REJECTED_SCHEMA,
    SPLITS,
    ParquetRows,
    Statistics,
    canonical_writer,
    rejected_row,
)
from benchmarks.prepare_peers.rules import canonical, check_line, gemini, split_of

if TYPE_CHECKING:
    from benchmarks.prepare_peers.rules import Checked


class Loop:
    """Takes line after line."""

    def __init__(self, job: Job, stack: ExitStack) -> None:
        folder = job.folder
        self._job = job
        self._name = Path(job.data).name
        self._rejected = stack.enter_context(
            closing(ParquetRows(folder / "rejected.parquet", REJECTED_SCHEMA))
        )
        self._parquet = {
            split: stack.enter_context(closing(canonical_writer(folder, split))) for split in SPLITS
        }
        self._lines = {
            split: stack.enter_context((folder / f"{split}.jsonl").open("w", encoding="utf-8"))
            for split in SPLITS
        }
        self._seen: set[bytes] = set()
        self.statistics = Statistics()
        self.counts: Counter[str] = Counter()

    def take(self, number: int, line: str) -> None:
        """Check one line and write it where it belongs."""
        checked = check_line(line, self._job.shape, structure_only=self._job.rules == "structure")
        if checked.reason:
            self.counts["rejected"] += 1
            self._rejected.add(rejected_row(self._name, number, checked.reason, line))
        elif checked.digest in self._seen:
            self.counts["duplicates"] += 1
        else:
            self._seen.add(checked.digest)
            self._keep(number, checked)

    def _keep(self, number: int, checked: Checked) -> None:
        split = split_of(checked.group)
        self.counts[split] += 1
        self.statistics.add(checked)
        self._lines[split].write(json.dumps(gemini(checked), ensure_ascii=False) + "\n")
        self._parquet[split].add(canonical(checked, self._name, number))


def work(job: Job) -> Outcome:
    """Prepare the file."""
    with (
        ExitStack() as stack,
        Path(job.data).open(encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        loop = Loop(job, stack)
        number = 0
        for number, line in enumerate(file, 1):
            loop.take(number, line)
    loop.statistics.write(job.folder / "statistics.json")
    return Outcome(
        read=number,
        rejected=loop.counts["rejected"],
        duplicates=loop.counts["duplicates"],
        per_split={split: loop.counts[split] for split in SPLITS},
        warned=dict(loop.statistics.warned),
    )


if __name__ == "__main__":
    answer(work)
