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
from tuneline.evaluation.wording import UNKNOWN


def lines_of(sample):
    return comparison_table(sample.verdict).splitlines()


def rule_of(lines):
    return next(place for place, line in enumerate(lines) if line and set(line) == {"-"})


@pytest.mark.parametrize("name", SAMPLES)
def test_there_is_a_line_for_each_candidate(name):
    sample = SAMPLES[name]()
    lines = lines_of(sample)
    rule = rule_of(lines)
    assert len(lines) == rule + 1 + len(sample.verdict.candidates)
    assert len(lines[rule]) == max(map(len, lines))


def test_the_winner_is_marked_and_costs_stand_beside_scores():
    lines = lines_of(classification())
    assert lines[0].split() == ["Accuracy", "trainable", "prompt", "tokens", "$", "per", "1,000"]
    assert lines[1].startswith("candidate        [95 % interval]  Macro-F1   parameters  tuning")
    assert lines[1].endswith("per call        calls")
    names = [line.split("  ")[0] for line in lines[3:]]
    assert names == ["zero-shot", "8-shot", "pet *", "full"]
    assert "88.4 % [84.4 to 92.4]    86.3 %" in lines[5]
    assert lines[5].split()[-4:] == ["1,081,344", "412.7", "74", "$0.018"]


def test_prices_have_no_column_where_none_is_known():
    lines = lines_of(summarization())
    assert lines[1].endswith("per call")
    assert lines[3].split()[-1] == "74"


def with_title(sample, place, title):
    infos = list(sample.verdict.metrics)
    infos[place] = infos[place].model_copy(update={"title": title})
    return sample._replace(verdict=sample.verdict.model_copy(update={"metrics": infos}))


@pytest.mark.parametrize("place", [0, 1])
def test_long_titles_are_wrapped(place):
    title = "answers that are no label"
    sample = with_title(classification(), place, title)
    lines = lines_of(sample)
    rule = rule_of(lines)
    assert title not in "".join(lines)
    assert set(title.split()) <= set(" ".join(lines[:rule]).split())
    assert len(lines[rule]) <= len(lines_of(classification())[2]) + 8


def test_a_title_cannot_draw_on_the_terminal():
    table = comparison_table(with_title(classification(), 1, "a\x1b[2J\nb").verdict)
    assert "\x1b" not in table


def test_missing_scores_are_dashes_and_missing_intervals_are_left_out():
    last = lines_of(perplexities())[-1]
    assert last.split()[:3] == ["pet", "*", "7.9"]
    assert "[" not in last
    for line in lines_of(no_rows())[3:]:
        assert line.split()[1] == UNKNOWN


def test_a_metric_that_some_candidate_lacks_is_not_compared():
    sample = classification()
    candidates = list(sample.verdict.candidates)
    candidates[0] = candidates[0].model_copy(
        update={"metrics": {k: v for k, v in candidates[0].metrics.items() if k != "macro_f1"}}
    )
    lines = comparison_table(
        sample.verdict.model_copy(update={"candidates": candidates})
    ).splitlines()
    head = " ".join(lines[: rule_of(lines)])
    assert "Macro-F1" not in head
    assert "Invalid labels" in head


def test_a_name_cannot_draw_on_the_terminal():
    table = comparison_table(hostile().verdict)
    assert not {character for character in table if ord(character) < 32} - {"\n"}
