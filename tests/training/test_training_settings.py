from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tuneline.errors import ConfigurationError
from tuneline.settings import validated
from tuneline.training.defaults import PRESETS, RunFacts, batch_size, epochs, lora_rank, resolved
from tuneline.training.settings import (
    ADAPTER_SETTINGS,
    MACHINE_SETTINGS,
    TasksConfig,
    TrainConfig,
    TrainingSettings,
)

PATHS = {"train": "train.parquet", "validation": "validation.parquet", "output": "out"}


def config(**values) -> TrainConfig:
    return validated(TrainConfig, {**PATHS, **values}, source="run.yaml")


def problems(**values) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        config(**values)
    return raised.value.problems


def facts(**values) -> RunFacts:
    given = {
        "method": "pet",
        "preset": "balanced",
        "parameters": 10**9,
        "examples": 1000,
        "trained_tokens": 5000,
        "parameters_a_rank": 10**6,
    }
    return RunFacts(**{**given, **values})


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


def test_a_learning_rate_follows_method_and_size():
    def rate(method, parameters):
        settings = resolved(TrainingSettings(), facts(method=method, parameters=parameters))
        return settings.learning_rate

    assert (rate("pet", 10**9), rate("full", 10**9)) == (2e-4, 2e-5)
    assert (rate("pet", 20_000), rate("full", 20_000)) == (5e-3, 2e-3)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_decides_what_is_left_out(preset):
    settings = resolved(TrainingSettings(), facts(preset=preset))
    values = PRESETS[preset]
    assert settings.epochs == values.epochs
    assert settings.lora_rank == values.lora_rank
    assert settings.lora_alpha == 2 * values.lora_rank
    assert settings.early_stopping_patience == values.early_stopping_patience


def test_what_the_user_gave_is_not_derived():
    given = TrainingSettings(
        epochs=0.5,
        learning_rate=0.5,
        batch_size=3,
        lora_rank=3,
        lora_alpha=1,
        early_stopping_patience=0,
    )
    assert resolved(given, facts()) == given
    assert resolved(TrainingSettings(lora_rank=3), facts()).lora_alpha == 6


def test_full_tuning_derives_no_adapter():
    settings = resolved(TrainingSettings(), facts(method="full", parameters_a_rank=0))
    assert (settings.lora_rank, settings.lora_alpha) == (None, None)


@given(st.sampled_from(["pet", "full"]), st.integers(1, 10**12), st.integers(1, 10**12))
def test_larger_models_take_no_larger_steps(method, parameters, more):
    small, large = (
        resolved(TrainingSettings(), facts(method=method, parameters=size)).learning_rate
        for size in (parameters, parameters + more)
    )
    assert small is not None
    assert large is not None
    assert 0 < large <= small <= 1


@pytest.mark.parametrize(
    ("examples", "passes"), [(1, 25), (40, 25), (80, 13), (1000, 6), (10_000, 5), (10**6, 1)]
)
def test_few_examples_are_passed_more_often_and_many_less(examples, passes):
    assert epochs(PRESETS["balanced"], examples) == passes


@pytest.mark.parametrize(
    ("examples", "size"), [(1, 8), (1000, 8), (5_000, 8), (6_000, 16), (30_000, 64), (10**7, 64)]
)
def test_more_examples_make_larger_batches(examples, size):
    assert batch_size(examples) == size


@given(st.sampled_from(sorted(PRESETS)), st.integers(1, 10**7), st.integers(1, 10**5))
def test_more_examples_are_not_passed_more_often(preset, examples, more):
    values = PRESETS[preset]
    assert 1 <= epochs(values, examples + more) <= epochs(values, examples) <= 25


@pytest.mark.parametrize(
    ("trained_tokens", "rank"), [(0, 16), (32_000_000, 16), (32_000_001, 32), (10**12, 256)]
)
def test_an_adapter_has_room_for_the_data(trained_tokens, rank):
    assert lora_rank(PRESETS["balanced"], facts(trained_tokens=trained_tokens)) == rank


def test_settings_of_other_trainers_are_named_in_our_words():
    overrides = {"lora_r": 8, "gradient_accumulation_steps": 2, "bf16": True}
    bits, accumulation, rank = problems(overrides=overrides)
    assert bits == "run.yaml: overrides: bf16: no such setting: set precision to 'bfloat16'."
    assert accumulation.startswith(
        "run.yaml: overrides: gradient_accumulation_steps: no such setting: batch_size counts all "
        "examples of a step"
    )
    assert rank == "run.yaml: overrides: lora_r: no such setting. Did you mean 'lora_rank'?"


def test_what_is_wrong_for_several_reasons_is_told_at_once():
    overrides = {"lora_rank": 3, "lerning_rate": 1, "lr": 2, "epochs": -1}
    told = problems(method="full", overrides=overrides)
    named = [problem.split(": ")[2] for problem in told]
    assert named == ["lora_rank", "lr", "epochs", "lerning_rate"]
    assert "Did you mean 'learning_rate'?" in told[3]


def test_settings_that_contradict_each_other_are_told_together():
    overrides = {
        "quantization": "4bit",
        "sharding": "full",
        "target_modules": [],
        "max_length": 512,
        "tokens_per_device": 100,
    }
    named = [problem.split(": ")[2] for problem in problems(overrides=overrides)]
    assert named == ["sharding", "target_modules", "tokens_per_device"]


@pytest.mark.parametrize("name", ADAPTER_SETTINGS)
def test_every_adapter_setting_is_refused_with_full_tuning(name):
    value = TrainingSettings.model_fields[name].get_default(call_default_factory=True)
    (problem,) = problems(method="full", overrides={name: value})
    assert f"{name}: sets an adapter" in problem


def test_settings_are_sorted_into_kinds_that_exist():
    assert set(ADAPTER_SETTINGS + MACHINE_SETTINGS) <= set(TrainingSettings.model_fields)


SPLITS = {"train": "a/train.parquet", "validation": "a/validation.parquet"}


def tasks(**values) -> TasksConfig:
    given = {"tasks": {"mail": SPLITS, "chat": SPLITS}, "output": "out"}
    return validated(TasksConfig, {**given, **values}, source="run.yaml")


def test_each_task_is_a_run_of_its_own_that_is_not_merged():
    runs = tasks(overrides={"seed": 3}, base_model="base").runs()
    assert list(runs) == ["mail", "chat"]
    assert runs["chat"] == config(
        **SPLITS, output="out/chat", base_model="base", overrides={"seed": 3, "merge": False}
    )
    assert tasks(overrides={"merge": True}).runs()["mail"].overrides.merge


def test_tasks_are_adapters_with_names_of_folders():
    with pytest.raises(ConfigurationError) as raised:
        tasks(tasks={"../up": SPLITS}, method="full")
    assert [problem.split(": ")[1] for problem in raised.value.problems] == ["tasks", "tasks"]
    with pytest.raises(ConfigurationError, match="tasks: "):
        tasks(tasks={})


def test_paths_are_paths():
    assert config().output == Path("out")
