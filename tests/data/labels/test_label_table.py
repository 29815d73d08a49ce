import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data import labels as labels_module
from tuneline.data.labels import NO_LABEL, LabelCollector, LabelTable
from tuneline.data.settings import PrepareSettings
from tuneline.errors import DataError


def table_of(answers, rows_a_piece=7, rows_a_batch=3, **given):
    settings_given = PrepareSettings(data="a", **given)
    table = LabelTable.of(settings_given)
    for begin in range(0, len(answers), rows_a_piece):
        piece = answers[begin : begin + rows_a_piece]
        collector = LabelCollector.of(settings_given)
        for place in range(0, len(piece), rows_a_batch):
            collector.extend(piece[place : place + rows_a_batch])
        # As it comes from another process.
        table.add(pickle.loads(pickle.dumps(collector)))
    table.finish()
    return table, settings_given


def decided(answers, **given):
    table, settings_given = table_of(answers, **given)
    return table.decide(settings_given, np.ones(len(answers), bool))


@pytest.mark.parametrize(
    ("answers", "task", "why"),
    [
        (["yes", "no"] * 5, "classification", "2 distinct short answers in 10 rows"),
        (["yes", "no"] * 4, "generation", "2 distinct answers in 8 rows are too many"),
        (["yes"] * 20, "generation", "every row has the same answer"),
        (["yes", "no\nno"] * 20, "generation", "more than one line or 100 characters"),
        (["yes", "n" * 101] * 20, "generation", "more than one line or 100 characters"),
        (["yes"] * 20 + ["a\nb"], "generation", "more than one line or 100 characters"),
        (["yes", ""] * 20, "generation", "some answers are function calls"),
    ],
)
def test_the_answers_decide_and_the_reason_is_stated(answers, task, why):
    found, reason = decided(answers)
    assert found == task
    assert why in reason


def test_only_kept_rows_decide():
    table, given = table_of(["yes", "no"] * 10 + ["maybe"] * 3)
    kept = np.array([True] * 20 + [False] * 3)
    assert table.decide(given, kept) == ("classification", "2 distinct short answers in 20 rows")
    assert table.counts(kept).tolist() == [0, 10, 10]


def test_a_given_task_wins():
    assert decided(["yes", "no"] * 10, task="generation") == (
        "generation",
        "task=generation was given",
    )
    table, _ = table_of(["yes", "no"] * 10, task="generation")
    assert set(table.codes.tolist()) == {NO_LABEL}
    assert decided(["a", "b\nb"], task="classification") == (
        "classification",
        "task=classification was given",
    )


def test_a_label_column_or_a_label_set_makes_a_classification():
    answers = ["a", "b" * 200]
    assert decided(answers, label_column="kind") == ("classification", "label_column was given")
    assert decided(answers, labels=answers) == ("classification", "labels was given")


def test_one_label_is_no_classification():
    with pytest.raises(DataError, match="at least 2 labels; the rows have 1: yes"):
        decided(["yes"] * 20, task="classification")


def test_memory_is_bounded_where_nobody_said_that_answers_are_labels(monkeypatch):
    monkeypatch.setattr(labels_module, "MAX_DETECTED_LABELS", 3)
    collector = LabelCollector.of(PrepareSettings(data="a"))
    collector.extend([str(number) for number in range(100)])
    assert collector.numbers == {}
    assert "more than 3 distinct answers" in collector.why_not
    # Also where no single piece has too many.
    table, given = table_of([str(number) for number in range(100)], rows_a_piece=2)
    assert table.names == ()
    assert set(table.codes.tolist()) == {NO_LABEL}
    assert "more than 3 distinct answers" in table.decide(given, np.ones(100, bool))[1]


def test_as_many_labels_as_allowed_are_labels(monkeypatch):
    monkeypatch.setattr(labels_module, "MAX_DETECTED_LABELS", 3)
    assert decided(["a", "b", "c"] * 10)[0] == "classification"


@settings(max_examples=60)
@given(
    st.lists(st.text("ab", min_size=1, max_size=2), max_size=60),
    st.integers(1, 20),
    st.integers(1, 20),
)
def test_codes_name_the_answers_whatever_the_pieces(answers, rows_a_piece, rows_a_batch):
    table, _ = table_of(answers, rows_a_piece, rows_a_batch)
    assert [table.names[code] for code in table.codes] == answers
    assert list(table.names) == sorted(set(answers))
