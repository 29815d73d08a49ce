"""How often the gate opens for tuning that is no better: never more often than its level says."""

import numpy as np
import pytest

from tests.evaluation.answer_files import candidate
from tuneline.evaluation.decide import decide
from tuneline.evaluation.gate import Contest
from tuneline.evaluation.held_out import Answers, HeldOut
from tuneline.evaluation.measure import Measured, Tally
from tuneline.evaluation.metrics.text import ExactMatch, TokenF1
from tuneline.evaluation.results import MetricInfo
from tuneline.evaluation.rows import FloatArray
from tuneline.evaluation.score import score
from tuneline.evaluation.settings import EvaluationSettings

RUNS = 1_500
ROWS = 120
NAMES = ("zero-shot", "4-shot", "pet", "full")
ANSWERS = tuple(Answers(candidate(name, ""), None) for name in NAMES)  # type: ignore[arg-type]


def opened(scores: dict[str, FloatArray], groups: list[str], settings: EvaluationSettings) -> bool:
    """Whether the gate opens on these scores of single rows."""
    whole = all(set(np.unique(found)) <= {0.0, 1.0} for found in scores.values())
    metric = ExactMatch() if whole else TokenF1()
    rows = len(groups)
    ones = np.ones(rows)
    measured = {
        name: Measured({metric.name: np.stack([found, ones], axis=1)}, Tally())
        for name, found in scores.items()
    }
    held_out = HeldOut(
        task="generation",
        labels=(),
        examples_digest="e" * 64,
        base_models=(("base", "b" * 64),),
        rows=rows,
        row_labels=[],
        groups=groups,
        named_groups=[None] * rows,
        prompt_lengths=np.ones(rows, dtype=np.int64),
        answers=tuple(a for a in ANSWERS if a.candidate.name in scores),
    )
    found = score(held_out, [metric], measured, settings)
    contest = Contest(
        candidates=found.candidates,
        comparisons=found.comparisons,
        slices=found.slices,
        unscored_slices=found.unscored_slices,
        metrics=[MetricInfo.of(metric)],
        rows=rows,
        units=found.units,
        task="open_ended",
        task_reason="it is simulated",
        settings=settings,
    )
    return decide(contest).passed


def right_or_wrong(draw: np.random.Generator, mean: dict[str, float]) -> dict[str, FloatArray]:
    """Rows of unlike difficulty, so that candidates are right on much the same rows."""
    hard = draw.normal(size=ROWS)
    return {
        name: (hard + draw.normal(size=ROWS) < shift).astype(float) for name, shift in mean.items()
    }


def shares(draw: np.random.Generator, names: tuple[str, ...]) -> dict[str, FloatArray]:
    """Skewed scores between 0 and 1 that hang together."""
    hard = draw.beta(0.6, 1.4, size=ROWS)
    return {name: np.clip(hard * draw.beta(2, 1, size=ROWS), 0, 1) for name in names}


ALONE = [str(row) for row in range(ROWS)]
IN_GROUPS = [str(row // 4) for row in range(ROWS)]


def grouped(draw: np.random.Generator, names: tuple[str, ...]) -> dict[str, FloatArray]:
    """Each candidate is right or wrong on whole groups of four rows."""
    return {name: np.repeat((draw.random(ROWS // 4) < 0.6).astype(float), 4) for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("case", ["one", "two of each", "scores", "groups", "margin"])
def test_the_gate_opens_for_nothing_no_more_often_than_its_level(case):
    draw = np.random.default_rng(7)
    margin = 0.05 if case == "margin" else 0.0
    settings = EvaluationSettings.model_validate(
        {"resamples": 400, "permutations": 999, "slices": [], "gate": {"margin": margin}}
    )
    names = ("zero-shot", "pet") if case in {"one", "margin"} else NAMES
    passed = 0
    for _ in range(RUNS):
        if case == "scores":
            scores = shares(draw, names)
        elif case == "groups":
            scores = grouped(draw, names)
        else:
            # 0.152 above in the latent scale is five points above in the share that is right.
            shifts = {name: 0.152 * (margin > 0) * (name == "pet") + 0.4 for name in names}
            scores = right_or_wrong(draw, shifts)
        passed += opened(scores, IN_GROUPS if case == "groups" else ALONE, settings)
    assert passed / RUNS <= settings.significance
    assert passed > 0, "a gate that never opens would pass this test too"


def led(draw: np.random.Generator, units: int, margin: float, kind: str) -> dict[str, FloatArray]:
    """One score for each unit; the tuned candidate truly leads by the margin."""
    if kind == "right or wrong":
        coin = draw.random(units)
        return {
            "zero-shot": (coin > 0.7 - max(-margin, 0)).astype(np.float64),
            "pet": (coin < 0.3 + max(margin, 0)).astype(np.float64),
        }
    hard = draw.beta(0.6, 1.4, size=units)
    prompt, tuned = hard * draw.beta(2, 1, size=(2, units)) * (1 - abs(margin))
    return {"zero-shot": prompt + max(-margin, 0), "pet": tuned + max(margin, 0)}


@pytest.mark.slow
@pytest.mark.parametrize("margin", [0.0, 0.05, -0.05])
@pytest.mark.parametrize("kind", ["right or wrong", "scores"])
@pytest.mark.parametrize(("units", "size"), [(2, 1), (3, 1), (5, 1), (4, 4)])
def test_with_few_units_it_opens_no_more_often_either(units, size, kind, margin):
    draw = np.random.default_rng(units)
    settings = EvaluationSettings.model_validate(
        {"resamples": 200, "permutations": 999, "slices": [], "gate": {"margin": margin}}
    )
    groups = [str(row // size) for row in range(units * size)]
    runs = 300
    passed = 0
    for _ in range(runs):
        scores = led(draw, units, margin, kind)
        rows = {name: np.repeat(found, size) for name, found in scores.items()}
        passed += opened(rows, groups, settings)
    assert passed / runs <= settings.significance


def test_the_gate_opens_for_what_is_better():
    draw = np.random.default_rng(3)
    settings = EvaluationSettings.model_validate(
        {"resamples": 400, "permutations": 999, "slices": []}
    )
    scores = right_or_wrong(draw, {"zero-shot": -0.5, "4-shot": -0.3, "pet": 1.0, "full": 1.1})
    assert opened(scores, ALONE, settings)
