"""Parts of the held-out rows, as slices of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud import aiplatform_v1 as service

from tuneline.registry.vertex.made_once import found_or_made, within_quota
from tuneline.registry.vertex.metrics import (
    CLASSIFICATION,
    label_metrics,
    primary_metrics,
    schema_uri,
)
from tuneline.vertex.clients import patient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.registry.vertex.records import ScoredRecord, ScoresRecord, SliceRecord

_AT_ONCE = 50  # the service's limit


def slices_of(
    kind: str, primary_metric: str, scores: ScoresRecord, scored: ScoredRecord
) -> list[service.ModelEvaluationSlice]:
    """The slices of a candidate: its labels, and other parts where a schema has their metric.

    Args:
        kind: Which schema.
        primary_metric: What slices were compared by.
        scores: Of all candidates.
        scored: The candidate.
    """
    found = []
    if kind == CLASSIFICATION:
        found = [
            _slice(kind, {"dimension": "annotationSpec", "value": label.label}, metrics)
            for label in scored.labels
            if (metrics := label_metrics(label))
        ]
    found += [
        _slice(kind, _spec(part), metrics)
        for part in scores.slices
        if part.candidate == scored.name
        and part.slice != "label"
        and (metrics := primary_metrics(kind, primary_metric, part.candidate_value))
    ]
    return found


def import_slices(
    client: Any, evaluation: str, slices: Sequence[service.ModelEvaluationSlice]
) -> None:
    """Import the slices that an evaluation does not have yet."""
    present = _present(client, evaluation)
    for batch in _batches([part for part in slices if _key(part) not in present]):
        _import(client, evaluation, batch)


def _import(client: Any, evaluation: str, batch: list[service.ModelEvaluationSlice]) -> None:
    wanted = set(map(_key, batch))
    found_or_made(
        lambda: True if wanted <= _present(client, evaluation) else None,
        lambda: client.batch_import_model_evaluation_slices(
            parent=evaluation, model_evaluation_slices=batch, **within_quota()
        ),
    )


def _slice(
    kind: str, definition: dict[str, Any], metrics: dict[str, Any]
) -> service.ModelEvaluationSlice:
    return service.ModelEvaluationSlice(
        slice_=definition, metrics_schema_uri=schema_uri(kind), metrics=metrics
    )


def _spec(part: SliceRecord) -> dict[str, Any]:
    """A slice that is no label, which the service calls the user's own."""
    config = {"value": {"string_value": part.value}}
    return {
        "dimension": "slice",
        "value": f"{part.slice}: {part.value}",
        "slice_spec": {"configs": {part.slice: config}},
    }


def _batches(
    slices: Sequence[service.ModelEvaluationSlice],
) -> Iterator[list[service.ModelEvaluationSlice]]:
    """Batches of one kind each: Google's own importer mixes no kinds."""
    for dimension in ("annotationSpec", "slice"):
        own = [part for part in slices if part.slice_.dimension == dimension]
        for start in range(0, len(own), _AT_ONCE):
            yield own[start : start + _AT_ONCE]


def _present(client: Any, evaluation: str) -> set[tuple[str, str]]:
    return set(map(_key, client.list_model_evaluation_slices(parent=evaluation, **patient())))


def _key(part: service.ModelEvaluationSlice) -> tuple[str, str]:
    return part.slice_.dimension, part.slice_.value
