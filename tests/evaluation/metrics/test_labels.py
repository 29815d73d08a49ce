import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, issparse
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from tuneline.errors import ConfigurationError, DataError
from tuneline.evaluation.metrics.labels import (
    MOST_DENSE_LABELS,
    Accuracy,
    InvalidLabelRate,
    MacroF1,
    WeightedF1,
    classification_scores,
    confusion_counts,
    label_codes,
    scores_of_confusion,
)
from tuneline.evaluation.rows import Rows

ALL = (Accuracy, InvalidLabelRate, MacroF1, WeightedF1)


def rows_of(expected, predicted, size):
    names = [f"label {code}" for code in range(size)]
    answers = [*names, "no label at all"]
    labels = [names[code] for code in expected]
    return Rows.of(labels, [answers[code] for code in predicted], labels=labels), names


def value_of(metric, rows):
    sums = metric.measure(rows).sum(axis=0)
    return float(metric.value(np.asarray(sums)))


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


def test_labels_that_are_one_after_nfc_are_read_alike_in_references_and_answers():
    labels = ["caf\u00e9", "cafe\u0301", "tea"]
    assert label_codes(["Cafe\u0301.", "tea"], labels).tolist() == [1, 2]
    rows = Rows.of(labels, ["caf\u00e9", "caf\u00e9", "tea"], labels=labels)
    assert value_of(Accuracy(labels), rows) == 1
    assert value_of(MacroF1(labels), rows) == 1


@given(st.lists(st.text(), max_size=20), st.lists(st.text(), max_size=8))
def test_any_text_has_a_code_and_every_label_its_own(predictions, labels):
    codes = label_codes([*predictions, *labels], labels)
    assert ((codes >= 0) & (codes <= len(labels))).all()
    own = codes[len(predictions) :]
    assert (own < len(labels)).all()


codes = st.integers(1, 6).flatmap(
    lambda size: st.tuples(
        st.just(size),
        st.lists(
            st.tuples(st.integers(0, size - 1), st.integers(0, size)), min_size=1, max_size=60
        ),
    )
)


@settings(max_examples=100)
@given(codes)
def test_scores_equal_scikit_learn(drawn):
    size, pairs = drawn
    expected, predicted = np.array(pairs).T
    scores = classification_scores(expected, predicted, size)
    rows, names = rows_of(expected, predicted, size)
    for average, metric in (("macro", MacroF1(names)), ("weighted", WeightedF1(names))):
        wanted = f1_score(
            expected, predicted, labels=range(size), average=average, zero_division=np.nan
        )
        assert getattr(scores, f"{average}_f1") == pytest.approx(wanted, abs=1e-9)
        assert value_of(metric, rows) == pytest.approx(wanted, abs=1e-9)
    by_label = f1_score(expected, predicted, labels=range(size), average=None, zero_division=np.nan)
    assert scores.f1 == pytest.approx(by_label, abs=1e-9, nan_ok=True)
    assert value_of(Accuracy(names), rows) == pytest.approx(accuracy_score(expected, predicted))
    assert value_of(InvalidLabelRate(names), rows) == pytest.approx(np.mean(predicted == size))
    whole = confusion_matrix(expected, predicted, labels=range(size + 1))
    assert (scores.confusion == whole[:size]).all()
    assert scores.support.tolist() == np.bincount(expected, minlength=size).tolist()


@pytest.mark.parametrize(
    ("expected", "predicted", "size", "macro_f1", "weighted_f1"),
    [
        ([0, 1, 2], [0, 1, 2], 3, 1.0, 1.0),
        ([0, 1, 2], [1, 2, 0], 3, 0.0, 0.0),
        ([0, 1, 2], [3, 3, 3], 3, 0.0, 0.0),
        ([0, 0], [0, 0], 1, 1.0, 1.0),
        ([0, 0], [0, 1], 1, 2 / 3, 2 / 3),
        ([0, 0], [0, 0], 4, 1.0, 1.0),
        ([0, 0], [0, 3], 4, (2 / 3 + 0) / 2, 2 / 3),
        ([0, 0, 0, 1], [0, 0, 1, 1], 2, (4 / 5 + 2 / 3) / 2, (3 * 4 / 5 + 2 / 3) / 4),
    ],
)
def test_boundary_cases(expected, predicted, size, macro_f1, weighted_f1):
    scores = classification_scores(np.array(expected), np.array(predicted), size)
    assert scores.macro_f1 == pytest.approx(macro_f1, abs=1e-12)
    assert scores.weighted_f1 == pytest.approx(weighted_f1, abs=1e-12)
    assert scores.support.sum() == len(expected)
    rows, names = rows_of(expected, predicted, size)
    assert value_of(MacroF1(names), rows) == pytest.approx(macro_f1, abs=1e-12)
    assert value_of(WeightedF1(names), rows) == pytest.approx(weighted_f1, abs=1e-12)


def test_a_label_that_never_occurs_is_undefined_and_left_out():
    scores = classification_scores(np.array([0, 0, 1]), np.array([0, 1, 4]), 4)
    assert np.isnan(scores.f1).tolist() == [False, False, True, True]
    assert np.isnan(scores.recall).tolist() == [False, False, True, True]
    assert scores.precision[:2].tolist() == [1.0, 0.0]


@settings(max_examples=50)
@given(codes, st.integers(0, 60))
def test_confusions_of_batches_add_up(drawn, cut):
    size, pairs = drawn
    expected, predicted = np.array(pairs).T
    whole = confusion_counts(expected, predicted, size)
    parts = confusion_counts(expected[:cut], predicted[:cut], size)
    parts += confusion_counts(expected[cut:], predicted[cut:], size)
    assert (whole == parts).all()
    assert scores_of_confusion(parts).macro_f1 == pytest.approx(
        classification_scores(expected, predicted, size).macro_f1, abs=1e-12
    )


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("size", [3, MOST_DENSE_LABELS, MOST_DENSE_LABELS + 1, 400])
def test_sums_of_batches_weights_and_resamples_give_the_score(metric, size):
    random = np.random.default_rng(size)
    expected, predicted = random.integers(0, size, 300), random.integers(0, size + 1, 300)
    rows, names = rows_of(expected, predicted, size)
    made = pickle.loads(pickle.dumps(metric(names)))
    statistics = made.measure(rows)
    assert statistics.shape == (300, len(made.columns))
    assert issparse(statistics) == (len(made.columns) > 3 * MOST_DENSE_LABELS)
    weights = random.multinomial(300, np.full(300, 1 / 300), size=7)
    drawn = np.repeat(np.arange(300), weights[0])
    resampled, _ = rows_of(expected[drawn], predicted[drawn], size)
    values = made.value(np.asarray(weights @ statistics, dtype=np.float64))
    assert values.shape == (7,)
    assert values[0] == pytest.approx(value_of(made, resampled), abs=1e-9)
    assert value_of(made, rows) == pytest.approx(
        float(made.value(csr_array(statistics).toarray().sum(0))), abs=1e-12
    )


def test_scores_without_rows_are_undefined():
    rows = Rows.of([], [], labels=[])
    for metric in ALL:
        assert np.isnan(value_of(metric(["a", "b"]), rows))


@pytest.mark.parametrize("metric", ALL)
def test_a_label_set_is_needed(metric):
    with pytest.raises(ConfigurationError, match="at least one label"):
        metric([])


@pytest.mark.parametrize("label", [None, "c", ""])
def test_a_row_outside_the_label_set_is_named(label):
    rows = Rows.of(["a", "b"], ["a", "b"], prompts=["first", "second"], labels=["a", label])
    with pytest.raises(DataError, match=r"second.*not among the 2 labels"):
        Accuracy(["a", "b"]).measure(rows)
