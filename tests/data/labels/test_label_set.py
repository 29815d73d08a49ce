from typing import Any, cast

from tuneline.data.batch import Batch
from tuneline.data.checks.label_set import LabelSet
from tuneline.data.schema import Example, Part, Turn


class Answers:
    """A shape that names the turn."""

    def field(self, example, turn, part):
        return f"turn {turn}"


def example_of(answer, label=None):
    turns = (Turn("user", (Part("question"),)), Turn("model", (Part(answer),)))
    return Example(turns, label=label)


def hits_of(check, *examples):
    return list(check(Batch(list(examples), cast(Any, Answers()))))


def test_an_answer_outside_the_set_is_found_and_not_repeated():
    check = LabelSet(frozenset({"refund", "delivery"}))
    hits = hits_of(check, example_of(" refund\n"), example_of("Refunds"), example_of("my secret"))
    assert [(hit.index, hit.code, hit.field) for hit in hits] == [
        (1, "label_outside_set", "turn 1"),
        (2, "label_outside_set", "turn 1"),
    ]
    assert hits[0].message == "is not one of the 2 labels that were given. Is 'refund' meant?"
    assert hits[1].message == "is not one of the 2 labels that were given."


def test_a_label_column_counts_and_not_the_answer():
    check = LabelSet(frozenset({"a"}), column="kind")
    (hit,) = hits_of(check, example_of("whatever", "a"), example_of("a", "other"))
    assert (hit.index, hit.field) == (1, "kind")
