"""What every peer writes, and what it counts: the plain way, a buffer of rows at a time.

Parquet files have zstd compression, as Tuneline's, and otherwise the writer's defaults.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.data.schema import EXAMPLES_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.prepare_peers.rules import Checked

SPLITS = ("train", "validation", "test")
REJECTED_SCHEMA = pa.schema(
    [("source", pa.string()), ("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())]
)
MAX_TEXT = 2000

_BUFFER_ROWS = 5000
MAX_LABELS = 10_000


class ParquetRows:
    """Writes rows given as objects, a buffer at a time."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        """Take one row."""
        self._rows.append(row)
        if len(self._rows) == _BUFFER_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()


class Statistics:
    """Lengths and labels of the kept rows, and the rules that warned."""

    def __init__(self) -> None:
        self.prompt_chars = array("I")
        self.answer_chars = array("I")
        self.labels: Counter[str] = Counter()
        self.warned: Counter[str] = Counter()

    def add(self, checked: Checked) -> None:
        """Count one kept row."""
        self.prompt_chars.append(checked.prompt_chars)
        self.answer_chars.append(checked.answer_chars)
        self.warned.update(checked.warnings)
        if len(self.labels) < MAX_LABELS:
            self.labels[checked.turns[-1][1]] += 1

    def write(self, path: Path) -> None:
        """Write the figures as JSON."""
        figures = {
            "prompt_chars": percentiles(self.prompt_chars),
            "answer_chars": percentiles(self.answer_chars),
            "labels": self.labels.most_common(20) if len(self.labels) < MAX_LABELS else None,
            "warned": self.warned,
        }
        path.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def percentiles(lengths: Any) -> dict[str, float]:
    """Minimum, mean, three percentiles and maximum."""
    values = np.asarray(lengths)
    names = ("p50", "p95", "p99")
    found = dict(zip(names, np.percentile(values, (50, 95, 99)).tolist(), strict=True))
    return {
        "min": int(values.min()),
        "mean": float(values.mean()),
        "max": int(values.max()),
        **found,
    }


def rejected_row(source: str, number: int, reason: str, line: str) -> dict[str, Any]:
    """One row of the file of rejected rows."""
    return {"source": source, "row": number, "reason": reason, "text": line[:MAX_TEXT]}


def canonical_writer(folder: Path, split: str) -> ParquetRows:
    """The canonical Parquet file of a split."""
    return ParquetRows(folder / f"{split}.parquet", EXAMPLES_SCHEMA)
