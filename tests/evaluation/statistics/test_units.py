import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from tuneline.errors import DataError
from tuneline.evaluation.statistics import Units
from tuneline.evaluation.statistics.tables import dense


def test_rows_without_groups_are_units_and_their_table_is_left_alone():
    table = np.arange(6.0).reshape(3, 2)
    units = Units.of(None, 3)
    assert (units.count, units.clustered) == (3, False)
    assert units.sums(table) is table


def test_groups_are_summed_in_order_of_appearance():
    units = Units.of(["b", "a", "b"], 3)
    assert (units.count, units.clustered) == (2, True)
    sums = units.sums(np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]))
    assert dense(sums).tolist() == [[5.0, 50.0], [2.0, 20.0]]


def test_rows_without_a_group_stand_for_themselves():
    units = Units.of(["", None, "a", "", "a"], 5)
    assert units.codes.tolist() == [0, 1, 2, 3, 2]
    assert Units.of(["a", "b", ""], 3).clustered is False


@given(st.lists(st.sampled_from(["a", "b", "c", "d", ""]), min_size=1, max_size=30))
def test_sparse_and_dense_tables_have_the_same_sums_and_lose_nothing(groups):
    table = np.random.default_rng(0).integers(0, 3, (len(groups), 4)).astype(float)
    units = Units.of(groups, len(groups))
    sums, sparse = units.sums(table), units.sums(csr_array(table))
    assert isinstance(sparse, csr_array)
    assert dense(sparse).tolist() == dense(sums).tolist()
    assert sums.shape == (units.count, 4)
    assert sums.sum(axis=0).tolist() == table.sum(axis=0).tolist()


def test_groups_that_do_not_fit_the_rows_are_refused():
    with pytest.raises(DataError, match="2 groups for 3 rows"):
        Units.of(["a", "b"], 3)
