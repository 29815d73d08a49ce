import math
import time
import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import permutation_test

from tests.evaluation.statistics.simulation import (
    MACRO_F1,
    MEAN,
    RATIO,
    draw_labels,
    label_errors,
    label_tables,
    paired_randomization,
    with_counts,
)
from tuneline.evaluation.statistics import Pair, PairedRandomization, tables


def scipys(metric, first, second):
    """All swaps by scipy, of rows named by their place in the two tables."""
    both, rows = np.concatenate([first, second]), len(first)

    def difference(left, right, axis):
        sums = [
            np.take(both, side.astype(int), axis=0).sum(axis=axis - 1) for side in (left, right)
        ]
        return metric.value(sums[0]) - metric.value(sums[1])

    return permutation_test(
        (np.arange(rows), np.arange(rows) + rows),
        difference,
        permutation_type="samples",
        vectorized=True,
        n_resamples=2**20,
    ).pvalue


def ratio_tables(rng, rows):
    return np.stack([rng.random(rows), 1 + rng.random(rows)], axis=1)


@pytest.mark.parametrize("rows", [2, 3, 7, 11])
@pytest.mark.parametrize("seed", range(4))
def test_all_swaps_agree_with_scipy(rows, seed):
    rng = np.random.default_rng(seed)
    means = with_counts(rng.exponential(size=rows)), with_counts(rng.exponential(size=rows))
    few_values = with_counts(rng.integers(0, 3, rows)), with_counts(rng.integers(0, 3, rows))
    ratios = ratio_tables(rng, rows), ratio_tables(rng, rows)
    for metric, pair in ((MEAN, means), (MEAN, few_values), (RATIO, ratios)):
        ours = paired_randomization(metric, *pair, draws=4096, seed=0)
        assert ours == pytest.approx(scipys(metric, *pair), abs=1e-9)


def test_random_swaps_come_near_all_swaps():
    rng = np.random.default_rng(3)
    first, second = with_counts(rng.random(12)), with_counts(rng.random(12) + 0.05)
    exact = paired_randomization(MEAN, first, second, draws=4096, seed=0)
    drawn = paired_randomization(MEAN, first, second, draws=4001, seed=0)
    assert drawn != exact
    assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact / 4001))
    assert 0.05 < exact < 0.95


def test_the_swap_seen_counts_as_one_of_the_draws():
    first, second = with_counts(np.arange(60) + 1.0), with_counts(np.zeros(60))
    assert paired_randomization(MEAN, first, second, draws=999, seed=0) == 1 / 1000


def test_candidates_that_never_differ_have_p_1():
    table = with_counts(np.random.default_rng(0).random(40))
    assert paired_randomization(MEAN, table, table.copy(), draws=99, seed=0) == 1.0
    assert paired_randomization(MEAN, table[:1], table[:1] + 0.0, draws=99, seed=0) == 1.0


def test_one_unit_that_differs_proves_nothing():
    first = with_counts(np.zeros(40))
    second = first.copy()
    second[3, 0] = 5.0
    assert paired_randomization(MEAN, first, second, draws=99, seed=0) == 1.0


def test_units_that_are_alike_change_nothing():
    rng = np.random.default_rng(1)
    first, second = with_counts(rng.random(9)), with_counts(rng.random(9))
    alike = with_counts(rng.random(500))
    padded = [np.concatenate([alike, table]) for table in (first, second)]
    without = paired_randomization(MEAN, first, second, draws=512, seed=0)
    assert paired_randomization(MEAN, *padded, draws=512, seed=0) == without


def test_a_p_value_does_not_depend_on_company_chunks_or_order(monkeypatch):
    rng = np.random.default_rng(2)
    candidates = [with_counts(np.where(rng.random(90) < 0.5, 1, rng.random(90))) for _ in range(4)]
    pairs = [Pair(RATIO, left, right) for left in candidates for right in candidates]
    randomization = PairedRandomization(500, seed=7)
    together = randomization.p_values(pairs)
    assert together == [randomization.p_values([pair])[0] for pair in pairs]
    assert together[1] == together[4]
    monkeypatch.setattr(tables, "_WEIGHTS_A_CHUNK", 9000)
    assert together == randomization.p_values(pairs)
    assert together != PairedRandomization(500, seed=8).p_values(pairs)


def test_sparse_tables_give_the_same_p_values():
    rng = np.random.default_rng(0)
    expected, first = draw_labels(rng, 120, [0.4, 0.3, 0.2, 0.1], 0.8)
    second = label_errors(rng, expected, 4, 0.7)
    dense = [label_tables(expected, answers, 4) for answers in (first, second)]
    sparse = [csr_array(table) for table in dense]
    randomization = PairedRandomization(999, seed=0)
    pairs = [Pair(MACRO_F1, *dense), Pair(MACRO_F1, *sparse), Pair(MACRO_F1, dense[0], sparse[1])]
    p_value = randomization.p_values(pairs[:1])[0]
    assert 0.001 < p_value < 1
    assert randomization.p_values(pairs) == [p_value] * 3


def test_an_undefined_difference_is_no_evidence():
    undefined, defined = np.zeros((30, 2)), with_counts(np.ones(30))
    assert paired_randomization(MEAN, undefined, defined, draws=99, seed=0) == 1.0


def test_swaps_that_leave_a_side_undefined_count_as_large():
    first = np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    second = np.array([[0.0, 0.0], [0.2, 1.0], [0.4, 1.0]])
    # Of 8 swaps, 2 gather all rows on one side; 1 - 0.3 is matched by 2 and missed by 4.
    assert paired_randomization(MEAN, first, second, draws=8, seed=0) == pytest.approx(4 / 8)


def test_100_000_units_take_seconds_and_bounded_memory():
    rng = np.random.default_rng(0)
    candidates = [with_counts(rng.random(100_000)) for _ in range(4)]
    pairs = [
        Pair(RATIO, candidates[left], candidates[right])
        for left in range(4)
        for right in range(left)
    ]
    started = time.process_time()
    tracemalloc.start()
    p_values = PairedRandomization(9999, seed=0).p_values(pairs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert all(0 < p_value <= 1 for p_value in p_values)
    assert time.process_time() - started < 20
    assert peak < 350e6
