import pytest

from tests.evaluation.report.samples import (
    SAMPLES,
    classification,
    hostile,
    no_rows,
    perplexities,
    summarization,
)
from tuneline.evaluation.table import comparison_table


def lines_of(sample):
    return comparison_table(sample.verdict).splitlines()


@pytest.mark.parametrize("name", SAMPLES)
def test_there_is_a_line_for_each_candidate(name):
    sample = SAMPLES[name]()
    lines = lines_of(sample)
    assert len(lines) == 2 + len(sample.verdict.candidates)
    assert set(lines[1]) == {"-"}
    assert len(lines[1]) == len(lines[0])


def test_the_winner_is_marked_and_costs_stand_beside_scores():
    lines = lines_of(classification())
    assert lines[0].split("  ")[0] == "candidate"
    assert "Accuracy [95 % interval]  Macro-F1" in lines[0]
    assert lines[0].endswith("prompt tokens per call  $ per 1,000 calls")
    names = [line.split("  ")[0] for line in lines[2:]]
    assert names == ["zero-shot", "8-shot", "pet *", "full"]
    assert "88.4 % [84.4 to 92.4]    86.3 %" in lines[4]
    assert lines[4].split()[-4:] == ["1,081,344", "412.7", "74", "$0.018"]


def test_prices_have_no_column_where_none_is_known():
    lines = lines_of(summarization())
    assert lines[0].endswith("prompt tokens per call")
    assert lines[2].split()[-1] == "74"


def test_missing_scores_and_intervals_leave_cells_empty():
    assert "7.9 " in lines_of(perplexities())[3]
    assert "[" not in lines_of(perplexities())[3]
    assert "%" not in "".join(lines_of(no_rows())[2:])


def test_a_name_cannot_draw_on_the_terminal():
    table = comparison_table(hostile().verdict)
    assert not {character for character in table if ord(character) < 32} - {"\n"}
