import datetime as dt

import numpy as np
import pytest

from tests.data.targets.batches import Counted
from tuneline.data.targets.catalogue import load_catalogue
from tuneline.data.targets.price import price, price_sentence
from tuneline.data.targets.summary import Distribution, SplitNumbers, TargetSummary, check_target

MODELS = load_catalogue().models
LITE = MODELS["gemini-3.1-flash-lite"]
FLASH = MODELS["gemini-3.5-flash"]
TODAY = dt.date(2026, 11, 23)


def numbers(rows, **fields):
    tokens = np.arange(1, rows + 1, dtype=np.uint32)
    return SplitNumbers(tokens * 10, tokens, np.zeros(rows, np.uint8), **fields)


def summary(entry=LITE, share=1.0, rejected=(), **fields):
    counter = Counted((1,), certain_share=share)
    given = {"train": numbers(200), "validation": numbers(20), **fields}
    return check_target(entry, counter, rejected=dict(rejected), today=TODAY, **given)


def test_the_price_is_tokens_times_epochs_times_the_listed_price():
    cost = price(LITE, 437_500, 40)
    assert cost is not None
    assert cost.usd == pytest.approx(52.5)
    assert (cost.billed_tokens, cost.usd_per_million_tokens) == (17_500_000, 3.0)
    assert cost.as_of == dt.date(2026, 11, 23)
    assert cost.source.startswith("https://cloud.google.com/")
    open_model = price(MODELS["google/gemma4@gemma-4-e2b-it"], 1_000_000, 3)
    assert open_model is not None
    assert open_model.usd == pytest.approx(4.2)


def test_an_unknown_price_is_said_and_not_zero():
    assert price(FLASH, 5, 5) is None
    assert "What tuning gemini-3.5-flash costs is unknown" in price_sentence(FLASH, 5, 5)
    judged = summary(FLASH)
    assert judged.cost is None
    assert judged.cost_usd_at_least is None
    assert "unknown" in judged.cost_says


def test_the_sentence_says_day_page_and_range():
    said = price_sentence(LITE, 1_000_000, 2, certain_share=0.5)
    assert "about $3.00 to $6.00" in said
    assert "as of 2026-11-23, as users report; confirm it on https://" in said
    assert "each costs as much" in price_sentence(LITE, 1_000_000, None)


def test_the_statistics_have_the_names_of_the_service():
    judged = summary(
        epochs=3,
        share=0.5,
        rejected={"over_token_limit": 4, "empty_text": 9, "too_many_tokens": 2},
        train=numbers(200, characters=777, turns=np.full(200, 2, np.uint16)),
    )
    written = judged.model_dump(mode="json")
    statistics = written["statistics"]
    tokens = 11 * sum(range(1, 201))
    assert statistics["tuningDatasetExampleCount"] == 200
    assert statistics["totalTuningCharacterCount"] == 777
    assert statistics["totalBillableTokenCount"] == 3 * tokens
    assert statistics["totalTruncatedExampleCount"] == 4
    assert statistics["droppedExampleReasons"][0].startswith("over_token_limit: 4 rows")
    assert statistics["userInputTokenDistribution"]["sum"] == 10 * tokens // 11
    assert statistics["userOutputTokenDistribution"]["max"] == 200
    assert statistics["userMessagePerExampleDistribution"]["mean"] == 2
    assert (written["tokens"], written["tokens_at_least"]) == (tokens, tokens // 2)
    assert judged.cost is not None
    assert judged.cost_usd_at_least == pytest.approx(judged.cost.usd / 2)
    assert TargetSummary.model_validate(written) == judged


def test_a_distribution_is_exact_where_32_bits_would_overflow():
    spread = Distribution.of(np.full(3, 4_000_000_000, np.uint32))
    assert spread is not None
    assert (spread.sum, spread.median) == (12_000_000_000, 4_000_000_000)
    assert sum(bucket.count for bucket in spread.buckets) == 3
    assert Distribution.of(np.zeros(0, np.uint32)) is None


def test_a_data_set_that_fits_is_not_refused_and_one_that_does_not_is():
    assert summary().would_be_refused == []
    judged = summary(MODELS["gemini-2.5-pro"], validation=numbers(5001), train=numbers(50))
    assert len(judged.would_be_refused) == 2
    assert "5,001 validation rows" in judged.would_be_refused[0]
    assert "2026-12-01" in judged.warnings[0]
    assert "50 training rows are few" in judged.warnings[1]
    assert summary(validation=None).warnings[-1].startswith("There is no validation split")
