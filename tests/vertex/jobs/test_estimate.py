"""What a run would cost: said where it is known, and never made up."""

import json

import pytest

from tests.vertex.jobs.conftest import PARAMETERS
from tests.vertex.stand_in import PROJECT
from tuneline.errors import ConfigurationError, DataError
from tuneline.pipelines.platform import Platform
from tuneline.submission.spec import Spec, compiled_or_loaded
from tuneline.vertex.jobs.estimate import cost

UNKNOWN = "machines are paid by the hour; their price is not known to tuneline"


def managed(data, **further):
    """Parameters of a pipeline whose model a service tunes."""
    given = {
        "base_model": "gemini-3.1-flash-lite",
        "data": str(data),
        "project": PROJECT,
        "staging": "gs://sources/tuneline",
        "location": "us-central1",
        "overrides": {"epochs": 2},
    }
    return {**given, **further}


@pytest.fixture
def data(tmp_path):
    colors = ["red", "green", "blue"]
    rows = [
        {"prompt": f"lamp {number} of hall {number % 7}", "completion": colors[number % 3]}
        for number in range(150)
    ]
    path = tmp_path / "lamps.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_machines_without_a_choice_have_no_price(spec):
    assert cost(spec, PARAMETERS) == [UNKNOWN]


def test_machines_are_named_with_their_number():
    platform = Platform(
        target="vertex",
        accelerator="NVIDIA_L4",
        accelerators=2,
        machine_type="g2-standard-24",
        nodes=3,
        spot=True,
    )
    said = cost(compiled_or_loaded("supervised_tuning", platform), PARAMETERS)
    assert "task 'tune': 3 x g2-standard-24 with 2 x NVIDIA_L4 (spot)" in said
    assert "task 'predict by prompt design': 2 x NVIDIA_L4" in said
    assert said[-1] == UNKNOWN


def test_managed_tuning_has_the_price_of_the_data(spec, data):
    [tuning, *_] = cost(Spec(spec.content), managed(data))
    assert tuning.startswith("Tuning gemini-3.1-flash-lite costs about ")
    assert "$3 a million as of" in tuning
    assert "2 epochs" in tuning


def test_data_that_cannot_be_read_from_here_leaves_the_price_open(spec, vertex):
    [tuning, *_] = cost(spec, managed("gs://sources/none.jsonl"))
    assert "the price depends on the data, unreadable from here" in tuning
    assert "$" not in tuning


def test_own_price_and_limit_count(spec, data):
    own = {"epochs": 2, "usd_per_million_tokens": 50.0}
    [tuning, *_] = cost(spec, managed(data, overrides=own))
    assert "2 epochs, $50 a million as you set it" in tuning
    with pytest.raises(ConfigurationError, match=r"max_cost_usd: Tuning .* That is above 0.01"):
        cost(spec, managed(data, overrides=own, max_cost_usd=0.01))


def test_data_that_would_be_refused_is_told(spec, tmp_path):
    path = tmp_path / "lamps.jsonl"
    path.write_text('{"prompt": "lamp"}\n' * 3)
    with pytest.raises(DataError, match="would not be tuned on this data"):
        cost(spec, managed(path))
