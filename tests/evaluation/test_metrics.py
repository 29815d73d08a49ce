import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from tuneline.evaluation.metrics import classification_scores, exact_matches, label_codes
from tuneline.evaluation.statistics import macro_f1_interval


@pytest.mark.parametrize(
    ("reference", "prediction", "equal"),
    [
        ("refund", " refund\n", True),
        ("refund", "Refund", False),
        ("refund", "refund.", False),
        ("caf\u00e9", "cafe\u0301", True),
        ("", "   ", True),
        ("a b", "a  b", False),
    ],
)
def test_exact_match_is_strict_after_nfc_and_strip(reference, prediction, equal):
    assert exact_matches([reference], [prediction]).tolist() == [equal]


@pytest.mark.parametrize(
    ("prediction", "label"),
    [
        ("refund", "refund"),
        (" Refund. ", "refund"),
        ("REFUND!?! .", "refund"),
        ("refund please", None),
        ("", None),
        (".", None),
        ("STRASSE", "stra\u00dfe"),
        ("cafe\u0301", "CAF\u00c9"),
        ("?", "?"),
        ("c++", "C++"),
    ],
)
def test_a_prediction_is_the_label_it_equals_when_folded(prediction, label):
    labels = ["refund", "stra\u00dfe", "CAF\u00c9", "?", "C++"]
    code = label_codes([prediction], labels)[0]
    assert code == (len(labels) if label is None else labels.index(label))


def test_labels_that_differ_in_case_alone_are_told_apart():
    assert label_codes(["Us", "us", "US", "us."], ["US", "us"]).tolist() == [2, 1, 0, 2]


codes = st.integers(2, 6).flatmap(
    lambda size: st.tuples(
        st.just(size),
        st.lists(
            st.tuples(st.integers(0, size - 1), st.integers(0, size)), min_size=1, max_size=60
        ),
    )
)


@settings(max_examples=60, deadline=None)
@given(codes)
def test_scores_equal_scikit_learn(drawn):
    size, rows = drawn
    expected, predicted = np.array(rows).T
    scores = classification_scores(expected, predicted, size)
    wanted = f1_score(
        expected, predicted, labels=range(size), average="macro", zero_division=np.nan
    )
    assert scores.macro_f1 == pytest.approx(wanted, abs=1e-9)
    interval = macro_f1_interval(scores.confusion, resamples=200, seed=0)
    assert interval.value == pytest.approx(wanted, abs=1e-9)
    right = np.trace(scores.confusion[:, :size]) / len(rows)
    assert right == pytest.approx(accuracy_score(expected, predicted), abs=1e-9)
    whole = confusion_matrix(expected, predicted, labels=range(size + 1))
    assert (scores.confusion == whole[:size]).all()


@pytest.mark.parametrize(
    ("expected", "predicted", "size", "macro_f1"),
    [
        ([0, 1, 2], [0, 1, 2], 3, 1.0),
        ([0, 1, 2], [1, 2, 0], 3, 0.0),
        ([0, 1, 2], [3, 3, 3], 3, 0.0),
        ([0, 0], [0, 0], 1, 1.0),
        ([0, 0], [0, 1], 1, 2 / 3),
        ([0, 0], [0, 0], 4, 1.0),
        ([0, 0], [0, 3], 4, (2 / 3 + 0) / 2),
    ],
)
def test_boundary_cases(expected, predicted, size, macro_f1):
    scores = classification_scores(np.array(expected), np.array(predicted), size)
    assert scores.macro_f1 == pytest.approx(macro_f1, abs=1e-12)
    assert scores.support.sum() == len(expected)
