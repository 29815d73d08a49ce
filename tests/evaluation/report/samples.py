"""Evaluations as they come out of the engine, for tests and for looking at the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.evaluation.report.changed_rows import changes, label_change, summary_change
from tests.evaluation.report.hostile_text import HOSTILE, hostile_rows, replaced
from tests.evaluation.report.parts import (
    ACCURACY,
    CLASSIFICATION,
    LABELS,
    PERPLEXITY,
    SUMMARIES,
    candidate,
    confusion_of,
    label_scores,
    learning_points,
    measured,
    metrics_of,
    paired,
    part,
    verdict_of,
)
from tuneline.evaluation.changes import Outcome, ShownRows
from tuneline.evaluation.results import EvaluationMetrics, JudgeResult
from tuneline.evaluation.verdict import Verdict


class Sample(NamedTuple):
    """What the page is made from."""

    metrics: EvaluationMetrics
    verdict: Verdict
    shown: ShownRows | None
    prompts: list[tuple[str, str]]


def classification() -> Sample:
    """Eight labels, four candidates; tuning wins, with slices, a judge and a learning curve."""
    confusion = confusion_of(LABELS, 40, seed=1)
    tables = {"labels": label_scores(confusion), "confusion": confusion}
    scores = {"zero-shot": 0.641, "8-shot": 0.759, "pet": 0.884, "full": 0.891}
    kinds = {"zero-shot": "baseline", "8-shot": "baseline", "pet": "pet", "full": "full"}
    candidates = [
        candidate(
            name,
            kinds[name],
            {
                "accuracy": measured(value),
                "macro_f1": measured(value - 0.021, 0.045),
                "invalid_label_rate": measured(0.0, 0.0)
                if kinds[name] != "baseline"
                else measured(0.9 - value, 0.02),
            },
            shots=8 if name == "8-shot" else 0,
            **(tables if kinds[name] != "baseline" else {}),  # type: ignore[arg-type]
        )
        for name, value in scores.items()
    ]
    pairs = [
        ("8-shot", "zero-shot", 1e-5),
        ("pet", "zero-shot", 1e-12),
        ("pet", "8-shot", 2.1e-6),
        ("full", "zero-shot", 1e-13),
        ("full", "8-shot", 8e-7),
        ("full", "pet", 0.61),
    ]
    metrics = metrics_of(
        "classification",
        CLASSIFICATION,
        candidates,
        labels=list(LABELS),
        paired_tests=[
            paired(first, second, scores[first] - scores[second], p, counts=True)
            for first, second, p in pairs
        ],
        slices=[
            part("label", "warranty", 31, 0.032),
            part("label", "billing", 44, -0.091),
            part("label", "feedback", 12, 0.167),
            part("label", "delivery", 47, -0.213),
            part("length", "1 to 80", 108, -0.12),
            part("length", "81 to 140", 106, -0.141),
            part("length", "over 140", 106, -0.113),
            part("label", "warranty", 31, 0.0, name="full"),
            part("length", "over 140", 106, -0.13, name="full"),
        ],
        judgements=[
            JudgeResult(
                judge="judge-model-1",
                first="pet",
                second="8-shot",
                rows=320,
                wins=121,
                ties=160,
                losses=35,
                unreadable=4,
                order_agreement=0.83,
                first_shown_share=None,
                win_rate=measured(0.636),
                p_value=2e-9,
            )
        ],
        learning_curve=learning_points({0.25: 0.742, 0.5: 0.841, 1.0: 0.884}),
    )
    verdict = verdict_of(
        metrics,
        winner="pet",
        headline="Tuning was worth it: pet answers 88.4 % of 320 held-out rows right, 12.5 points "
        "more than the best prompt, 8-shot (95 % interval 8.0 to 17.0, p < 0.0001).",
        reasons=[
            "passed: pet beats every prompt by more than 2.0 points, 8-shot by 12.5 (p < 0.0001).",
            "passed: no slice loses more than 5.0 points; the worst, label warranty, loses 3.2.",
            "passed: Invalid labels is 0.0 %, at most 1.0 % was asked for.",
        ],
        sensitivity="With 320 rows a difference under 5.1 points would often be missed.",
    )
    totals: dict[Outcome, int] = {"fixed": 58, "broken": 18, "both right": 225, "both wrong": 19}
    asked = "<|im_start|>user\nTicket 1<|im_end|>\n<|im_start|>assistant\n"
    prompts = [
        (name, "Example: ...\n" * 8 + asked if name == "8-shot" else asked) for name in scores
    ]
    return Sample(metrics, verdict, changes(totals, 40, label_change), prompts)


def summarization() -> Sample:
    """Scores and a ratio instead of right and wrong; perplexity only where logits are there."""
    values = {"zero-shot": 0.281, "8-shot": 0.334, "pet": 0.412}
    candidates = [
        candidate(
            name,
            "pet" if name == "pet" else "baseline",
            {
                "rouge_l": measured(value, 0.016),
                "chrf": measured(value + 0.07, 0.015),
                "length_ratio": measured({"zero-shot": 2.31, "8-shot": 1.38, "pet": 1.04}[name]),
                **({"perplexity": measured(6.31, 0.4)} if name == "pet" else {}),
            },
            shots=8 if name == "8-shot" else 0,
            priced=False,
        )
        for name, value in values.items()
    ]
    metrics = metrics_of(
        "summarization",
        (*SUMMARIES, PERPLEXITY),
        candidates,
        units=280,
        paired_tests=[
            paired("8-shot", "zero-shot", 0.053, 0.0001, counts=False),
            paired("pet", "zero-shot", 0.131, 0.0001, counts=False),
            paired("pet", "8-shot", 0.078, 0.0001, counts=False),
        ],
        slices=[part("length", "over 900", 90, -0.05), part("group", "board meetings", 9, 0.02)],
    )
    verdict = verdict_of(
        metrics,
        winner="pet",
        headline="Tuning was worth it: ROUGE-L of pet is 41.2 %, 7.8 points above the best prompt.",
        reasons=["passed: pet beats every prompt by more than 2.0 points, p = 0.0001."],
    )
    totals: dict[Outcome, int] = {"better": 231, "worse": 70, "as good": 19}
    prompts = [(name, "Summarize these notes.") for name in values]
    return Sample(metrics, verdict, changes(totals, 60, summary_change), prompts)


def perplexities() -> Sample:
    """A primary metric that is a ratio of which less is better; one interval is missing."""
    candidates = [
        candidate("8-shot", "baseline", {"perplexity": measured(12.4, 1.1)}, shots=8),
        candidate("pet", "pet", {"perplexity": measured(7.9, 0.0)}),
    ]
    metrics = metrics_of(
        "open_ended",
        [PERPLEXITY],
        candidates,
        paired_tests=[
            paired("pet", "8-shot", -4.5, 0.0002, counts=False).model_copy(
                update={"low": None, "high": None}
            )
        ],
        slices=[part("length", "1 to 80", 50, -3.2).model_copy(update={"low": None})],
        learning_curve=[
            point.model_copy(update={"score": measured(7.9 / point.training_fraction, 0.0)})
            for point in learning_points({0.5: 0.5, 1.0: 0.5})
        ],
    )
    return Sample(metrics, verdict_of(metrics, winner="pet", headline="Worth it."), None, [])


def not_worth_it() -> Sample:
    """Tuning that is no better, on too few rows, with answers that are not whole."""
    metrics, _, shown, prompts = classification()
    by_name = {found.name: found for found in metrics.candidates}
    worse = {
        name: by_name[name].model_copy(update={"metrics": {"accuracy": measured(value, 0.08)}})
        for name, value in {"zero-shot": 0.64, "8-shot": 0.76, "pet": 0.775, "full": 0.74}.items()
    }
    worse["pet"] = worse["pet"].model_copy(update={"cut_off_rows": 3, "unasked_rows": 2})
    worse["8-shot"] = worse["8-shot"].model_copy(update={"blocked_rows": 5})
    metrics = metrics.model_copy(
        update={
            "candidates": list(worse.values()),
            "rows": 120,
            "units": 120,
            "paired_tests": [
                paired("pet", "8-shot", 0.015, 0.72, counts=True),
                paired("full", "8-shot", -0.02, 0.66, counts=True),
            ],
            "judgements": [],
            "learning_curve": [],
        }
    )
    return Sample(
        metrics,
        verdict_of(
            metrics,
            winner="",
            headline="Tuning was not worth it: pet is 1.5 points above the best prompt, 8-shot, "
            "which chance explains (p = 0.72).",
            reasons=[
                "failed: pet does not beat 8-shot by more than 2.0 points (1.5 points, p = 0.72).",
                "failed: full does not beat 8-shot by more than 2.0 points (2.0 less, p = 1).",
                "failed: label feedback of pet loses 16.7 points, at most 5.0 points are allowed.",
            ],
        ),
        shown,
        prompts,
    )


def nobody() -> Sample:
    """No candidate at all."""
    metrics = metrics_of("classification", CLASSIFICATION, [], rows=0, units=0, base_models=[])
    verdict = verdict_of(
        metrics,
        winner="",
        headline="Nothing was compared.",
        reasons=["failed: no candidate answered any row."],
        recommended="",
        best_baseline="",
        best_tuned="",
    )
    return Sample(metrics, verdict, None, [])


def no_rows() -> Sample:
    """Two candidates and no held-out row."""
    candidates = [candidate("8-shot", "baseline", {}, shots=8), candidate("pet", "pet", {})]
    metrics = metrics_of("classification", CLASSIFICATION, candidates, rows=0, units=0)
    verdict = verdict_of(metrics, winner="", headline="Nothing was measured.", recommended="")
    totals: dict[Outcome, int] = {"fixed": 0, "broken": 0, "both right": 0, "both wrong": 0}
    return Sample(metrics, verdict, ShownRows("8-shot", "pet", totals, ()), [("pet", "")])


def one_candidate() -> Sample:
    """A tuned model and nothing to compare it with."""
    candidates = [candidate("pet", "pet", {"accuracy": measured(0.9)})]
    metrics = metrics_of("classification", [ACCURACY], candidates)
    verdict = verdict_of(
        metrics,
        winner="",
        headline="No prompt to compare with.",
        recommended="pet",
        best_baseline="",
        reasons=["failed: no baseline was evaluated."],
    )
    return Sample(metrics, verdict, None, [("pet", "Ticket 1")])


def hostile() -> Sample:
    """The classification with hostile text wherever a user or a model wrote it."""
    sample = classification()
    bad = {name: f"{name}{HOSTILE}" for name in ("8-shot", "pet", "billing", "customer 1")}
    metrics = EvaluationMetrics.model_validate(replaced(sample.metrics.model_dump(), bad))
    verdict = Verdict.model_validate(replaced(sample.verdict.model_dump(), bad)).model_copy(
        update={
            "headline": f"{sample.verdict.headline}{HOSTILE}",
            "reasons": [f"failed: {HOSTILE}"],
            "sensitivity": HOSTILE,
            "confusion": sample.verdict.confusion,
        }
    )
    assert sample.shown is not None
    shown = hostile_rows(sample.shown, bad)
    return Sample(metrics, verdict, shown, [(bad["pet"], HOSTILE * 3)])


SAMPLES: dict[str, Callable[[], Sample]] = {
    "classification": classification,
    "summarization": summarization,
    "perplexities": perplexities,
    "not_worth_it": not_worth_it,
    "nobody": nobody,
    "no_rows": no_rows,
    "one_candidate": one_candidate,
    "hostile": hostile,
}
