"""How much a pass holds is found by looking at the memory, and memory is saved where it must."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.lamps import run_config
from tuneline.errors import MachineError
from tuneline.training import engine as engines
from tuneline.training.memory_fit import fit_to_memory
from tuneline.training.result import read_result
from tuneline.training.sequences.plan import Limits, Plan
from tuneline.training.sequences.store import Tokens
from tuneline.training.settings import TrainingSettings
from tuneline.training.token_budget import largest_fitting
from tuneline.training.train import train


@given(
    held=st.integers(0, 10**6),
    each=st.integers(1, 5000),
    memory=st.integers(1, 10**9),
    least=st.integers(1, 4000),
    more=st.integers(0, 10**6),
)
def test_what_is_found_fits_and_is_most_of_what_would(held, each, memory, least, more):
    attempts = []

    def attempt(tokens):
        attempts.append(tokens)
        peak = held + each * tokens
        return peak if peak <= memory else None

    found = largest_fitting(attempt, memory, held, least, least, least + more)
    if held + each * least > memory:
        assert found == 0
        return
    assert least <= found <= least + more
    assert held + each * found <= memory
    fits = min(least + more, (0.9 * memory - held) / each)
    assert found >= int(fits / 1.3)  # tokens are whole
    assert len(attempts) <= 9  # a leap of 8 each, over six orders of magnitude


@dataclass
class _Meter:
    """A device on which a pass takes so many bytes a token, fewer once activations are dropped."""

    total: int
    engine: Any
    each: int = 100
    peak_now: int = 0

    def held(self) -> int:
        return 1000

    def start(self) -> None:
        self.peak_now = 1000

    def peak(self) -> int:
        return self.peak_now


class _Split:
    def __getitem__(self, place: int) -> Tokens:
        return Tokens(np.ones(10, np.uint32), np.ones(10, np.bool_))


class _Engine:
    """As much of an engine as the search for its limits touches."""

    def __init__(self, total: int, *, world: int = 1, **settings: Any) -> None:
        lengths = np.full(40, 10)
        self.plan = Plan(lengths, np.full(40, 4), 16, 1.0, 0)
        self.splits = {"train": _Split()}
        self.settings = TrainingSettings(**settings)
        self.ranks = type("R", (), {"world": world, "largest": staticmethod(lambda values: values)})
        self.model = torch.nn.Linear(2, 2)
        self.optimizer = torch.optim.AdamW(self.model.parameters())
        self.limits = Limits(1, 1)
        self.meter = _Meter(total, self)
        self.checkpointing = False
        self.passes: list[int] = []

    def activation_checkpointing_enable(self) -> None:
        self.checkpointing = True
        self.meter.each = 20

    def batch(self, _split: Any, chosen: Any) -> int:
        return int(self.plan.lengths[chosen].sum())

    def forget_pass(self) -> None:
        self.optimizer.zero_grad()

    def casting(self) -> Any:
        return torch.enable_grad()

    def token_loss(self, tokens: int) -> torch.Tensor:
        self.passes.append(tokens)
        self.meter.peak_now = 1000 + self.meter.each * tokens
        if self.meter.peak_now > self.meter.total:
            raise torch.OutOfMemoryError
        return self.model(torch.ones(1, 2))


def fitted(engine: Any) -> bool:
    return fit_to_memory(engine, engine, engine.meter, checkpointing=False)


def test_a_large_memory_takes_the_whole_step():
    engine = _Engine(total=10**9)
    assert not fitted(engine)
    assert engine.limits == Limits(160, 64)
    assert all(weights.grad is None for weights in engine.model.parameters())


def test_a_small_memory_takes_a_part():
    engine = _Engine(total=9000)
    assert not fitted(engine)
    assert 60 <= engine.limits.tokens <= 71


def test_activations_are_computed_twice_only_where_they_must():
    engine = _Engine(total=1900)
    assert fitted(engine)
    assert engine.checkpointing
    assert engine.limits.tokens >= 20


def test_where_rows_are_padded_the_padding_counts():
    engine = _Engine(total=10**9)
    engine.plan = Plan(np.array([40, *[10] * 39]), np.full(40, 4), 16, 1.0, 0)
    engine.limits = Limits(1, 1, padded=True)
    assert not fitted(engine)
    assert engine.limits == Limits(16 * 40, 16 * 40, padded=True)


def test_several_processes_never_try_what_may_not_fit():
    # One that runs out of memory would leave the others waiting for its part.
    engine = _Engine(total=4000, world=2)
    engine.plan = Plan(np.array([50, *[2] * 39]), np.full(40, 1), 16, 1.0, 0)
    assert fitted(engine)
    assert engine.checkpointing
    assert engine.passes[0] == 2
    assert max(engine.passes) >= 50


@pytest.mark.parametrize("room", [890, 1200, 4200])
def test_long_rows_are_tried_no_further_than_asked(room):
    engine = _Engine(total=int((1000 + 100 * room) / 0.9), world=2)
    engine.plan = Plan(np.array([800] * 20 + [10] * 20), np.full(40, 1), 16, 1.0, 0)
    assert not fitted(engine)
    assert 800 <= engine.limits.tokens <= room + 1
    assert max(engine.passes) <= room + 1


def test_the_last_stretch_to_the_longest_row_is_tried():
    engine = _Engine(total=int((1000 + 100 * 830) / 0.9), world=2)
    engine.plan = Plan(np.array([800, *[100] * 39]), np.full(40, 1), 16, 1.0, 0)
    assert not fitted(engine)
    assert engine.limits.tokens >= 800


def test_memory_that_others_take_is_told_where_processes_are_several():
    engine = _Engine(total=1050, world=2)
    with pytest.raises(MachineError, match="Something else takes memory there"):
        fitted(engine)


@pytest.mark.parametrize(
    ("total", "settings"), [(1100, {}), (1900, {"activation_checkpointing": False})]
)
def test_a_sequence_that_fits_nowhere_is_told(total, settings):
    engine = _Engine(total=total, **settings)
    with pytest.raises(MachineError, match=r"longest example \(10 tokens\) does not fit"):
        fitted(engine)


def test_a_pass_that_does_not_fit_after_all_is_halved(
    lamp_splits, qwen3, full_run, tmp_path, monkeypatch, caplog
):
    real = engines.Engine._summed

    def small(self, one):
        if one.batch.inputs["input_ids"].numel() > 200:
            raise torch.OutOfMemoryError
        return real(self, one)

    monkeypatch.setattr(engines.Engine, "_summed", small)
    monkeypatch.setattr(engines.Engine, "validate", lambda *_: 1.0)
    overrides = {"early_stopping_patience": 0}
    config = run_config(lamp_splits, tmp_path, qwen3, method="full", overrides=overrides)
    result = train(config)
    assert "4096 tokens do not fit into the device's memory; going on with 2048" in caplog.text
    assert result.work.tokens_per_device <= 256
    # The same steps: smaller passes change no more than the order of sums.
    assert [point.loss for point in result.train_loss] == pytest.approx(
        [point.loss for point in read_result(full_run).train_loss], rel=1e-4
    )


def test_a_memory_that_takes_no_pass_is_told(lamp_splits, qwen3, tmp_path, monkeypatch):
    def never(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(engines.Engine, "_summed", never)
    with pytest.raises(MachineError, match=r"A pass of \d+ tokens does not fit"):
        train(run_config(lamp_splits, tmp_path, qwen3))


@pytest.mark.parametrize(
    "overrides", [{"tokens_per_device": 128}, {"activation_checkpointing": True}]
)
def test_saving_memory_changes_no_loss(overrides, lamp_splits, qwen3, full_run, tmp_path):
    config = run_config(lamp_splits, tmp_path, qwen3, method="full", overrides=overrides)
    result, whole = train(config), read_result(full_run)
    assert result.run_digest == whole.run_digest  # how the work is done is no part of what it is
    assert [point.loss for point in result.validation_loss] == pytest.approx(
        [point.loss for point in whole.validation_loss], rel=1e-4
    )
