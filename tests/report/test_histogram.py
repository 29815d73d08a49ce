import re
from itertools import pairwise

import pytest

from tests.report.test_page import HOSTILE, Tags
from tuneline.report.histogram import Bin, histogram_chart
from tuneline.report.shown import shown


def test_columns_are_as_high_as_their_counts():
    chart = histogram_chart([Bin(0, 9, 20), Bin(10, 19, 0), Bin(20, 29, 5)], "lengths")
    assert re.findall(r'title="([^"]*)"', chart) == ["0 to 9: 20", "10 to 19: 0", "20 to 29: 5"]
    assert re.findall(r"height: ([\d.]+)%", chart) == ["100.0", "25.0"]
    assert Tags(chart).tags.count("i") == 3


def test_an_empty_histogram_is_drawn_flat():
    assert "height:" not in histogram_chart([Bin(3, 3, 0)], "nothing")


def test_a_widening_axis_names_powers_of_ten():
    edges = [5, 7, 10, 15, 22, 33, 47, 68, 100, 150, 220]
    bins = [Bin(low, high - 1, 1) for low, high in pairwise(edges)]
    assert re.findall(r"%\">([\d,]+)</span>", histogram_chart(bins, "")) == ["10", "100"]


def test_an_even_axis_names_few_values_and_none_at_its_end():
    bins = [Bin(10 * place, 10 * place + 9, 1) for place in range(24)]
    named = re.findall(r"left: ([\d.]+)%", histogram_chart(bins, ""))
    assert 3 <= len(named) <= 6
    assert all(float(left) <= 85 for left in named)


def test_the_description_is_escaped():
    parsed = Tags(histogram_chart([Bin(0, 0, 1)], HOSTILE))
    assert set(parsed.tags) == {"div", "i", "span"}
    assert not [name for name in parsed.attributes if name.startswith("on")]


@pytest.mark.parametrize("unseen", ["\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\ufeff"])
def test_what_cannot_be_seen_is_named(unseen):
    assert shown(f"a{unseen}b", 10) == f"a⟨U+{ord(unseen):04X}⟩b"


def test_other_text_is_shown_as_it_is():
    text = "tab\tline\nعربي 👩‍👩‍👧 <b>"
    assert shown(text, 100) == text


def test_what_is_cut_off_is_counted():
    assert shown("x" * 1_500, 100) == "x" * 100 + "… (1,400 more characters)"
    assert shown("x" * 150, 100, whole=5_000) == "x" * 100 + "… (4,900 more characters)"
    assert shown("x" * 100, 100, whole=100) == "x" * 100
