"""What a registered version carries: read and checked before the registry is touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.errors import DataError
from tuneline.files import sha256_folder
from tuneline.registry.records import CandidateRecord, ResultRecord, VerdictRecord, read_record

if TYPE_CHECKING:
    from collections.abc import Mapping

RESULT_FILE = "result.json"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A model that may be registered, with everything that is known of it.

    Attributes:
        model: The tuned model's folder, or a remote URI as text.
        result: How it was made.
        verdict: Why it may be registered.
        winner: The candidate of the verdict that the model is.
        files: Text of report.html, result.json and verdict.json by file name.
    """

    model: Path | str
    result: ResultRecord
    verdict: VerdictRecord
    winner: CandidateRecord
    files: Mapping[str, str]


def read_evidence(model: Path | str, verdict: Path, report: Path, result: Path) -> Evidence:
    """Read what the earlier stages left and check that it belongs together.

    Raises:
        DataError: A file is missing or not what it should be, the verdict did not pass or is of
            another model, or the model's files changed since.
    """
    files = {
        "report.html": _read(report),
        "result.json": _read(result),
        "verdict.json": _read(verdict),
    }
    tuned = read_record(ResultRecord, files["result.json"], result)
    decided = read_record(VerdictRecord, files["verdict.json"], verdict)
    winner = _passed_winner(decided, verdict)
    if winner.kind != tuned.method:
        raise DataError(
            f"{verdict}: winner: {winner.name!r} was tuned by {winner.kind!r}, but {result} is of "
            f"a model tuned by {tuned.method!r}. Register the model that won."
        )
    if winner.model_digest and winner.model_digest != tuned.model_digest:
        raise DataError(
            f"{verdict}: winner: {winner.name!r} is another model than the one of {result} (their "
            "digests differ). Register the model that was evaluated."
        )
    if isinstance(model, Path):
        _require_same_model(model, tuned)
    return Evidence(model, tuned, decided, winner, files)


def parameters(result: ResultRecord) -> dict[str, str]:
    """Method, base model and every resolved setting, as MLflow's parameters of a run."""
    return {
        "method": result.method,
        "base_model": result.base_model.reference,
        "trainable_parameters": str(result.trainable_parameters),
        "total_parameters": str(result.total_parameters),
        **{f"settings.{name}": str(value) for name, value in result.settings.items()},
    }


def metrics(evidence: Evidence) -> dict[str, float]:
    """The winner's numbers by metric name, and the best baseline's under ``baseline.``."""
    numbers = _numbers(evidence.winner, "")
    for candidate in evidence.verdict.candidates:
        if candidate.name == evidence.verdict.best_baseline:
            numbers |= _numbers(candidate, "baseline.")
    rows = {f"rows.{split}": float(data.rows) for split, data in evidence.result.data.items()}
    return {**numbers, **rows, "training_seconds": evidence.result.seconds}


def version_tags(evidence: Evidence, artifact_uri: str) -> dict[str, str]:
    """Digests, method and verdict, as tags of the version.

    Args:
        evidence: What is registered.
        artifact_uri: Where the version's run keeps its files; the report's link starts with it.
    """
    result, verdict = evidence.result, evidence.verdict
    digests = {f"tuneline.{split}_digest": data.digest for split, data in result.data.items()}
    return {
        "tuneline.model_digest": result.model_digest,
        **digests,
        "tuneline.base_model": result.base_model.reference,
        "tuneline.base_digest": result.base_model.digest,
        "tuneline.method": result.method,
        "tuneline.verdict": verdict.headline,
        "tuneline.metric": verdict.primary_metric,
        "tuneline.metric_value": repr(evidence.winner.metrics[verdict.primary_metric].value),
        "tuneline.run": result.run_digest,
        "tuneline.report": f"{artifact_uri}/report.html",
        "tuneline.producer": f"tuneline {result.tuneline_version}",
    }


def description(verdict: VerdictRecord) -> str:
    """Headline and reasons of the verdict, as Markdown."""
    return "\n".join([verdict.headline, "", *(f"- {reason}" for reason in verdict.reasons)])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error


def _passed_winner(verdict: VerdictRecord, file: Path) -> CandidateRecord:
    if not verdict.passed:
        raise DataError(
            f"{file}: passed: the verdict is no ({verdict.headline}), so nothing is registered. "
            "Only a model that passed its evaluation can be."
        )
    tuned = {c.name: c for c in verdict.candidates if c.kind != "baseline"}
    winner = tuned.get(verdict.winner)
    if winner is not None and verdict.primary_metric in winner.metrics:
        return winner
    raise DataError(
        f"{file}: winner: {verdict.winner!r} is not a tuned candidate with the metric "
        f"{verdict.primary_metric!r}. Evaluate again."
    )


def _require_same_model(folder: Path, result: ResultRecord) -> None:
    weights = folder / result.model_folder
    if not weights.is_dir():
        raise DataError(f"{folder}: holds no folder {result.model_folder!r} with a tuned model.")
    if sha256_folder(weights) != result.model_digest:
        raise DataError(
            f"{weights}: not the model that {RESULT_FILE} describes (its digest differs). Its "
            "files were changed since it was tuned; tune and evaluate again."
        )


def _numbers(candidate: CandidateRecord, prefix: str) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, metric in candidate.metrics.items():
        parts = {"": metric.value, ".low": metric.low, ".high": metric.high}
        numbers |= {f"{prefix}{name}{end}": part for end, part in parts.items() if part is not None}
    return numbers
