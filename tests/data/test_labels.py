import pytest

from tuneline.data import labels as labels_module
from tuneline.data.labels import NO_LABEL, LabelCollector
from tuneline.data.settings import PrepareSettings
from tuneline.errors import DataError


def collected(answers, **settings):
    given = PrepareSettings(data="a", **settings)
    collector = LabelCollector.of(given)
    for answer in answers:
        collector.add(answer)
    return collector, given


@pytest.mark.parametrize(
    ("answers", "task", "why"),
    [
        (["yes", "no"] * 5, "classification", "2 distinct short answers in 10 rows"),
        (["yes", "no"] * 4, "generation", "2 distinct answers in 8 rows are too many"),
        (["yes"] * 20, "generation", "every row has the same answer"),
        (["yes", "no\nno"] * 20, "generation", "more than one line or 100 characters"),
        (["yes", "n" * 101] * 20, "generation", "more than one line or 100 characters"),
    ],
)
def test_the_answers_decide_and_the_reason_is_stated(answers, task, why):
    collector, settings = collected(answers)
    found, reason = collector.decide(settings)
    assert found == task
    assert why in reason


def test_a_given_task_wins():
    collector, settings = collected(["yes", "no"] * 10, task="generation")
    assert collector.decide(settings) == ("generation", "task=generation was given")
    assert set(collector.numbers) == {NO_LABEL}
    collector, settings = collected(["a", "b\nb"], task="classification")
    assert collector.decide(settings) == ("classification", "task=classification was given")


def test_a_label_column_makes_a_classification():
    collector, settings = collected(["a", "b" * 200], label_column="kind")
    assert collector.decide(settings) == ("classification", "label_column was given")


def test_one_label_is_no_classification():
    collector, settings = collected(["yes"] * 20, task="classification")
    with pytest.raises(DataError, match="at least 2 labels; the rows have 1: yes"):
        collector.decide(settings)


def test_memory_is_bounded_where_nobody_said_that_answers_are_labels(monkeypatch):
    monkeypatch.setattr(labels_module, "MAX_DETECTED_LABELS", 3)
    collector, settings = collected([str(number) for number in range(100)])
    assert len(collector.names) == 3
    assert collector.decide(settings)[0] == "generation"
