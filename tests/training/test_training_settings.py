from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tuneline.errors import ConfigurationError
from tuneline.settings import validated
from tuneline.training.settings import PRESETS, TrainConfig, TrainingSettings

PATHS = {"train": "train.parquet", "validation": "validation.parquet", "output": "out"}


def config(**values) -> TrainConfig:
    return validated(TrainConfig, {**PATHS, **values}, source="run.yaml")


def problems(**values) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        config(**values)
    return raised.value.problems


def test_the_defaults_are_the_balanced_preset():
    settings = config().overrides
    assert settings == TrainingSettings()
    assert settings == config(preset="balanced", method="pet").overrides


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("method", ["pet", "full"])
def test_a_preset_changes_what_it_says_and_nothing_else(preset, method):
    chosen = config(preset=preset, method=method).overrides
    assert chosen.model_dump() == {**TrainingSettings().model_dump(), **PRESETS[preset]}


def test_an_override_wins_over_the_preset():
    settings = config(preset="quick", overrides={"epochs": 7, "seed": 3}).overrides
    assert (settings.epochs, settings.seed) == (7.0, 3)
    assert settings.lora_rank == PRESETS["quick"]["lora_rank"]


def test_overrides_for_one_method_win_and_leave_the_other_alone():
    overrides = {
        "epochs": 5,
        "learning_rate": 0.1,
        "pet": {"learning_rate": 0.2, "lora_rank": 4},
        "full": {"learning_rate": 0.3},
    }
    pet = config(method="pet", overrides=overrides).overrides
    full = config(method="full", overrides=overrides).overrides
    assert (pet.learning_rate, pet.lora_rank, pet.epochs) == (0.2, 4, 5.0)
    assert (full.learning_rate, full.epochs) == (0.3, 5.0)


def test_a_yaml_file_with_floats_for_whole_numbers_is_read():
    text = "overrides: {batch_size: 8.0, save_steps: 20.0, epochs: 2, learning_rate: 2e-4}"
    settings = config(**yaml.safe_load(text)).overrides
    assert (settings.batch_size, settings.save_steps, settings.epochs) == (8, 20, 2.0)
    assert settings.learning_rate == 2e-4
    assert type(settings.batch_size) is int


def test_adapter_settings_with_full_tuning_are_refused():
    (problem,) = problems(method="full", overrides={"lora_rank": 4, "lora_alpha": 8})
    assert problem == (
        "run.yaml: overrides: lora_alpha, lora_rank: sets an adapter, and method 'full' has none. "
        "Put adapter settings under 'pet'."
    )
    assert config(method="full", overrides={"pet": {"lora_rank": 4}}).method == "full"


def test_an_unknown_setting_gets_a_suggestion():
    (problem,) = problems(overrides={"learning_rat": 0.1})
    assert problem == (
        "run.yaml: overrides.learning_rat: no such setting. Did you mean 'learning_rate'?"
    )


def test_an_unknown_method_gets_a_suggestion():
    (problem,) = problems(method="ful")
    assert problem == ("run.yaml: method: must be 'pet' or 'full', not 'ful'. Did you mean 'full'?")


def test_every_problem_is_told_at_once():
    with pytest.raises(ConfigurationError) as raised:
        validated(
            TrainConfig,
            {
                "validation": "validation.parquet",
                "metod": "pet",
                "preset": "fast",
                "overrides": {"epochs": 0, "batch_size": 1.5, "on_too_long": "cut", "sed": 1},
                "output": "out",
            },
            source="run.yaml",
        )
    named = [problem.removeprefix("run.yaml: ").split(":")[0] for problem in raised.value.problems]
    assert sorted(named) == [
        "metod",
        "overrides.batch_size",
        "overrides.epochs",
        "overrides.on_too_long",
        "overrides.sed",
        "preset",
        "train",
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"overrides": None},
        {"overrides": ["epochs"]},
        {"overrides": {"pet": 5}},
        {"overrides": {"pet": ["lora_rank"]}},
        {"method": ["pet"]},
        {"method": None},
        {"preset": {}},
        {"overrides": {1: 2}},
    ],
)
def test_values_of_the_wrong_kind_are_refused_in_words(values):
    (problem,) = problems(**values)
    assert problem.startswith(f"run.yaml: {next(iter(values))}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0),
        ("learning_rate", 2),
        ("epochs", 0),
        ("batch_size", 0),
        ("lora_dropout", 1),
        ("warmup_ratio", 1),
        ("seed", -1),
        ("seed", 2**32),
        ("max_length", 4),
        ("epochs", float("nan")),
    ],
)
def test_values_outside_their_limits_are_refused(name, value):
    (problem,) = problems(overrides={name: value})
    assert problem.startswith(f"run.yaml: overrides.{name}: ")


def test_what_is_derived_follows_method_and_size():
    pet = TrainingSettings().resolved("pet", 10**9)
    full = TrainingSettings().resolved("full", 10**9)
    assert (pet.learning_rate, full.learning_rate) == (2e-4, 2e-5)
    assert pet.lora_alpha == 2 * pet.lora_rank
    assert TrainingSettings().resolved("pet", 20_000).learning_rate == 5e-3
    assert TrainingSettings().resolved("full", 20_000).learning_rate == 2e-3


def test_what_the_user_gave_is_not_derived():
    given = TrainingSettings(learning_rate=0.5, lora_alpha=1)
    assert given.resolved("pet", 10**9) == given


@given(st.sampled_from(["pet", "full"]), st.integers(1, 10**12), st.integers(1, 10**12))
def test_larger_models_take_no_larger_steps(method, parameters, more):
    rate = TrainingSettings().resolved(method, parameters).learning_rate
    smaller = TrainingSettings().resolved(method, parameters + more).learning_rate
    assert rate is not None
    assert smaller is not None
    assert 0 < smaller <= rate <= 1


def test_paths_are_paths():
    assert config().output == Path("out")
