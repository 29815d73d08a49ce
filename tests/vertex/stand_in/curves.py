"""Experiments of finished tuning jobs, and the curves in the TensorBoards behind them."""

from __future__ import annotations

from typing import Any

from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.listing import page
from tests.vertex.stand_in.names import new_number, place_of
from tests.vertex.stand_in.refusals import not_found
from tests.vertex.stand_in.state import Vertex
from tests.vertex.stand_in.tuning_job import Job

_METRICS = ("total_loss", "fraction_of_correct_next_step_preds", "num_predictions")
_MOST_POINTS = 20


def add_experiment(vertex: Vertex, job: Job, steps: int) -> str:
    """Make the experiment of a job with its curves; gives its name."""
    parent, at = place_of(job.resource["name"]), now()
    identity = f"tuning-experiment-{job.id}"
    name = f"{parent}/metadataStores/default/contexts/{identity}"
    board = f"{parent}/tensorboards/{new_number()}"
    vertex.contexts[name] = {
        "name": name,
        "displayName": identity,
        "schemaTitle": "system.Experiment",
        "schemaVersion": "0.0.1",
        "metadata": {"backing_tensorboard_resource": board, "experiment_deleted": False},
        "createTime": at,
        "updateTime": at,
    }
    run = f"{board}/experiments/{identity}/runs/tuning-experiment-run-{job.id}"
    splits = {"train": job.training, "eval": job.validation}
    for split in (split for split, dataset in splits.items() if dataset.rows):
        for metric in _METRICS:
            series = f"{run}/timeSeries/{new_number()}"
            vertex.series[series] = {
                "name": series,
                "displayName": f"/{split}_{metric}",
                "valueType": "SCALAR",
                "pluginName": "scalars",
                "createTime": at,
                "updateTime": at,
                "points": _points(split, metric, steps),
            }
    return name


def _points(split: str, metric: str, steps: int) -> list[dict[str, Any]]:
    """Values that fall or rise as those of a tuning that learns."""
    stride = max(1, -(-steps // _MOST_POINTS))
    at, worse = now(), 0.1 if split == "eval" else 0.0
    return [
        {"step": str(step), "wallTime": at, "scalar": {"value": _value(metric, step) + worse}}
        for step in range(stride, steps + 1, stride)
    ]


def _value(metric: str, step: int) -> float:
    left = 1 / (1 + step / 4)
    return {"total_loss": 2 * left, "num_predictions": 64.0}.get(metric, 0.85 - 0.6 * left)


def get_context(vertex: Vertex, call: Call) -> dict[str, Any]:
    """GetContext."""
    if call.name not in vertex.contexts:
        raise not_found("Context", call.name)
    return vertex.contexts[call.name]


def list_runs(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListTensorboardRuns."""
    names = {name.rpartition("/timeSeries/")[0]: series for name, series in vertex.series.items()}
    runs = [
        {
            "name": name,
            "displayName": name.rpartition("/")[2],
            "createTime": series["createTime"],
        }
        for name, series in names.items()
        if name.startswith(f"{call.name}/runs/")
    ]
    return page(call, runs, "tensorboardRuns")


def list_time_series(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListTensorboardTimeSeries."""
    found = [
        {field: value for field, value in series.items() if field != "points"}
        for name, series in vertex.series.items()
        if name.startswith(f"{call.name}/timeSeries/")
    ]
    return page(call, found, "tensorboardTimeSeries")


def read_time_series(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ReadTensorboardTimeSeriesData."""
    series = vertex.series.get(call.name)
    if series is None:
        raise not_found("TensorboardTimeSeries", call.name)
    most = int(call.request.get("maxDataPoints", 0)) or 1000
    return {
        "timeSeriesData": {
            "tensorboardTimeSeriesId": call.name.rpartition("/")[2],
            "valueType": series["valueType"],
            "values": series["points"][:most],
        }
    }
