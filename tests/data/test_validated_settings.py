from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tuneline.errors import ConfigurationError
from tuneline.settings import suggestion, validated


class Adapter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rank: int = Field(default=8, ge=1)


class Tuning(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    train: str
    method: Literal["pet", "full"] = "pet"
    epochs: float = Field(default=1, gt=0)
    adapter: Adapter = Adapter()

    @model_validator(mode="after")
    def _agree(self):
        if self.train == "bad":
            raise ConfigurationError(["train: is bad.", "train: is really bad."])
        if self.train == "odd":
            raise ValueError("train is odd.")
        return self


def problems_of(values):
    with pytest.raises(ConfigurationError) as raised:
        validated(Tuning, values, source="tune.yaml")
    return raised.value.problems


def test_good_values_become_the_model():
    settings = validated(Tuning, {"train": "a", "adapter": {"rank": 4}}, source="tune.yaml")
    assert settings == Tuning(train="a", adapter=Adapter(rank=4))


def test_every_problem_is_listed_at_once():
    problems = problems_of(
        {"metod": "pet", "method": "ful", "epochs": -1, "adapter": {"rnk": 2, "rank": 0}}
    )
    assert sorted(problems) == [
        "tune.yaml: adapter.rank: must be greater than or equal to 1, not 0.",
        "tune.yaml: adapter.rnk: no such setting. Did you mean 'rank'?",
        "tune.yaml: epochs: must be greater than 0, not -1.",
        "tune.yaml: method: must be 'pet' or 'full', not 'ful'. Did you mean 'full'?",
        "tune.yaml: metod: no such setting. Did you mean 'method'?",
        "tune.yaml: train: is required.",
    ]


def test_an_unknown_name_like_no_other_lists_the_known_ones():
    [problem] = problems_of({"train": "a", "zzz": 1})
    assert problem.endswith("zzz: no such setting. Known: adapter, epochs, method, train.")


def test_a_validator_that_gathers_problems_keeps_them_apart():
    assert problems_of({"train": "bad"}) == [
        "tune.yaml: train: is bad.",
        "tune.yaml: train: is really bad.",
    ]


def test_a_validator_with_one_problem():
    assert problems_of({"train": "odd"}) == ["tune.yaml: train is odd."]


def test_a_long_value_is_cut():
    [problem] = problems_of({"train": "a", "epochs": "x" * 1000})
    assert len(problem) < 200


def test_suggestion_is_empty_when_nothing_is_near():
    assert suggestion("abc", ["xyz"]) == ""
