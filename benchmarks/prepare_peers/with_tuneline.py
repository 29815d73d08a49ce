"""Tuneline's own data stage, on the same work."""

from __future__ import annotations

from benchmarks.prepare_peers.job import Job, Outcome, answer
from benchmarks.prepare_peers.rules import GROUP
from tuneline.data.prepare import PreparedPaths, prepare
from tuneline.data.settings import PrepareSettings


def work(job: Job) -> Outcome:
    """Prepare the file."""
    settings = PrepareSettings.model_validate(
        {
            "data": job.data,
            "group_column": GROUP,
            "workers": job.workers,
            "near_duplicates": job.near_duplicates,
            "exports": ["gemini_jsonl"] if job.exports else [],
            "task": "generation",
        }
    )
    counts = prepare(settings, PreparedPaths.in_folder(job.folder)).counts
    return Outcome(
        read=counts.read,
        rejected=counts.rejected,
        duplicates=counts.duplicates,
        per_split={str(split): rows for split, rows in counts.per_split.items()},
    )


if __name__ == "__main__":
    answer(work)
