"""Metrics and data sets whose truth is known."""

import numpy as np

from tuneline.evaluation.metrics.metric import Metric, divided
from tuneline.evaluation.statistics import (
    Comparison,
    Pair,
    PairedRandomization,
    Resampling,
    Units,
    compare_all,
    estimate,
)

BATCH = 250


class Simulated(Metric):
    """A metric whose tables are simulated."""

    name = title = source = "simulated"
    columns = ("numerator", "denominator")

    def __init__(self, unit="share", *, right_or_wrong=False):
        self.unit = unit
        self.right_or_wrong = right_or_wrong

    def measure(self, rows):
        raise AssertionError("its tables are simulated")

    def value(self, sums):
        return divided(sums[..., 0], sums[..., 1])


class MacroF1(Simulated):
    """Columns: right answers of each label, then rows with each label expected or predicted."""

    def value(self, sums):
        right, involved = np.split(np.asarray(sums), 2, axis=-1)
        scores = np.divide(2 * right, involved, out=np.zeros(right.shape), where=involved > 0)
        return divided(scores.sum(axis=-1), (involved > 0).sum(axis=-1))


SHARE = Simulated(right_or_wrong=True)
MEAN = Simulated("ratio")
RATIO = Simulated()
MACRO_F1 = MacroF1()


def with_counts(scores):
    """Statistics of a mean: shape (..., 2)."""
    return np.stack([scores, np.ones_like(scores)], axis=-1).astype(float)


def label_tables(expected, predicted, labels):
    """Statistics of macro-F1, shape (..., 2 labels); a predicted code of ``labels`` is no label."""
    hot = np.eye(labels + 1)[:, :labels]
    right = hot[expected] * (expected == predicted)[..., None]
    return np.concatenate([right, hot[expected] + hot[predicted]], axis=-1)


def draw_labels(rng, shape, shares, accuracy):
    """Expected labels, and predictions that are right with ``accuracy``."""
    expected = rng.choice(len(shares), shape, p=shares)
    return expected, label_errors(rng, expected, len(shares), accuracy)


def label_errors(rng, expected, labels, accuracy):
    """Predictions that are right with ``accuracy``; a tenth of the others is no label at all."""
    wrong = (expected + rng.integers(1, labels, expected.shape)) % labels
    wrong = np.where(rng.random(expected.shape) < 0.1, labels, wrong)
    return np.where(rng.random(expected.shape) < accuracy, expected, wrong)


def true_macro_f1(shares, accuracy):
    """Of `draw_labels`, over endless rows."""
    shares = np.asarray(shares)
    wrong_as = 0.9 * (1 - accuracy) / (len(shares) - 1) * (1 - shares)
    return float(np.mean(2 * accuracy * shares / (shares + accuracy * shares + wrong_as)))


def estimates(metric, tables, *, resamples=2000):
    """Intervals of many data sets of as many independent units, from the same resamples."""
    count = len(tables[0])
    resampling = Resampling(count, resamples, seed=1)
    return [
        estimate(metric, sampled, Units.of(None, count))
        for start in range(0, len(tables), BATCH)
        for sampled in resampling.sampled(tables[start : start + BATCH])
    ]


def coverage(intervals, truth):
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


def differences(metric, firsts, seconds, *, resamples=2000, draws=199):
    """Comparisons of many data sets of as many independent rows."""
    count = len(firsts[0])
    resampling = Resampling(count, resamples, seed=1)
    found = []
    for start in range(0, len(firsts), BATCH):
        part = slice(start, start + BATCH)
        first, second = resampling.sampled(firsts[part]), resampling.sampled(seconds[part])
        comparisons = [Comparison(metric, *pair) for pair in zip(first, second, strict=True)]
        randomization = PairedRandomization(draws, seed=start)
        found += compare_all(comparisons, Units.of(None, count), randomization)
    return found


def paired_randomization(metric, first, second, *, draws, seed):
    """Two-sided p-value of one pair."""
    return PairedRandomization(draws, seed).p_values([Pair(metric, first, second)])[0]


def rejections(metric, firsts, seconds, *, draws=999):
    """How often paired randomisation rejects at the 5 % level."""
    p_values = []
    for start in range(0, len(firsts), BATCH):
        part = slice(start, start + BATCH)
        pairs = [Pair(metric, *pair) for pair in zip(firsts[part], seconds[part], strict=True)]
        p_values += PairedRandomization(draws, seed=start).p_values(pairs)
    return np.mean(np.array(p_values) <= 0.05)
