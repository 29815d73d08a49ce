"""The evaluation stage: predictions of all candidates in, metrics, verdict and report out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.evaluation.changes import shown_rows
from tuneline.evaluation.decide import decide
from tuneline.evaluation.files_beside import files_here
from tuneline.evaluation.gate import Contest
from tuneline.evaluation.held_out import open_held_out
from tuneline.evaluation.judging import WIN_RATE, judge_for, judged, with_win_rates
from tuneline.evaluation.measure import measure
from tuneline.evaluation.metrics.catalogue import metrics_for
from tuneline.evaluation.report.page import evaluation_page
from tuneline.evaluation.report.summary import markdown_summary
from tuneline.evaluation.results import (
    BaseModelReference,
    CandidateSummary,
    EvaluationMetrics,
    MetricInfo,
)
from tuneline.evaluation.score import Scores, score
from tuneline.evaluation.statistics.scores import unit_scores
from tuneline.evaluation.tasks import ROWS_LOOKED_AT, choose_task
from tuneline.files import machine_errors, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.evaluation.changes import ShownRows
    from tuneline.evaluation.held_out import HeldOut
    from tuneline.evaluation.measure import Measured
    from tuneline.evaluation.metrics.metric import Metric
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.evaluation.tasks import TaskChoice
    from tuneline.evaluation.verdict import Verdict


@dataclass(frozen=True, slots=True)
class EvaluationPaths:
    """Where an evaluation is written."""

    metrics: Path
    verdict: Path
    report: Path
    summary: Path

    @classmethod
    def in_folder(cls, folder: Path) -> EvaluationPaths:
        """``metrics.json``, ``verdict.json``, ``report.html`` and ``summary.md`` in one folder."""
        return cls(
            folder / "metrics.json",
            folder / "verdict.json",
            folder / "report.html",
            folder / "summary.md",
        )


def evaluate(
    predictions: Sequence[Path], settings: EvaluationSettings, outputs: EvaluationPaths
) -> Verdict:
    """Compare candidates on the same held-out rows and decide whether tuning was worth it.

    Each output is whole or absent. The verdict is written last, and one of an earlier run is
    removed first: where it stands, it is that of the other outputs.
    Equal predictions and settings give equal bytes.

    Args:
        predictions: Predictions files, in any order.
        settings: What to measure, and what decides.
        outputs: What to write.

    Raises:
        ConfigurationError: The settings ask for a metric that this task does not have, or lack
            what a metric needs.
        DataError: The files cannot be compared: of different rows, or with equal names.
        MachineError: An output cannot be written.
    """
    with machine_errors(outputs.verdict):
        outputs.verdict.unlink(missing_ok=True)  # an old verdict must not outlive a failed run
    held_out = open_held_out(predictions)
    choice, samples = _look_at(held_out, settings)
    with files_here(settings) as here:
        metrics = metrics_for(choice, here, held_out.labels, samples)
        measured = measure(held_out, metrics, settings.workers) if held_out.rows else {}
        scores = score(held_out, metrics, measured, settings)
        found = _found(held_out, choice, metrics, scores, settings)
        if settings.judge.model:
            found = _with_judge(found, held_out, outputs)
        verdict = _verdict(found, scores)
        # Within the block: to say why an answer is wrong, a metric may need its files again.
        shown = _shown(held_out, metrics[0], measured, verdict)
    prompts = [(a.candidate.name, a.candidate.prompt_example) for a in held_out.answers]
    write_text(outputs.metrics, found.model_dump_json(indent=1) + "\n")
    write_text(outputs.report, evaluation_page(found, verdict, shown, sorted(prompts)))
    write_text(outputs.summary, markdown_summary(found, verdict))
    write_text(outputs.verdict, verdict.model_dump_json(indent=1) + "\n")
    return verdict


def _look_at(held_out: HeldOut, settings: EvaluationSettings) -> tuple[TaskChoice, int]:
    """Tell the task from the first rows, and how many further answers every row has."""
    first = held_out.answers[0]
    columns = ["prompt", "reference"]
    seen: dict[str, list[str]] = {column: [] for column in columns}
    if held_out.rows:
        piece = first.file.piece(first.candidate.name, 0, columns)
        seen = piece.slice(0, ROWS_LOOKED_AT).to_pydict()
    choice = choose_task(settings, held_out.task, seen["prompt"], seen["reference"])
    return choice, held_out.samples()


def _found(
    held_out: HeldOut,
    choice: TaskChoice,
    metrics: Sequence[Metric],
    scores: Scores,
    settings: EvaluationSettings,
) -> EvaluationMetrics:
    return EvaluationMetrics(
        data_task=held_out.task,
        task=choice.kind,
        task_reason=choice.reason,
        rows=held_out.rows,
        units=scores.units,
        labels=list(held_out.labels),
        examples_digest=held_out.examples_digest,
        base_models=[
            BaseModelReference(name=name, digest=digest)
            for name, digest in sorted(held_out.base_models)
        ],
        settings=settings,
        primary_metric=metrics[0].name,
        metrics=[MetricInfo.of(metric) for metric in metrics],
        candidates=scores.candidates,
        paired_tests=[comparison.test for comparison in scores.comparisons],
        slices=scores.slices,
        judgements=[],
        learning_curve=scores.learning_curve,
    )


def _with_judge(
    found: EvaluationMetrics, held_out: HeldOut, outputs: EvaluationPaths
) -> EvaluationMetrics:
    settings = found.settings.judge
    judge = judge_for(settings, outputs.verdict.parent)
    judgements = judged(held_out, found.candidates, found.metrics[0], settings, judge)
    return found.model_copy(
        update={
            "judgements": judgements,
            "candidates": with_win_rates(found.candidates, judgements),
            "metrics": [*found.metrics, WIN_RATE],
        }
    )


def _verdict(found: EvaluationMetrics, scores: Scores) -> Verdict:
    fields = set(CandidateSummary.model_fields)
    contest = Contest(
        candidates=[CandidateSummary(**c.model_dump(include=fields)) for c in found.candidates],
        comparisons=scores.comparisons,
        slices=found.slices,
        unscored_slices=scores.unscored_slices,
        metrics=found.metrics,
        rows=found.rows,
        units=found.units,
        task=found.task,
        task_reason=found.task_reason,
        settings=found.settings,
    )
    verdict = decide(contest)
    confusions = {candidate.name: candidate.confusion for candidate in found.candidates}
    shown = verdict.winner or verdict.best_tuned
    return verdict.model_copy(update={"confusion": confusions.get(shown)})


def _shown(
    held_out: HeldOut, metric: Metric, measured: dict[str, Measured], verdict: Verdict
) -> ShownRows | None:
    before, after = verdict.best_baseline, verdict.winner or verdict.best_tuned
    if not before or not after:
        return None
    scores = {
        name: unit_scores(metric, measured[name].statistics[metric.name])
        for name in (before, after)
    }
    return shown_rows(held_out, metric, before, after, scores)
