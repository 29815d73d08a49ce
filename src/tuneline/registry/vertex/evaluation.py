"""The evaluation of a registered version, imported once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.cloud import aiplatform_v1 as service

from tuneline.registry.records import read_record
from tuneline.registry.vertex.made_once import found_or_made, within_quota
from tuneline.registry.vertex.metrics import schema_kind, schema_metrics, schema_uri
from tuneline.registry.vertex.records import EvaluatedRecord, read_scores
from tuneline.registry.vertex.slices import import_slices, slices_of
from tuneline.vertex.clients import patient

if TYPE_CHECKING:
    from tuneline.registry.evidence import Evidence
    from tuneline.registry.records import CandidateRecord

PRODUCER = "tuneline"
"""What the names of imported evaluations start with."""

_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation in the service's words.

    Attributes:
        whole: Over all rows; what its schema has no place for stands in its metadata.
        slices: Over parts of them; empty unless the evaluation's metrics.json was given.
    """

    whole: service.ModelEvaluation
    slices: list[service.ModelEvaluationSlice]


def read_evaluation(evidence: Evidence, scores: Path | None) -> Evaluation:
    """Put what was measured into the service's words.

    Args:
        evidence: The registered model's.
        scores: The evaluation's metrics.json, which has the confusion matrix and slices.

    Raises:
        DataError: The verdict does not say what was evaluated, or the scores are of another
            evaluation.
    """
    verdict = read_record(EvaluatedRecord, evidence.files["verdict.json"], Path("verdict.json"))
    kind, scored, slices = schema_kind(verdict.task), None, []
    metadata = _metadata(evidence, verdict)
    if scores is not None:
        found, scored = read_scores(scores, evidence.winner)
        slices = slices_of(kind, verdict.primary_metric, found, scored)
        metadata["examplesDigest"] = found.examples_digest
    whole = service.ModelEvaluation(
        display_name=_name(evidence),
        metrics_schema_uri=schema_uri(kind),
        metrics=schema_metrics(kind, evidence.winner.metrics, scored),
        metadata=metadata,
    )
    return Evaluation(whole, slices)


def import_evaluation(client: Any, version: str, evaluation: Evaluation) -> None:
    """Import an evaluation, unless the version has it.

    Args:
        client: Of the service.
        version: The version's name.
        evaluation: What is imported.
    """

    def find() -> str | None:
        for found in client.list_model_evaluations(parent=version, **patient()):
            if found.display_name == evaluation.whole.display_name:
                return str(found.name)
        return None

    def make() -> str:
        made = client.import_model_evaluation(
            parent=version, model_evaluation=evaluation.whole, **within_quota()
        )
        return str(made.name)

    name, _ = found_or_made(find, make)
    if evaluation.slices:
        import_slices(client, name, evaluation.slices)


def _name(evidence: Evidence) -> str:
    """The same for the same run and verdict, so that it is found again."""
    run = evidence.result.run_digest[:_DIGEST_LENGTH]
    return f"{PRODUCER} run {run} verdict {_sha256(evidence, 'verdict.json')[:_DIGEST_LENGTH]}"


def _metadata(evidence: Evidence, verdict: EvaluatedRecord) -> dict[str, Any]:
    baselines = [found for found in verdict.candidates if found.name == verdict.best_baseline]
    return {
        "producer": f"{PRODUCER} {evidence.result.tuneline_version}",
        "task": verdict.task,
        "rows": verdict.rows,
        "headline": verdict.headline,
        "primaryMetric": verdict.primary_metric,
        "primaryValue": evidence.winner.metrics[verdict.primary_metric].value,
        "method": evidence.result.method,
        "baseModel": evidence.result.base_model.reference,
        "winner": _candidate(evidence.winner),
        "bestBaseline": _candidate(baselines[0]) if baselines else None,
        "runDigest": evidence.result.run_digest,
        "modelDigest": evidence.result.model_digest,
        "reportDigest": _sha256(evidence, "report.html"),
    }


def _candidate(candidate: CandidateRecord) -> dict[str, Any]:
    metrics = {
        name: metric.model_dump(exclude_none=True) for name, metric in candidate.metrics.items()
    }
    return {"name": candidate.name, "metrics": metrics}


def _sha256(evidence: Evidence, file: str) -> str:
    return hashlib.sha256(evidence.files[file].encode()).hexdigest()
