import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.evaluation.statistics import holm


def test_holm_on_a_known_case():
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert corrected == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.7, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({"a": 0.02}) == {"a": 0.02}
    assert holm({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_is_no_harsher_than_bonferroni(p_values):
    corrected = holm(p_values)
    assert corrected.keys() == p_values.keys()
    for name, p_value in p_values.items():
        assert p_value <= corrected[name] <= min(1.0, len(p_values) * p_value) or p_value == 1
    ordered = sorted(p_values, key=lambda name: p_values[name])
    assert [corrected[name] for name in ordered] == sorted(corrected.values())
