"""The peer ``pandas``: chunks of 50,000 rows.

``pandas.read_json(lines=True)`` gives up on the whole chunk at the first broken line, so the shared
rules parse lines one by one; everything after that is done by column.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.prepare_peers.job import Job, Outcome, answer
from benchmarks.prepare_peers.outputs import (
    MAX_LABELS,
    MAX_TEXT,
    REJECTED_SCHEMA,
    SPLITS,
    Statistics,
)
from benchmarks.prepare_peers.rules import Checked, canonical, check_line, gemini, split_of
from tuneline.data.schema import EXAMPLES_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_ROWS = 50_000


def chunks(path: str, shape: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the number of lines and a frame of checked rows, one chunk after another."""
    first = 1
    with Path(path).open(encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        while lines := list(islice(file, _CHUNK_ROWS)):
            text = pd.Series(lines, index=range(first, first + len(lines)), dtype=object)
            checked = text.map(lambda line: check_line(line, shape))
            frame = pd.DataFrame(checked.tolist(), columns=list(Checked._fields), index=text.index)
            yield len(lines), frame.assign(text=text, checked=checked)
            first += len(lines)


class Frames:
    """Takes chunk after chunk."""

    def __init__(self, job: Job, stack: ExitStack) -> None:
        self._name = Path(job.data).name
        self._folder = job.folder
        self._rejected = stack.enter_context(
            closing(pq.ParquetWriter(job.folder / "rejected.parquet", REJECTED_SCHEMA))
        )
        self._parquet = {
            split: stack.enter_context(
                closing(
                    pq.ParquetWriter(
                        job.folder / f"{split}.parquet", EXAMPLES_SCHEMA, compression="zstd"
                    )
                )
            )
            for split in SPLITS
        }
        self._seen: set[bytes] = set()
        self.statistics = Statistics()
        self.counts: Counter[str] = Counter()

    def take(self, frame: pd.DataFrame) -> None:
        """Sort one chunk's rows into rejected, duplicate and kept."""
        bad = frame["reason"] != ""
        self._reject(frame[bad])
        good = frame[~bad]
        # `isin` makes the set an array of bytes, which loses zeros at the end of a digest.
        known = good["digest"].map(self._seen.__contains__).astype(bool)
        repeated = good["digest"].duplicated() | known
        self.counts["duplicates"] += int(repeated.sum())
        kept = good[~repeated]
        self._seen.update(kept["digest"])
        self._count(kept)
        for split, rows in kept.groupby(kept["group"].map(split_of)):
            self._write(str(split), rows)

    def _reject(self, rows: pd.DataFrame) -> None:
        self.counts["rejected"] += len(rows)
        table = pd.DataFrame(
            {
                "source": self._name,
                "row": rows.index,
                "reason": rows["reason"],
                "text": rows["text"].str[:MAX_TEXT],
            }
        )
        self._rejected.write_table(
            pa.Table.from_pandas(table, schema=REJECTED_SCHEMA, preserve_index=False)
        )

    def _count(self, kept: pd.DataFrame) -> None:
        turns = kept["turns"]
        answers = turns.map(lambda it: it[-1][1])
        answer_chars = answers.str.len()
        total = turns.map(lambda it: sum(len(text) for _, text in it))
        system = kept["system"].str.len().fillna(0) if kept["system"].notna().any() else 0
        self.statistics.answer_chars.extend(answer_chars.astype(int))
        self.statistics.prompt_chars.extend((total - answer_chars + system).astype(int))
        self.statistics.warned.update(kept["warnings"].explode().dropna())
        if len(self.statistics.labels) < MAX_LABELS:
            self.statistics.labels.update(answers)

    def _write(self, split: str, rows: pd.DataFrame) -> None:
        self.counts[split] += len(rows)
        exported = pd.DataFrame(rows["checked"].map(gemini).tolist())
        exported.to_json(
            self._folder / f"{split}.jsonl",
            orient="records",
            lines=True,
            force_ascii=False,
            mode="a",
        )
        columns: list[dict[str, Any]] = [
            canonical(checked, self._name, number)
            for number, checked in zip(rows.index.tolist(), rows["checked"], strict=True)
        ]
        self._parquet[split].write_table(pa.Table.from_pylist(columns, schema=EXAMPLES_SCHEMA))


def work(job: Job) -> Outcome:
    """Prepare the file."""
    for split in SPLITS:
        (job.folder / f"{split}.jsonl").unlink(missing_ok=True)
    read = 0
    with ExitStack() as stack:
        frames = Frames(job, stack)
        for rows, frame in chunks(job.data, job.shape):
            read += rows
            frames.take(frame)
    frames.statistics.write(job.folder / "statistics.json")
    return Outcome(
        read=read,
        rejected=frames.counts["rejected"],
        duplicates=frames.counts["duplicates"],
        per_split={split: frames.counts[split] for split in SPLITS},
        warned={code: int(count) for code, count in frames.statistics.warned.items()},
    )


if __name__ == "__main__":
    answer(work)
