"""Long lists of rows, what finds nothing, and how the page is laid out, in headless Chromium."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from tests.evaluation.report.changed_rows import changes, label_change
from tests.evaluation.report.opened_page import Opened
from tests.evaluation.report.parts import confusion_of, label_scores
from tests.evaluation.report.samples import Sample, classification

pytestmark = pytest.mark.browser

BEGIN_ALIKE = [f"balance_not_updated_after_the_{name}" for name in ("transfer_in", "transfer_out")]
LONG_LABELS = [*(f"{name}_of_a_cheque_or_cash_deposit" for name in BEGIN_ALIKE), "card_fee_charged"]


def many_rows() -> Sample:
    """130 rows on the page, of 900."""
    shown = changes(
        {"fixed": 500, "broken": 100, "both right": 200, "both wrong": 100}, 130, label_change
    )
    return classification()._replace(shown=shown)


def long_labels() -> Sample:
    """Labels that begin alike and are too long for a head of a column."""
    sample, confusion = classification(), confusion_of(LONG_LABELS, 30, seed=2)
    tables = {"labels": label_scores(confusion), "confusion": confusion}
    candidates = [found.model_copy(update=tables) for found in sample.metrics.candidates]
    return sample._replace(metrics=sample.metrics.model_copy(update={"candidates": candidates}))


def more(opened: Opened):
    return opened.page.get_by_role("button", name="Show more rows")


def test_long_lists_unfold_step_by_step(open_page):
    opened = open_page(many_rows())
    assert len(opened.visible_rows()) == 50
    assert opened.count() == "130 of 130 rows found, 900 in all"
    assert opened.page.get_by_text("50 of 130 shown").is_visible()
    more(opened).click()
    assert len(opened.visible_rows()) == 100
    more(opened).press("Enter")
    assert len(opened.visible_rows()) == 130
    assert not more(opened).is_visible()
    focused = opened.page.evaluate("document.activeElement.rowIndex")
    assert focused == 101
    opened.assert_clean()


def test_filters_look_at_folded_rows_too(open_page):
    sample = many_rows()
    opened = open_page(sample)
    assert sample.shown is not None
    last = sample.shown.rows[-1]
    opened.page.get_by_label("Search").fill(last.prompt.split(":")[0] + ":")
    assert opened.visible_rows() == [str(last.number)]
    assert not more(opened).is_visible()
    opened.page.get_by_label("Search").fill("")
    opened.page.get_by_role("checkbox", name="fixed").check()
    fixed = sum(row.outcome == "fixed" for row in sample.shown.rows)
    assert fixed > 50
    assert len(opened.visible_rows()) == 50
    assert opened.count() == f"{fixed} of 130 rows found, 900 in all"
    opened.assert_clean()


def test_what_finds_nothing_says_so(open_page):
    opened = open_page(many_rows())
    message = opened.page.get_by_text("No row matches.")
    assert not message.is_visible()
    opened.page.get_by_label("Search").fill("no row says this")
    assert message.is_visible()
    assert not opened.page.locator("#rows table").is_visible()
    opened.page.get_by_role("button", name="Show all").click()
    assert not message.is_visible()
    assert len(opened.visible_rows()) == 50
    opened.assert_clean()


def test_without_scripts_and_on_paper_nothing_is_folded(open_page):
    without = open_page(many_rows(), java_script_enabled=False)
    assert len(without.visible_rows()) == 130
    assert not more(without).is_visible()
    sample = many_rows()
    assert sample.shown is not None
    document = PdfReader(io.BytesIO(open_page(sample).page.pdf(format="A4")))
    text = " ".join(" ".join(page.extract_text().split()) for page in document.pages)
    assert "Ticket 129:" in text
    assert "Show more rows" not in text


@pytest.mark.parametrize("width", [360, 1200])
def test_heads_of_the_matrix_are_whole_and_tell_labels_apart(open_page, width):
    opened = open_page(long_labels(), width=width)
    heads = opened.page.locator(".matrix thead th")
    texts = heads.all_inner_texts()
    assert len(set(texts)) == len(LONG_LABELS) + 1
    assert heads.nth(0).get_attribute("title") == LONG_LABELS[0]
    spans = opened.page.locator(".matrix thead th span")
    for span in spans.all():
        assert span.evaluate("node => getComputedStyle(node).textOverflow") == "ellipsis"
        assert span.evaluate("node => node.scrollHeight <= node.clientHeight + 1")
    opened.assert_clean()


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_badges_of_outcomes_stand_in_one_line(open_page, width):
    opened = open_page(many_rows(), width=width)
    badges = opened.page.locator("#rows tbody tr[data-outcome='both wrong']:visible .badge")
    assert badges.count() > 1
    box, cell = badges.first.bounding_box(), badges.first.locator("xpath=..").bounding_box()
    assert box["height"] < 30
    assert box["x"] + box["width"] <= cell["x"] + cell["width"]
    opened.assert_clean()


def test_marks_of_differences_add_no_space(open_page):
    opened = open_page(many_rows())
    sides = opened.page.locator("#rows del").first.evaluate(
        """node => {
          const style = getComputedStyle(node, '::after');
          return [style.marginLeft, style.marginRight, style.paddingLeft, style.paddingRight,
                  style.borderLeftStyle, style.borderRightStyle];
        }"""
    )
    assert sides == ["0px", "0px", "0px", "0px", "solid", "solid"]
