"""What a version says of the model: custom properties, and the pipeline run that made it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneline.registry.evidence import Evidence
    from tuneline.registry.kubeflow.properties import Value
    from tuneline.registry.records import CandidateRecord
    from tuneline.vertex.tuning.result import ManagedResult

PRODUCER = "tuneline"
"""Author of what is registered, and start of its properties' names."""

DIGEST = f"{PRODUCER}.model_digest"
"""Property that a version is known by."""

METHOD = f"{PRODUCER}.method"
BASE_MODEL = f"{PRODUCER}.base_model"
METRIC = f"{PRODUCER}.metric"
METRIC_VALUE = f"{PRODUCER}.metric_value"

RUN_VARIABLE = "KFP_RUN_ID"
RUN_NAME_VARIABLE = "KFP_RUN_NAME"
NAMESPACE_VARIABLE = "KFP_NAMESPACE"
"""Environment variables that a task on Kubeflow Pipelines is given its run in."""


def version_properties(
    evidence: Evidence, managed: ManagedResult | None = None
) -> dict[str, Value | None]:
    """Digests, method, sizes, measured values and verdict of a tuned model.

    What is not known is None. Parameters are counted in decimal numbers: whole ones end before the
    larger models.

    Args:
        evidence: What is registered.
        managed: The tuning job that made it; None for Tuneline's own trainer.
    """
    result, verdict = evidence.result, evidence.verdict
    base = result.base_model
    splits: dict[str, Value | None] = {}
    for split, data in result.data.items():
        splits |= {f"{PRODUCER}.{split}_digest": data.digest, f"{PRODUCER}.{split}_rows": data.rows}
    report = hashlib.sha256(evidence.files["report.html"].encode()).hexdigest()
    return {
        DIGEST: result.model_digest,
        BASE_MODEL: base.reference,
        f"{PRODUCER}.base_digest": base.digest,
        f"{PRODUCER}.base_revision": base.revision,
        METHOD: result.method,
        **splits,
        f"{PRODUCER}.trainable_parameters": float(result.trainable_parameters) or None,
        f"{PRODUCER}.total_parameters": float(result.total_parameters) or None,
        f"{PRODUCER}.training_seconds": float(result.seconds),
        METRIC: verdict.primary_metric,
        **_measured(evidence.winner, verdict.primary_metric, METRIC),
        **_best_baseline(evidence),
        f"{PRODUCER}.verdict": verdict.headline,
        f"{PRODUCER}.run": result.run_digest,
        f"{PRODUCER}.report_digest": report,
        f"{PRODUCER}.tuning_job": managed.job if managed else None,
        f"{PRODUCER}.producer": f"{PRODUCER} {result.tuneline_version}",
    }


def pipeline_run() -> dict[str, str]:
    """The run that this task belongs to, as a model artifact's source; empty outside of one."""
    run = os.environ.get(RUN_VARIABLE, "")
    if not run:
        return {}
    return {
        "model_source_kind": "kfp",
        "model_source_class": "pipelinerun",
        "model_source_group": os.environ.get(NAMESPACE_VARIABLE, ""),
        "model_source_id": run,
        "model_source_name": os.environ.get(RUN_NAME_VARIABLE, "") or run,
    }


def _best_baseline(evidence: Evidence) -> dict[str, Value | None]:
    name = evidence.verdict.best_baseline
    for candidate in evidence.verdict.candidates:
        if candidate.name == name and evidence.verdict.primary_metric in candidate.metrics:
            prefix = f"{PRODUCER}.baseline"
            metric = evidence.verdict.primary_metric
            return {prefix: name, **_measured(candidate, metric, prefix)}
    return {}


def _measured(candidate: CandidateRecord, name: str, prefix: str) -> dict[str, Value | None]:
    """A metric's value and the ends of its 95 % interval."""
    metric = candidate.metrics[name]
    ends = {"value": metric.value, "low": metric.low, "high": metric.high}
    return {f"{prefix}_{end}": None if at is None else float(at) for end, at in ends.items()}
