"""The least that the stage can cost: reading and writing the bytes, and nothing else.

Runs on the outputs of ``with_tuneline`` in the job's folder.
"""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.prepare_peers.job import Job, Outcome, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1024 * 1024


@contextmanager
def timed(spent: dict[str, float], name: str) -> Iterator[None]:
    """Add the CPU seconds of the block to ``spent[name]``; all threads count."""
    started = time.process_time()
    yield
    spent[name] = spent.get(name, 0.0) + time.process_time() - started


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as file, target.open("wb") as copy:
        shutil.copyfileobj(file, copy, _BLOCK)
    target.unlink()


def _parse(source: Path) -> None:
    with source.open("rb") as file:
        for line in file:
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def _write_parquet(batches: list[pa.RecordBatch], path: Path) -> None:
    with pq.ParquetWriter(
        path, batches[0].schema, compression="zstd", use_dictionary=False, write_statistics=False
    ) as writer:
        for batch in batches:
            writer.write_batch(batch)
    path.unlink()


def work(job: Job) -> Outcome:
    """Time each part on its own."""
    source, scratch = Path(job.data), job.folder / "floor"
    spent: dict[str, float] = {}
    with timed(spent, "copy the file"):
        _copy(source, scratch)
    with timed(spent, "orjson.loads of every line"):
        _parse(source)
    for split in ("train", "validation", "test"):
        with pq.ParquetFile(job.folder / f"{split}.parquet") as file:
            batches = list(file.iter_batches(batch_size=4096))
        with timed(spent, "write the canonical Parquet"):
            _write_parquet(batches, scratch)
    return Outcome(cpu_s=spent)


if __name__ == "__main__":
    answer(work)
