"""Rows that tuning changed, always the same ones."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.evaluation.report.parts import LABELS
from tuneline.evaluation.changes import Outcome, ShownRow, ShownRows


def label_change(index: int, chance: random.Random) -> ShownRow:
    """A ticket, and the labels that both candidates gave it."""
    label = LABELS[chance.randrange(len(LABELS))]
    other = LABELS[chance.randrange(len(LABELS))]
    outcome: Outcome = chance.choices(
        ("fixed", "broken", "both right", "both wrong"), (6, 2, 2, 2)
    )[0]
    right_before = outcome in ("broken", "both right")
    right_after = outcome in ("fixed", "both right")
    wrong = f"{other}." if other != label else "I think this is about a parcel"
    return ShownRow(
        number=3 * index + 1,
        outcome=outcome,
        label=label,
        group=f"customer {index % 7}",
        prompt=f"Ticket {index}: I wrote about my {label} last week and nobody has answered. "
        "What is going on, and when will somebody look at it?",
        reference=label,
        before=label if right_before else wrong,
        after=label if right_after else other,
        before_score=float(right_before),
        after_score=float(right_after),
    )


def summary_change(index: int, chance: random.Random) -> ShownRow:
    """A meeting note, its summary, and two others."""
    reference = (
        f"The team agreed to ship release {index} on Friday, to move the review to Tuesday, and "
        "to ask Dana for the load test."
    )
    before = "Meeting notes about a release, a review and a test, with several people taking part."
    after = reference.replace("Friday", chance.choice(["Friday", "Monday"])).replace(
        ", and to ask Dana for the load test", chance.choice([", and to ask for the load test", ""])
    )
    outcome: Outcome = chance.choices(("better", "worse", "as good"), (7, 2, 1))[0]
    if outcome == "worse":
        before, after = after, before
    return ShownRow(
        number=index + 1,
        outcome=outcome,
        label="",
        group="",
        prompt="Summarize these notes in one sentence.\n\n"
        + "\n".join(
            f"{speaker}: {said}"
            for speaker, said in [
                ("Dana", f"Release {index} is ready, apart from the load test."),
                ("Ali", "Then let us ship on Friday. I cannot make the review on Monday, though."),
                ("Dana", "Tuesday then. I can run the load test tomorrow if nobody else has time."),
                ("Mira", "That would be good. I will write to support about the change of dates."),
                ("Ali", "And the price page still has the old numbers; I will fix that today."),
            ]
        ),
        reference=reference,
        before=before,
        after=after,
        before_score=0.31 if outcome != "worse" else 0.74,
        after_score=0.74 if outcome != "worse" else 0.31,
    )


def changes(
    totals: dict[Outcome, int], count: int, row: Callable[[int, random.Random], ShownRow]
) -> ShownRows:
    """Some rows, always the same ones, of which the totals say that there are more."""
    chance = random.Random(7)
    return ShownRows("8-shot", "pet", totals, tuple(row(index, chance) for index in range(count)))
