"""The curves of a tuning job, read from the TensorBoard of its experiment."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from tuneline.vertex.clients import api_client, patient, translated
from tuneline.vertex.place import Resource
from tuneline.vertex.tuning.result import CurvePoint

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("tuneline")

_BACKING = "backing_tensorboard_resource"
_DEADLINE_S = 120.0


def read_curves(experiment: str) -> dict[str, list[CurvePoint]]:
    """Values of every metric by step.

    They are shown and decide nothing, so a job whose curves cannot be read has succeeded all the
    same: that is said, and there are none. Values that are no numbers are left out.

    Args:
        experiment: Name of the experiment's context,
            ``projects/P/locations/L/metadataStores/default/contexts/ID``; empty: there is none.
    """
    if not experiment:
        return {}
    try:
        with translated("reading the curves"):
            return dict(_series(experiment))
    except Exception as error:  # noqa: BLE001 - the job is paid for, and its result must not be lost
        logger.warning("tune: the curves cannot be read: %s", error)
        return {}


def _series(experiment: str) -> Iterator[tuple[str, list[CurvePoint]]]:
    from google.cloud import aiplatform_v1 as vertex

    place = Resource.parse("/".join(experiment.split("/")[:6])).place
    contexts: Any = api_client(vertex.MetadataServiceClient, place)
    context = contexts.get_context(name=experiment, **patient(_DEADLINE_S))
    board = dict(context.metadata).get(_BACKING, "")
    if not board:
        logger.warning("tune: %s has no TensorBoard, so there are no curves", experiment)
        return
    boards: Any = api_client(vertex.TensorboardServiceClient, Resource.parse(board).place)
    runs = f"{board}/experiments/{experiment.rsplit('/', 1)[-1]}"
    for run in boards.list_tensorboard_runs(parent=runs, **patient(_DEADLINE_S)):
        for series in boards.list_tensorboard_time_series(parent=run.name, **patient(_DEADLINE_S)):
            read = boards.read_tensorboard_time_series_data(
                tensorboard_time_series=series.name, **patient(_DEADLINE_S)
            )
            yield (
                series.display_name,
                [
                    CurvePoint(step=point.step, value=point.scalar.value)
                    for point in read.time_series_data.values
                    if math.isfinite(point.scalar.value)
                ],
            )
