"""Five fields become six that mean the same to the service."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.kubeflow.stand_in import cron
from tests.kubeflow.stand_in.refusals import RefusedError
from tuneline.kubeflow.runs.cron import six_fields

FIELDS = list(cron.BOUNDS.items())[1:]
"""The five, with their limits."""


@some.composite
def items(draw, name):
    """One item of a field, and the values that it has in every other cron: Sunday is 0 and 7."""
    lowest, highest, names = dict(FIELDS)[name]
    is_day = name == "day of week"
    highest = 7 if is_day else highest
    first = draw(some.integers(lowest, highest))
    last = draw(some.integers(first, highest))
    step = draw(some.integers(1, 10))
    kind = draw(some.sampled_from(["star", "star step", "one", "range", "range step", "name"]))
    named = {number: word.upper() for word, number in names.items()}
    text, values = {
        "star": ("*", range(lowest, highest + 1)),
        "star step": (f"*/{step}", range(lowest, 7 if is_day else highest + 1, step)),
        "one": (f"{first}", [first]),
        "range": (f"{first}-{last}", range(first, last + 1)),
        "range step": (f"{first}-{last}/{step}", range(first, last + 1, step)),
        "name": (named.get(first, f"{first}"), [first]),
    }[kind]
    return text, {value % 7 if is_day else value for value in values}


@some.composite
def expressions(draw):
    """An expression of five fields, and the values that each lets pass."""
    texts, meant = [], {"second": {0}}
    for name, _ in FIELDS:
        drawn = draw(some.lists(items(name), min_size=1, max_size=3))
        texts.append(",".join(text for text, _ in drawn))
        meant[name] = set().union(*(values for _, values in drawn))
    return " ".join(texts), meant


@given(expressions())
def test_times_stay_the_same(drawn):
    text, meant = drawn
    assert cron.times(six_fields(text)) == meant


@given(some.text(alphabet="0123456789*/,- SUNMJA?", max_size=24))
def test_what_is_taken_is_taken_by_the_service(text):
    try:
        written = six_fields(text)
    except ValueError:
        return
    try:
        cron.times(written)
    except RefusedError as refusal:
        pytest.fail(f"{text!r} became {written!r}, which the service refuses: {refusal}")


@pytest.mark.parametrize(
    ("five", "six"),
    [
        ("0 6 * * 1", "0 0 6 * * 1"),
        ("*/5 0-6 1,15 JAN-MAR *", "0 */5 0-6 1,15 JAN-MAR *"),
        ("0 6 * * MON-FRI", "0 0 6 * * MON-FRI"),
        ("0 6 * * 7", "0 0 6 * * 0"),
        ("0 6 * * 5-7", "0 0 6 * * 0,5,6"),
        ("0 6 * * 1-7/2,3", "0 0 6 * * 0,1,3,5,3"),
    ],
)
def test_how_it_is_written(five, six):
    assert six_fields(five) == six


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("daily", "must be five fields"),
        ("0 6 * *", "must be five fields"),
        ("0 0 6 * * 1", "must be five fields"),
        ("TZ=Europe/Berlin 0 6 * * 1", "has a time zone.*CRON_SCHEDULE_TIMEZONE"),
        ("CRON_TZ=UTC 0 6 * * 1", "has a time zone"),
        ("60 6 * * 1", "minute: '60' is none; the numbers are 0 to 59"),
        ("0 6 0 * *", "day of the month: '0' is none; the numbers are 1 to 31"),
        ("0 6 * * 8", "day of the week: '8' is none"),
        ("0 6 * FOO *", "month: 'FOO' is none"),
        ("0 6 * * FRI-MON", "day of the week: 'FRI-MON' ends before it starts"),
        ("*/0 6 * * *", "minute: '\\*/0' is none"),
        ("*-5 6 * * *", "minute: '\\*-5' is none"),
        ("0 6 * * ", "day of the week: '' is none"),
        ("٣ 6 * * 1", "minute: '٣' is none"),
    ],
)
def test_what_is_wrong_is_told(text, said):
    with pytest.raises(ValueError, match=said):
        six_fields(text)
