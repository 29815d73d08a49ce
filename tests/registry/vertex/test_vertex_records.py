"""What is read is what the earlier stages write."""

from typing import Any

import pytest
from pydantic import BaseModel

from tests.registry.vertex.tuned import managed_result
from tuneline.evaluation import results
from tuneline.evaluation.verdict import Verdict
from tuneline.registry.records import ResultRecord
from tuneline.registry.vertex import records


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (records.EvaluatedRecord, Verdict),
        (records.ScoresRecord, results.EvaluationMetrics),
        (records.ScoredRecord, results.CandidateResult),
        (records.LabelRecord, results.LabelScores),
        (records.ConfusionRecord, results.ConfusionMatrix),
        (records.SliceRecord, results.SliceResult),
    ],
)
def test_every_field_that_is_read_is_written(read: type[BaseModel], written: Any):
    assert set(read.model_fields) - set(written.model_fields) == set()


def test_managed_result_is_read_like_any_other():
    result = managed_result(job="projects/p/locations/l/tuningJobs/1")
    read = ResultRecord.model_validate_json(result.model_dump_json())
    assert (read.model_digest, read.model_folder) == (result.model_digest, "")
    assert (read.method, read.total_parameters) == ("pet", 0)
