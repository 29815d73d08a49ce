"""The evaluation stage: predictions of all candidates in, metrics, verdict and report out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.evaluation.held_out import read_held_out
from tuneline.evaluation.judge import judge
from tuneline.evaluation.report import evaluation_page
from tuneline.evaluation.results import CandidateSummary, EvaluationMetrics
from tuneline.evaluation.score import score
from tuneline.files import machine_errors, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.evaluation.verdict import Verdict


@dataclass(frozen=True, slots=True)
class EvaluationPaths:
    """Where an evaluation is written."""

    metrics: Path
    verdict: Path
    report: Path

    @classmethod
    def in_folder(cls, folder: Path) -> EvaluationPaths:
        """``metrics.json``, ``verdict.json`` and ``report.html`` in one folder."""
        return cls(folder / "metrics.json", folder / "verdict.json", folder / "report.html")


def evaluate(
    predictions: Sequence[Path], settings: EvaluationSettings, outputs: EvaluationPaths
) -> Verdict:
    """Compare candidates on the same held-out rows and decide whether tuning was worth it.

    Each output is whole or absent. The verdict is written last, and one of an earlier run is
    removed first: where it stands, it is that of the other outputs.
    Equal predictions and settings give equal bytes.

    Args:
        predictions: Predictions files, in any order.
        settings: How to compare.
        outputs: What to write.

    Raises:
        ConfigurationError: The settings ask for a metric that this task does not have.
        DataError: The files cannot be compared: of different examples, or with equal names.
        MachineError: An output cannot be written.
    """
    with machine_errors(outputs.verdict):
        outputs.verdict.unlink(missing_ok=True)  # an old verdict must not outlive a failed run
    held_out = read_held_out(predictions)
    metrics = score(held_out, settings)
    verdict = _verdict(metrics, settings)
    write_text(outputs.metrics, metrics.model_dump_json(indent=1) + "\n")
    write_text(outputs.report, evaluation_page(held_out, metrics, verdict))
    write_text(outputs.verdict, verdict.model_dump_json(indent=1) + "\n")
    return verdict


def _verdict(metrics: EvaluationMetrics, settings: EvaluationSettings) -> Verdict:
    fields = set(CandidateSummary.model_fields)
    summaries = [
        CandidateSummary(**candidate.model_dump(include=fields)) for candidate in metrics.candidates
    ]
    verdict = judge(summaries, metrics.paired_tests, metrics.rows, metrics.primary_metric, settings)
    confusions = {candidate.name: candidate.confusion for candidate in metrics.candidates}
    shown = verdict.winner or verdict.best_tuned
    return verdict.model_copy(update={"confusion": confusions.get(shown)})
