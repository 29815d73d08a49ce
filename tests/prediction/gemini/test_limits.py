"""How many requests and tokens start in a minute."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.prediction.gemini.asking_lamps import asker, question
from tests.prediction.gemini.stand_in import StandIn, said
from tuneline.prediction.gemini.limits import RateLimit, TokenBucket


class Clock:
    """Seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def starts(bucket: TokenBucket, clock: Clock, events: list[tuple[float, float]]) -> list[float]:
    """When each of the amounts is used, where every one comes so long after the one before."""
    used = []
    for pause, amount in events:
        clock.now += pause
        used.append(clock.now + bucket.take(amount))
    return used


@given(
    st.lists(st.tuples(st.floats(0, 90), st.floats(0, 50)), min_size=1, max_size=40),
    st.floats(1, 600),
    st.floats(0, 50),
)
def test_in_no_minute_more_starts_than_said(events, per_minute, burst):
    clock = Clock()
    used = starts(TokenBucket(per_minute, burst=burst, clock=clock), clock, events)
    assert used == pytest.approx(sorted(used))
    for start in used:
        within = [amount for at, (_, amount) in zip(used, events, strict=True)
                  if start - 60 <= at <= start]  # fmt: skip
        # The first of a minute may be older than the minute; it stood in line before.
        assert sum(within[1:]) <= per_minute + burst + 1e-6


@given(st.lists(st.floats(0, 50), min_size=1, max_size=40), st.floats(1, 600))
def test_nobody_waits_longer_than_needed(amounts, per_minute):
    clock = Clock()
    used = starts(TokenBucket(per_minute, clock=clock), clock, [(0.0, each) for each in amounts])
    assert used[-1] - 100 == pytest.approx(sum(amounts) / per_minute * 60)


def test_what_is_given_back_is_not_saved_beyond_the_burst():
    clock = Clock()
    bucket = TokenBucket(60, burst=2, clock=clock)
    bucket.take(1)
    bucket.take(-50)
    assert [bucket.take(1) for _ in range(3)] == [0.0, 0.0, 1.0]


def test_an_estimate_is_set_right():
    clock = Clock()
    rate = RateLimit(0, 600, clock)
    assert rate.start(10) == 1.0
    rate.settle(10, 40)
    assert rate.start(10) == 5.0


def test_without_limits_nobody_waits():
    rate = RateLimit(0, 0, Clock())
    assert {rate.start(10**9) for _ in range(9)} == {0.0}


def test_requests_come_no_faster_than_said(service: StandIn, tmp_path: Path):
    began = time.monotonic()
    asker(tmp_path, requests_per_minute=1200).answer([question(i) for i in range(9)], "zero-shot")
    assert service.asked[-1].at - began >= 8 * 0.05  # 20 a second


def test_tokens_come_no_faster_than_said(service: StandIn, tmp_path: Path):
    service.answer = lambda asked: said("yes", promptTokenCount=90, candidatesTokenCount=10)
    one_by_one = asker(tmp_path, tokens_per_minute=60_000, concurrency=1)
    began = time.monotonic()
    one_by_one.answer([question(i) for i in range(6)], "zero-shot")
    assert service.asked[-1].at - began >= 5 * 0.1  # 100 tokens each, 1000 a second


def test_another_answer_does_not_begin_anew(service: StandIn, tmp_path: Path):
    slow = asker(tmp_path, requests_per_minute=120)
    began = time.monotonic()
    for number in range(3):
        slow.answer([question(number)], "zero-shot")
    assert service.asked[-1].at - began >= 2 * 0.5
