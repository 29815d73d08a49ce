"""What each candidate costs to tune and to call, and which one is the cheapest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.evaluation.results import Cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.measure import Tally
    from tuneline.evaluation.results import CandidateResult
    from tuneline.evaluation.settings import Prices
    from tuneline.prediction.store import Candidate

_HOUR_S = 3600
_MILLION = 1_000_000
_CALLS = 1000


def cost_of(candidate: Candidate, tally: Tally | None, rows: int, prices: Prices) -> Cost:
    """What a candidate costs, as far as the prices tell.

    A call costs its tokens where a service bills tokens, and otherwise the time that it takes of a
    machine, measured over all answers in batches.

    Args:
        candidate: Who answered.
        tally: Its tokens; None where it answered nothing.
        rows: Answers that it gave.
        prices: What computing costs.
    """
    prompt = tally.prompt_tokens / rows if tally else 0.0
    output = tally.output_tokens / rows if tally else 0.0
    seconds = candidate.prediction_seconds / max(1, rows) * _CALLS
    hourly = prices.training_usd_per_hour
    tuned = candidate.kind != "baseline"
    training_usd = hourly and candidate.training_seconds / _HOUR_S * hourly
    return Cost(
        training_seconds=candidate.training_seconds,
        training_usd=training_usd if tuned else 0.0,
        adapter_bytes=candidate.adapter_bytes,
        prompt_tokens_per_call=round(prompt, 3),
        output_tokens_per_call=round(output, 3),
        seconds_per_1000_calls=round(seconds, 3),
        serving_usd_per_1000_calls=_serving(candidate, prompt, output, seconds, prices),
    )


def cheapest_first(candidates: Sequence[CandidateResult], prices: Prices) -> list[CandidateResult]:
    """Order candidates by cost.

    Where every price is known, by the total of tuning and the expected calls. Otherwise prompt
    design stands first, since it needs no tuning, ordered by the tokens of a call; then tuned
    models by what they change.
    """
    totals = {c.name: total_usd(c.cost, prices.expected_calls) for c in candidates}
    if None not in totals.values():
        return sorted(candidates, key=lambda c: (totals[c.name] or 0.0, c.name))
    return sorted(
        candidates,
        key=lambda c: (
            c.kind != "baseline",
            c.trainable_parameters,
            c.cost.prompt_tokens_per_call,
            c.name,
        ),
    )


def total_usd(cost: Cost, calls: int) -> float | None:
    """Tuning and so many calls, in dollars; None where a price is not known."""
    if cost.training_usd is None or cost.serving_usd_per_1000_calls is None:
        return None
    return cost.training_usd + cost.serving_usd_per_1000_calls * calls / _CALLS


def _serving(
    candidate: Candidate, prompt: float, output: float, seconds: float, prices: Prices
) -> float | None:
    if candidate.engine != "gemini":
        hourly = prices.serving_usd_per_hour
        return None if hourly is None else seconds / _HOUR_S * hourly
    given, answered = prices.input_usd_per_million_tokens, prices.output_usd_per_million_tokens
    if given is None or answered is None:
        return None
    return _CALLS * (prompt * given + output * answered) / _MILLION
