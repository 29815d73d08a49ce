"""Scoring predictions with all text metrics, against the packages that define the metrics.

Run: python -m benchmarks.score [ROWS]
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import CHRF

from tuneline.evaluation.evaluate import EvaluationPaths, evaluate
from tuneline.evaluation.settings import EvaluationSettings
from tuneline.prediction.store import (
    Candidate,
    CandidateKind,
    Prediction,
    PredictionInfo,
    write_predictions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS = 100_000
_PEER_ROWS = 4_000
_REPEATS = 3
_WORDS = 35
_VOCABULARY = 4_000
_METRICS = (
    *("exact_match", "normalized_match", "contains", "token_f1", "rouge_1", "rouge_2"),
    *("rouge_l", "rouge_lsum", "chrf", "length_ratio"),
)
_KINDS: tuple[CandidateKind, ...] = ("baseline", "pet")


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else _ROWS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        write_predictions(path, _info(), (row for kind in _KINDS for row in _rows(kind, rows)))
        for workers in (1, 2):
            _tuneline(path, rows * len(_KINDS), workers)
        pairs = [(row.reference, row.prediction) for row in _rows("pet", _PEER_ROWS)]
        _peers(pairs)


def _tuneline(path: Path, rows: int, workers: int) -> None:
    """The whole stage: reading, measuring, intervals, tests, slices and the report."""
    settings = EvaluationSettings(task="summarization", metrics=_METRICS, workers=workers)
    for _ in range(_REPEATS if workers == 1 else 1):
        started, used = time.perf_counter(), _cpu_s()
        with tempfile.TemporaryDirectory() as folder:
            evaluate([path], settings, EvaluationPaths.in_folder(Path(folder)))
        wall, cpu = time.perf_counter() - started, _cpu_s() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"tuneline, {workers} process(es): {rows:,} predictions in {wall:.1f} s, "
            f"{rows / cpu:,.0f} a CPU-second, peak {peak:.0f} MiB in the parent"
        )


def _peers(pairs: list[tuple[str, str]]) -> None:
    """The same ROUGE and chrF by the packages themselves, row by row as they are used."""
    rouge = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"])
    chrf = CHRF()
    for _ in range(_REPEATS):
        used = time.process_time()
        for reference, prediction in pairs:
            rouge.score(reference, prediction)
        chrf.corpus_score([p for _, p in pairs], [[r for r, _ in pairs]])
        seconds = time.process_time() - used
        print(
            f"rouge-score and sacrebleu, 5 of the {len(_METRICS)} metrics, nothing else: "
            f"{len(pairs) / seconds:,.0f} a CPU-second"
        )


def _cpu_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _info() -> PredictionInfo:
    candidates = tuple(
        Candidate(
            name=kind,
            kind=kind,
            engine="transformers",
            model="invented",
            model_digest="0" * 64,
            shots=0,
            shot_choice="",
            trainable_parameters=0,
            total_parameters=1,
            adapter_bytes=0,
            training_seconds=0.0,
            training_rows=0,
            training_fraction=1.0,
            prediction_seconds=1.0,
            prompt_example="",
        )
        for kind in _KINDS
    )
    return PredictionInfo("generation", (), "0" * 64, "invented", "0" * 64, candidates)


def _rows(kind: CandidateKind, count: int) -> Iterator[Prediction]:
    """Invented summaries; a tuned candidate keeps four words of five, a baseline three."""
    draw = random.Random(0)
    words = [
        "".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(_VOCABULARY)
    ]
    kept = 0.8 if kind == "pet" else 0.6
    answer = random.Random(kind)
    for number in range(count):
        reference = draw.choices(words, k=_WORDS)
        given = [word if answer.random() < kept else answer.choice(words) for word in reference]
        yield Prediction(
            candidate=kind,
            example_id=f"{number:032x}",
            turn=1,
            group=None,
            prompt=" ".join(reference),
            reference=" ".join(reference),
            prediction=" ".join(given),
            label=None,
            samples=(),
            shot_ids=(),
            prompt_tokens=100,
            output_tokens=40,
            finish_reason="stop",
            reference_nll=None,
            reference_tokens=None,
        )


if __name__ == "__main__":
    main()
