"""What registration reads is what the earlier stages write."""

from typing import Any

import pytest
from pydantic import BaseModel

from tuneline.evaluation.results import CandidateSummary, Metric
from tuneline.evaluation.verdict import Verdict
from tuneline.registry import records
from tuneline.training import result


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (records.VerdictRecord, Verdict),
        (records.CandidateRecord, CandidateSummary),
        (records.MetricRecord, Metric),
        (records.ResultRecord, result.TuningResult),
        (records.BaseModelRecord, result.BaseModelRecord),
        (records.SplitRecord, result.SplitRecord),
    ],
)
def test_every_field_that_is_read_is_written(read: type[BaseModel], written: Any):
    assert set(read.model_fields) - set(written.model_fields) == set()
