import time
import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array

from tuneline.errors import DataError
from tuneline.evaluation.statistics import Resampling, tables


def all_weights(resampling):
    return np.concatenate(list(resampling.weights()))


def test_each_resample_draws_as_many_units_as_there_are():
    weights = all_weights(Resampling(37, 500, seed=0))
    assert weights.shape == (500, 37)
    assert set(weights.sum(axis=1).tolist()) == {37}


def test_every_unit_is_drawn_as_often_as_another():
    weights = all_weights(Resampling(20, 20_000, seed=0)).astype(float)
    assert weights.mean(axis=0) == pytest.approx(np.ones(20), abs=0.04)
    assert weights.var(axis=0) == pytest.approx(np.full(20, 0.95), abs=0.06)


def test_weights_depend_on_the_seed_and_not_on_the_chunks(monkeypatch):
    resampling = Resampling(50, 30, seed=4)
    table = np.random.default_rng(0).integers(0, 9, (50, 3)).astype(float)
    weights, (totals,) = all_weights(resampling), resampling.totals([table])
    assert not np.array_equal(weights, all_weights(Resampling(50, 30, seed=5)))
    monkeypatch.setattr(tables, "_WEIGHTS_A_CHUNK", 350)
    monkeypatch.setattr(tables, "_FACTORS_A_BLOCK", 60)
    assert len(list(resampling.weights())) == 5
    assert np.array_equal(weights, all_weights(resampling))
    assert np.array_equal(totals, resampling.totals([table])[0])


def test_totals_are_weighted_sums_of_dense_and_sparse_tables():
    rng = np.random.default_rng(1)
    resampling = Resampling(80, 60, seed=0)
    dense = [rng.integers(0, 5, (80, columns)).astype(float) for columns in (2, 1, 7)]
    mixed: list[tables.Table] = [dense[0], csr_array(dense[1]), csr_array(dense[2]), dense[2]]
    expected = [all_weights(resampling) @ table for table in (dense[0], dense[1], dense[2])]
    found = resampling.totals(mixed)
    assert [total.shape for total in found] == [(60, 2), (60, 1), (60, 7), (60, 7)]
    for total, wanted in zip(found, [*expected, expected[2]], strict=True):
        assert np.array_equal(total, wanted)
    assert np.array_equal(resampling.totals(mixed[1:2])[0], expected[1])
    assert resampling.totals([]) == []


def test_one_unit_is_always_drawn():
    assert all_weights(Resampling(1, 3, seed=0)).tolist() == [[1], [1], [1]]


def test_nothing_to_resample_is_refused():
    with pytest.raises(DataError, match="no held-out rows"):
        Resampling(0, 10, seed=0)


def test_100_000_rows_take_seconds_and_bounded_memory():
    rng = np.random.default_rng(0)
    given = [rng.random((100_000, 2)) for _ in range(30)]
    started = time.process_time()
    tracemalloc.start()
    totals = Resampling(100_000, 2000, seed=0).totals(given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [total.shape for total in totals] == [(2000, 2)] * 30
    assert time.process_time() - started < 20
    assert peak < 250e6
