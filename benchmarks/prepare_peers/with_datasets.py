"""The peer ``datasets`` (Hugging Face): load, map, filter, write.

Its JSON loader stops at the first broken line, so the file is read as lines of text, which is what
its users do with such files.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import datasets

from benchmarks.prepare_peers.job import Job, Outcome, answer
from benchmarks.prepare_peers.outputs import MAX_LABELS, MAX_TEXT, SPLITS, Statistics
from benchmarks.prepare_peers.rules import Checked, canonical, check_line, gemini, split_of

_COLUMNS = datasets.Features(
    {
        "number": datasets.Value("int64"),
        "text": datasets.Value("string"),
        "reason": datasets.Value("string"),
        "system": datasets.Value("string"),
        "turns": datasets.List(
            {"role": datasets.Value("string"), "text": datasets.Value("string")}
        ),
        "group": datasets.Value("string"),
        "digest": datasets.Value("binary"),
        "warnings": datasets.List(datasets.Value("string")),
        "prompt_chars": datasets.Value("int32"),
        "answer_chars": datasets.Value("int32"),
    }
)


def checked_columns(texts: list[str], numbers: list[int], shape: str) -> dict[str, list[Any]]:
    """The columns of a batch of lines after the rules."""
    rows = [check_line(text, shape) for text in texts]
    return {
        "number": [number + 1 for number in numbers],
        "text": [text if row.reason else None for text, row in zip(texts, rows, strict=True)],
        "reason": [row.reason for row in rows],
        "system": [row.system for row in rows],
        "turns": [[{"role": role, "text": text} for role, text in row.turns] for row in rows],
        "group": [row.group for row in rows],
        "digest": [row.digest for row in rows],
        "warnings": [list(row.warnings) for row in rows],
        "prompt_chars": [row.prompt_chars if row.turns else 0 for row in rows],
        "answer_chars": [row.answer_chars if row.turns else 0 for row in rows],
    }


class First:
    """Tells the first row of each digest from the later ones."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __call__(self, digests: list[bytes]) -> list[bool]:
        """Whether each digest is new."""
        return [self._is_new(digest) for digest in digests]

    def _is_new(self, digest: bytes) -> bool:
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True


def _restored(batch: dict[str, list[Any]]) -> list[Checked]:
    return [
        Checked("", system, tuple((it["role"], it["text"]) for it in turns), group, digest)
        for system, turns, group, digest in zip(
            batch["system"], batch["turns"], batch["group"], batch["digest"], strict=True
        )
    ]


def _gemini_columns(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
    rows = [gemini(row) for row in _restored(batch)]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _canonical_columns(batch: dict[str, list[Any]], name: str) -> dict[str, list[Any]]:
    rows = [
        canonical(row, name, number)
        for row, number in zip(_restored(batch), batch["number"], strict=True)
    ]
    return {column: [row[column] for row in rows] for column in rows[0]}


def _write_split(rows: datasets.Dataset, split: str, job: Job) -> None:
    exported = rows.map(_gemini_columns, batched=True, remove_columns=rows.column_names)
    exported.to_json(job.folder / f"{split}.jsonl", force_ascii=False)
    columns = rows.map(
        _canonical_columns,
        batched=True,
        remove_columns=rows.column_names,
        fn_kwargs={"name": Path(job.data).name},
    )
    columns.to_parquet(job.folder / f"{split}.parquet")


def _write_rejected(rows: datasets.Dataset, job: Job) -> int:
    rejected = rows.filter(
        lambda reasons: [reason != "" for reason in reasons], batched=True, input_columns="reason"
    )
    cut = rejected.select_columns(["number", "reason", "text"]).map(
        lambda batch: {"text": [text[:MAX_TEXT] for text in batch["text"]]}, batched=True
    )
    cut.to_parquet(job.folder / "rejected.parquet")
    return len(rejected)


def _count(kept: datasets.Dataset, job: Job) -> dict[str, int]:
    statistics = Statistics()
    lengths = kept.select_columns(["prompt_chars", "answer_chars"]).with_format("numpy")
    for batch in lengths.iter(batch_size=10_000):
        statistics.prompt_chars.extend(batch["prompt_chars"].tolist())
        statistics.answer_chars.extend(batch["answer_chars"].tolist())
    for batch in kept.select_columns(["turns", "warnings"]).iter(batch_size=10_000):
        statistics.warned.update(code for codes in batch["warnings"] for code in codes)
        if len(statistics.labels) < MAX_LABELS:
            statistics.labels.update(turns[-1]["text"] for turns in batch["turns"])
    statistics.write(job.folder / "statistics.json")
    return dict(statistics.warned)


def work(job: Job) -> Outcome:
    """Prepare the file."""
    datasets.disable_progress_bars()
    lines = datasets.load_dataset(
        "text",
        data_files=job.data,
        split="train",
        encoding_errors="backslashreplace",
        cache_dir=str(job.folder / "cache"),
    )
    rows = lines.map(
        checked_columns,
        with_indices=True,
        batched=True,
        input_columns="text",
        features=_COLUMNS,
        fn_kwargs={"shape": job.shape},
    )
    rejected = _write_rejected(rows, job)
    good = rows.filter(
        lambda reasons: [reason == "" for reason in reasons], batched=True, input_columns="reason"
    )
    kept = good.filter(First(), batched=True, input_columns="digest")
    splits = [split_of(group) for group in kept["group"]]
    for split in SPLITS:
        places = [place for place, found in enumerate(splits) if found == split]
        _write_split(kept.select(places), split, job)
    return Outcome(
        read=len(lines),
        rejected=rejected,
        duplicates=len(good) - len(kept),
        per_split=dict(Counter(splits)),
        warned=_count(kept, job),
    )


if __name__ == "__main__":
    answer(work)
