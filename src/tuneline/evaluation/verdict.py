"""The verdict: was tuning worth it, by how much, and what should be used."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuneline.errors import DataError
from tuneline.evaluation.results import (
    SCHEMA_VERSION,
    CandidateSummary,
    ConfusionMatrix,
    MetricInfo,
    PairedTest,
    SliceResult,
)
from tuneline.evaluation.settings import TaskKind


class GateTest(PairedTest):
    """A tuned candidate (the first) against one baseline, as the gate sees it.

    Attributes:
        p_gate: The p-value that decides. To pass, a candidate must beat every baseline, so it is
            the largest of the candidate's p-values against them, corrected by Holm over the tuned
            candidates. With a margin, that of "better by no more than the margin".
    """

    p_gate: float


class Verdict(BaseModel):
    """What the evaluation decided, as it stands in ``verdict.json``.

    Attributes:
        schema_version: Version of this form.
        passed: Whether a tuned candidate is worth registering.
        winner: Name of that candidate; empty unless ``passed``.
        recommended: Name of the cheapest candidate that is not significantly worse than the best;
            the winner where there is one, empty where nothing was measured.
        headline: The answer in one sentence.
        reasons: Each rule with its numbers, starting with ``passed:`` or ``failed:``.
        sensitivity: Which differences this number of rows can show, in one sentence; empty where
            no tuned candidate was compared.
        task: Kind of task, and ``task_reason`` why it was taken for that.
        primary_metric: The metric that decides.
        metrics: What each metric is; the primary one stands first.
        rows: Held-out rows that every candidate answered.
        best_baseline: Name of the prompt design with the best score, the cheapest of equals.
        best_tuned: Name of the tuned candidate with the best score, the cheapest of equals.
        candidates: From the cheapest to the costliest.
        gate_tests: Each tuned candidate against each baseline.
        worst_slices: Where the shown tuned candidate loses most against the best baseline, the
            worst first; only slices with enough rows to decide.
        confusion: The confusion matrix of the winner, or of the best tuned candidate, for KFP's
            ``log_confusion_matrix``. Not part of ``verdict.json``: ``metrics.json`` holds all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA_VERSION
    passed: bool
    winner: str
    recommended: str
    headline: str
    reasons: list[str]
    sensitivity: str
    task: TaskKind
    task_reason: str
    primary_metric: str
    metrics: list[MetricInfo]
    rows: int
    best_baseline: str
    best_tuned: str
    candidates: list[CandidateSummary]
    gate_tests: list[GateTest]
    worst_slices: list[SliceResult]
    confusion: ConfusionMatrix | None = Field(default=None, exclude=True)

    def candidate(self, name: str) -> CandidateSummary:
        """The candidate of this name.

        Raises:
            KeyError: There is none.
        """
        found = {candidate.name: candidate for candidate in self.candidates}
        return found[name]

    def info(self, metric: str) -> MetricInfo:
        """What a metric is, by its name."""
        return next(info for info in self.metrics if info.name == metric)

    def scalars(self) -> dict[str, float]:
        """Flat numbers for a metrics store: ``pet.accuracy``, ``pet.accuracy.low``, and so on."""
        flat: dict[str, float] = {"passed": float(self.passed), "rows": float(self.rows)}
        for candidate in self.candidates:
            for name, metric in candidate.metrics.items():
                parts = {"": metric.value, ".low": metric.low, ".high": metric.high}
                flat |= {
                    f"{candidate.name}.{name}{end}": part
                    for end, part in parts.items()
                    if part is not None
                }
        return flat


def read_verdict(path: Path) -> Verdict:
    """Read ``verdict.json``.

    Raises:
        DataError: It is missing or no verdict that this release reads.
    """
    try:
        verdict = Verdict.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: not a verdict ({error}). Evaluate first.") from error
    if verdict.schema_version != SCHEMA_VERSION:
        raise DataError(
            f"{path}: schema version {verdict.schema_version}, but this release reads version "
            f"{SCHEMA_VERSION}. Evaluate again."
        )
    return verdict
