from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.checks.rule import RowError
from tuneline.data.split.times import parse_time

NOON = 1_767_268_800_000_000
"""2026-01-01T12:00:00Z in microseconds."""


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00",
        "2026-01-01 12:00:00",
        "2026-01-01 12:00:00 UTC",
        "2026-01-01T14:00:00+02:00",
        "20260101T120000Z",
        "1767268800",
        "1767268800.0",
        "1767268800000",
        "1767268800000000",
        "1767268800000000000",
    ],
)
def test_one_moment_written_in_many_ways(text):
    assert parse_time(text, "at") == NOON


def test_a_date_is_its_beginning():
    assert parse_time("2026-01-01", "at") == NOON - 12 * 3_600_000_000


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "nan", "inf", "12:30", "9" * 30, "1e300", "", "-"]
)
def test_what_is_no_time_says_the_column_and_not_the_value(text):
    with pytest.raises(RowError) as raised:
        parse_time(text, "at")
    assert (raised.value.reason, raised.value.field) == ("bad_time", "at")
    assert "ISO 8601" in raised.value.message


@settings(max_examples=100)
@given(st.text(max_size=20))
def test_any_text_is_a_time_or_a_row_error(text):
    try:
        moment = parse_time(text, "at")
    except RowError:
        return
    assert -(2**63) <= moment < 2**63


@settings(max_examples=100)
@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_survives(moment):
    since = datetime(1970, 1, 1, tzinfo=UTC)
    assert since + timedelta(microseconds=parse_time(moment.isoformat(), "at")) == moment


@settings(max_examples=60)
@given(st.integers(-(10**10), 10**10), st.integers(-(10**10), 10**10))
def test_numbers_keep_their_order(one, other):
    assert (parse_time(str(one), "at") < parse_time(str(other), "at")) == (one < other)
