"""The rows on the page: remarks, counts, places to break, and room."""

import re
from dataclasses import replace

import pytest

from tests.evaluation.report.hostile_text import HOSTILE
from tests.evaluation.report.html_page import HtmlPage
from tests.evaluation.report.parts import label_scores
from tests.evaluation.report.samples import classification
from tuneline.evaluation.changes import ShownRow, ShownRows
from tuneline.evaluation.report.page import evaluation_page
from tuneline.report.shown import shown


def page_of(rows, totals=None, sample=None):
    sample = sample or classification()
    found = ShownRows("8-shot", "pet", totals or {"fixed": len(rows)}, tuple(rows))
    return HtmlPage(evaluation_page(*sample._replace(shown=found)))


def words(page):
    return re.sub(r"\s+", " ", page.text)


ROW = ShownRow(
    1, "fixed", "", "", "How many?", "SELECT 1", "SELECT pid", "SELECT 1", 0, 1,
    before_remark="no such column: pid",
)  # fmt: skip


def test_a_remark_stands_under_its_score():
    assert "pid wrong no such column: pid SELECT 1 right" in words(page_of([ROW]))


def test_a_row_without_remarks_has_no_element_for_them():
    page = page_of([replace(ROW, before_remark="")])
    assert "note remark" not in page.values("class")


def test_a_hostile_remark_stays_text():
    tame = page_of([ROW])
    bad = page_of([replace(ROW, before_remark=HOSTILE)])
    assert bad.tags == tame.tags
    assert shown(HOSTILE, 2_000) in bad.text
    assert bad.problems == []


@pytest.mark.parametrize("text", ["word " * 400, "a_b/c-" * 300, "<\"&'>" * 300])
def test_remarks_and_places_to_break_are_in_the_room_of_the_page(text):
    rows = [
        replace(ROW, number=n, reference=text, before_remark=text, after_remark=text)
        for n in range(500)
    ]
    page = page_of(rows)
    assert len(page.source.encode()) < 1_000_000
    assert page.values("class").count("note remark") == 1_000


def test_chips_say_how_many_rows_the_page_lacks():
    text = words(page_of([ROW], {"fixed": 1_257}))
    assert "fixed 1 of 1,257" in text
    assert "1 of 1 " not in words(page_of([ROW])).partition("fixed 1 row")[2].partition("Search")[0]


def test_labels_break_behind_their_separators():
    label = "card_payment_fee_charged"
    page = page_of([replace(ROW, label=label, reference=label, before="x", after=label)])
    assert page.source.count("card_<wbr>payment_<wbr>fee_<wbr>charged") == 2
    assert page.text.count(label) >= 2


def test_no_adapter_no_row_for_its_size():
    sample = classification()
    whole = [
        found.model_copy(update={"cost": found.cost.model_copy(update={"adapter_bytes": 0})})
        for found in sample.metrics.candidates
    ]
    metrics = sample.metrics.model_copy(update={"candidates": whole})
    assert "Adapter size" not in page_of([ROW], sample=sample._replace(metrics=metrics)).text
    assert "Adapter size" in page_of([ROW]).text


def test_prompts_stand_in_the_order_of_the_candidates():
    sample = classification()
    page = page_of([ROW], sample=sample._replace(prompts=sorted(sample.prompts, reverse=True)))
    text = words(page).partition("The prompts as the models saw them")[2]
    names = re.findall(r"(zero-shot|8-shot|pet|full) (?:<\|im|Example)", text)
    assert names == ["zero-shot", "8-shot", "pet", "full"]


def test_labels_without_a_matrix_are_still_a_table():
    sample = classification()
    candidates = [
        found.model_copy(
            update={"confusion": None, "labels": label_scores(found.confusion)}
            if found.confusion
            else {}
        )
        for found in sample.metrics.candidates
    ]
    metrics = sample.metrics.model_copy(update={"candidates": candidates})
    page = page_of([ROW], sample=sample._replace(metrics=metrics))
    assert "matrix" not in page.values("class")
    assert "By label, the lowest F1 first" in page.text
    assert "There are too many labels for a confusion matrix." in page.text
