"""The page in headless Chromium, as a person uses it."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from tests.evaluation.report.opened_page import Opened
from tests.evaluation.report.samples import SAMPLES, Sample, classification, hostile, summarization
from tuneline.evaluation.changes import ShownRow
from tuneline.report.shown import shown

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1200)


def checkbox(opened: Opened, outcome: str):
    return opened.page.get_by_role("checkbox", name=outcome)


def shown_of(sample: Sample) -> tuple[ShownRow, ...]:
    assert sample.shown is not None
    return sample.shown.rows


def rows_of(sample: Sample, **wanted: str) -> list[str]:
    return [
        str(row.number)
        for row in shown_of(sample)
        if all(getattr(row, name) == value for name, value in wanted.items())
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_no_page_logs_or_fetches_anything(open_page, name):
    opened = open_page(SAMPLES[name]())
    assert opened.page.get_by_role("heading", level=1).count() == 1
    opened.assert_clean()


def test_outcomes_filter_alone_and_together(open_page):
    sample = classification()
    opened = open_page(sample)
    everything = [str(row.number) for row in shown_of(sample)]
    assert opened.visible_rows() == everything
    assert opened.count() == "40 of 40 rows found, 320 in all"
    checkbox(opened, "fixed").check()
    fixed = rows_of(sample, outcome="fixed")
    assert opened.visible_rows() == fixed
    assert opened.count() == f"{len(fixed)} of 40 rows found, 320 in all"
    checkbox(opened, "broken").check()
    both = [n for n in everything if n in fixed or n in rows_of(sample, outcome="broken")]
    assert opened.visible_rows() == both
    checkbox(opened, "fixed").uncheck()
    checkbox(opened, "broken").uncheck()
    assert opened.visible_rows() == everything
    opened.assert_clean()


def test_label_outcome_and_search_narrow_each_other(open_page):
    sample = classification()
    opened = open_page(sample)
    opened.page.get_by_label("Label").select_option("billing")
    assert opened.visible_rows() == rows_of(sample, label="billing")
    checkbox(opened, "fixed").check()
    found = rows_of(sample, label="billing", outcome="fixed")
    assert opened.visible_rows() == found
    assert len(found) > 1
    first = next(row for row in shown_of(sample) if str(row.number) == found[0])
    opened.page.get_by_label("Search").fill(f"  {first.prompt.split(':')[0].upper()}:  ")
    assert opened.visible_rows() == [found[0]]
    assert opened.count() == "1 of 40 rows found, 320 in all"
    opened.page.get_by_label("Search").fill("no row says this")
    assert opened.visible_rows() == []
    assert opened.count() == "0 of 40 rows found, 320 in all"
    opened.page.get_by_role("button", name="Show all").click()
    assert len(opened.visible_rows()) == 40
    assert opened.count() == "40 of 40 rows found, 320 in all"
    assert opened.page.get_by_label("Search").input_value() == ""
    opened.assert_clean()


def test_search_finds_words_across_marks_and_takes_nothing_as_a_pattern(open_page):
    sample = summarization()
    opened = open_page(sample)
    changed = [
        str(r.number) for r in shown_of(sample) if "on Monday, to move" in r.after + r.before
    ]
    opened.page.get_by_label("Search").fill("on monday, to MOVE")
    assert opened.visible_rows() == changed
    assert 0 < len(changed) < 60
    for pattern in (".*", "[a-z]", "\\", "<b>", "</script>"):
        opened.page.get_by_label("Search").fill(pattern)
        assert opened.visible_rows() == []
    opened.assert_clean()


def test_the_filters_work_by_keyboard_and_are_named(open_page):
    sample = classification()
    opened = open_page(sample)
    checkbox(opened, "fixed").focus()
    opened.page.keyboard.press("Space")
    assert opened.visible_rows() == rows_of(sample, outcome="fixed")
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Space")
    expected = rows_of(sample, outcome="fixed") + rows_of(sample, outcome="broken")
    assert sorted(opened.visible_rows()) == sorted(expected)
    assert opened.page.get_by_role("group", name="Show only").count() == 1
    assert opened.page.get_by_role("search", name="Rows").count() == 1
    assert opened.page.locator("[role=status][aria-live=polite]").count() == 1
    assert opened.page.locator("#rows").get_by_role("columnheader").count() == 5
    opened.page.get_by_role("button", name="Show all").press("Enter")
    assert opened.page.get_by_label("Search").evaluate("node => node === document.activeElement")
    opened.assert_clean()


def test_long_prompts_open_and_close(open_page):
    opened = open_page(summarization())
    prompt = opened.page.locator("#rows tbody tr").first.locator("summary")
    closed = prompt.bounding_box()["height"]
    prompt.click()
    assert prompt.bounding_box()["height"] > closed + 20
    opened.assert_clean()


def test_injected_html_stays_text(open_page):
    tame, opened = open_page(classification()), open_page(hostile())
    count = "selector => document.querySelectorAll(selector).length"
    for selector in ("script", "img", "iframe", "a[href]", "style", "svg", "section", "tr", "meta"):
        assert opened.page.evaluate(count, selector) == tame.page.evaluate(count, selector)
    handlers = "[...document.querySelectorAll('*')].filter(n => [...n.attributes]"
    assert opened.page.evaluate(f"{handlers}.some(a => a.name.startsWith('on'))).length") == 0
    assert opened.page.evaluate("window.broken") is None
    cell = opened.page.locator("#rows tbody tr").first.locator(".text").first
    first = shown_of(hostile())[0]
    assert cell.text_content() == shown(first.prompt, 1_500)
    opened.page.get_by_label("Search").fill("<img src=x onerror=")
    assert len(opened.visible_rows()) == 40
    label = next(row.label for row in shown_of(hostile()) if "script" in row.label)
    opened.page.get_by_label("Label").select_option(shown(label, 120))
    assert opened.visible_rows() == rows_of(hostile(), label=label)
    assert opened.page.evaluate("window.broken") is None
    opened.assert_clean()


def test_no_script_but_the_own_one_can_run(open_page):
    opened = open_page(classification())
    opened.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.broken = 1";
          document.body.append(script);
          const button = document.createElement("button");
          button.id = "handler";
          button.setAttribute("onclick", "window.broken = 2");
          button.textContent = "x";
          document.body.append(button);
          button.click();
          const image = document.createElement("img");
          image.src = "https://example.invalid/x.png";
          document.body.append(image);
        }"""
    )
    assert opened.page.evaluate("window.broken") is None
    refused = "\n".join(opened.said)
    assert "Executing inline script violates" in refused
    assert "Executing inline event handler violates" in refused
    assert "img-src data:" in refused


def test_without_scripts_the_page_is_whole(open_page):
    opened = open_page(classification(), java_script_enabled=False)
    assert len(opened.visible_rows()) == 40
    assert opened.count() == "40 of 40 rows found, 320 in all"
    assert not opened.page.locator(".filters").is_visible()
    opened.assert_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SAMPLES)
def test_no_width_scrolls_the_page_sideways(open_page, name, scheme):
    opened = open_page(SAMPLES[name](), color_scheme=scheme)
    for width in WIDTHS:
        opened.page.set_viewport_size({"width": width, "height": 800})
        opened.page.evaluate(
            "document.querySelectorAll('details').forEach(d => { d.open = true; })"
        )
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.assert_clean()


def luminance(color: str) -> float:
    """Relative luminance of ``rgb(r, g, b)`` by WCAG 2.2."""
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_page(open_page, scheme):
    opened = open_page(classification(), color_scheme=scheme)
    style = "(node) => getComputedStyle(node)"
    paper = opened.page.locator("body").evaluate(f"node => ({style})(node).backgroundColor")
    assert (luminance(paper) < 0.1) == (scheme == "dark")
    for selector in ("body", ".note", ".badge.pass", ".badge.fail", "nav a", "#slices tr.small td"):
        ink = opened.page.locator(selector).first.evaluate(f"node => ({style})(node).color")
        assert contrast(ink, paper) >= 4.5, selector


def test_a_narrow_page_turns_rows_into_cards(open_page):
    opened = open_page(classification(), width=360)
    cells = opened.page.locator("#rows tbody tr").first.locator("td")
    tops = [cell.bounding_box()["y"] for cell in cells.all()]
    assert tops == sorted(set(tops))
    checkbox(opened, "broken").check()
    assert opened.visible_rows() == rows_of(classification(), outcome="broken")
    assert opened.page.locator("#rows").get_by_role("columnheader").count() == 5
    opened.assert_clean()


def test_paper_has_all_details(open_page):
    opened = open_page(summarization())
    document = PdfReader(io.BytesIO(opened.page.pdf(format="A4")))
    text = " ".join(" ".join(page.extract_text().split()) for page in document.pages)
    for said in (
        "gate.margin",  # in closed details
        "equals rouge-score 0.1.2, without stemming",
        "the price page still has the old numbers",  # at the end of a folded prompt
        "60 of 60 rows found, 320 in all",
        "8-shot zero-shot +5.3",  # the other pairs
    ):
        assert said in text
    assert "Show all" not in text
    assert "show all of it" not in text
