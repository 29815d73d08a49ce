import numpy as np
import pytest

from tuneline.data.label_findings import LabelCounts, label_counts, label_findings


def findings_of(train, validation=None, test=None):
    splits = [train, validation or {}, test or {}]
    names = sorted({name for split in splits for name in split})
    table = np.array([[split.get(name, 0) for name in names] for split in splits])
    return {found.code: found.sentence for found in label_findings(LabelCounts(names, table))}


def test_labels_are_counted_by_split():
    codes = np.array([0, 1, 1, -1, 0, 1], np.int32)
    splits = np.array([0, 0, 2, 0, 7, 0], np.uint8)
    counts = label_counts(("a", "b"), codes, splits)
    assert counts.by_split.tolist() == [[1, 2], [0, 0], [0, 1]]


def test_balanced_labels_that_differ_say_nothing():
    assert findings_of({"refund": 50, "delivery": 60}, {"refund": 5}, {"delivery": 9}) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Refund", 50), ("refund", 60)),
        (("not_sent", 50), ("Not sent", 60)),
        (("refund", 90), ("refnud", 6)),
        (("refund", 90), ("refunds", 6)),
        (("account access", 200), ("acount acess", 6)),
    ],
)
def test_labels_spelt_almost_the_same_are_named_with_their_counts(one, other):
    sentence = findings_of(dict([one, other, ("delivery", 80)]))["label_typo"]
    for name, rows in (one, other):
        assert f"{name!r} ({rows} rows)" in sentence
    assert "delivery" not in sentence


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("refund", 50), ("refunds", 60)),
        (("level 10", 100), ("level 11", 6)),
        (("A", 100), ("B", 6)),
        (("cat", 100), ("bat", 6)),
        (("+", 100), ("-", 90)),
        (("refund", 100), ("return", 6)),
    ],
)
def test_labels_that_may_well_be_two_are_left_alone(one, other):
    assert "label_typo" not in findings_of(dict([one, other]))


def test_many_pairs_are_counted_and_few_shown():
    labels = {f"label {letter}": 50 for letter in "abcdefghij"}
    labels |= {f"Label-{letter}": 50 for letter in "abcdefghij"}
    assert "and 5 more pairs" in findings_of(labels)["label_typo"]


def test_unbalanced_labels_are_told():
    found = findings_of({"refund": 2000, "delivery": 50})
    assert "2000 of 'refund' and 50 of 'delivery'" in found["unbalanced_labels"]
    found = findings_of({"refund": 20, "delivery": 4})
    assert "1 labels have fewer than 5" in found["unbalanced_labels"]


def test_a_single_training_label_is_told():
    found = findings_of({"refund": 20}, {"delivery": 3})
    assert "All 20 training rows have the label 'refund'" in found["single_label"]
    assert (
        "3 validation rows have a label that no training row has: 'delivery'"
        in (found["unseen_label"])
    )
