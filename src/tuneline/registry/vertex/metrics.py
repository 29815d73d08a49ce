"""Measured values in the form of the service's metrics schemas, and only those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.registry.records import MetricRecord
    from tuneline.registry.vertex.records import ConfusionRecord, LabelRecord, ScoredRecord

CLASSIFICATION = "classification"
SUMMARIZATION = "summarization"
TEXT = "general_text_generation"

_KINDS = {
    "classification": CLASSIFICATION,
    "sentiment": CLASSIFICATION,
    "summarization": SUMMARIZATION,
}
_TEXT_NAMES = {"rouge_lsum": "rougeLSum"}
_MOST_LABELS = 100  # the console draws no larger matrix


def schema_kind(task: str) -> str:
    """Which of the service's schemas a kind of task has."""
    return _KINDS.get(task, TEXT)


def schema_uri(kind: str) -> str:
    """Where the service keeps a schema."""
    return f"gs://google-cloud-aiplatform/schema/modelevaluation/{kind}_metrics_1.0.0.yaml"


def schema_metrics(
    kind: str, values: Mapping[str, MetricRecord], scored: ScoredRecord | None
) -> dict[str, Any]:
    """A candidate's values as a schema names them.

    Args:
        kind: Which schema.
        values: By Tuneline's names.
        scored: Its tables; None where they were not given.
    """
    plain = {name: metric.value for name, metric in values.items()}
    if kind != CLASSIFICATION:
        return _text(plain)
    confusion = scored.confusion if scored else None
    found = {**_at_one_answer(plain), **(_micro(confusion) if confusion else {})}
    metrics: dict[str, Any] = {"confidenceMetrics": [found]} if found else {}
    if confusion and len(confusion.categories) <= _MOST_LABELS:
        metrics["confusionMatrix"] = {
            "annotationSpecs": [{"displayName": name} for name in confusion.categories],
            "rows": confusion.matrix,
        }
    return metrics


def label_metrics(label: LabelRecord) -> dict[str, Any]:
    """The scores of one label, as the schema of classifications has them."""
    scores = {"precision": label.precision, "recall": label.recall, "f1Score": label.f1}
    known = {name: value for name, value in scores.items() if value is not None}
    return {"confidenceMetrics": [known]} if known else {}


def primary_metrics(kind: str, name: str, value: float) -> dict[str, Any]:
    """One value as a schema names it; empty where it has no name for it."""
    if kind != CLASSIFICATION:
        return _text({name: value})
    found = _at_one_answer({name: value})
    return {"confidenceMetrics": [found]} if found else {}


def _text(values: Mapping[str, float]) -> dict[str, float]:
    """The schemas of text describe ROUGE-Lsum and BLEU alone; others keep Tuneline's names."""
    return {
        ("rougeLSum" if name == "rouge_lsum" else name): value for name, value in values.items()
    }


def _at_one_answer(values: Mapping[str, float]) -> dict[str, float]:
    """Scores of answers without a threshold: each row has one answer or none.

    The share of rows that are right is then recall, micro-averaged over the labels.
    """
    names = {"accuracy": "recall", "macro_f1": "f1ScoreMacro"}
    return {names[name]: value for name, value in values.items() if name in names}


def _micro(confusion: ConfusionRecord) -> dict[str, float]:
    """Precision and F1, micro-averaged: answers that are no label are no predictions."""
    right = sum(row[place] for place, row in enumerate(confusion.matrix))
    rows = sum(map(sum, confusion.matrix))
    predicted = rows - sum(row[-1] for row in confusion.matrix)
    if not predicted:
        return {}
    return {"precision": right / predicted, "f1Score": 2 * right / (predicted + rows)}
