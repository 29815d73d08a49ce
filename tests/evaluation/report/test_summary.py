from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from tests.evaluation.report.samples import (
    SAMPLES,
    classification,
    hostile,
    nobody,
    not_worth_it,
    perplexities,
)
from tuneline.evaluation.report.summary import markdown_summary


class Tags(HTMLParser):
    def __init__(self, source):
        super().__init__()
        self.tags = set()
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.text += data


def rendered(sample):
    """As a console would show it, with HTML allowed."""
    markdown = markdown_summary(sample.metrics, sample.verdict)
    return Tags(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_evaluation_has_a_summary(name):
    sample = SAMPLES[name]()
    markdown = markdown_summary(sample.metrics, sample.verdict)
    assert markdown.endswith("\n")
    assert not markdown.endswith("\n\n")
    assert markdown == markdown_summary(sample.metrics, sample.verdict)
    assert rendered(sample).tags <= {
        "p",
        "strong",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }


def test_the_summary_holds_answer_numbers_and_reasons():
    text = rendered(classification()).text
    assert text.startswith("Was tuning worth it? passed: pet")
    assert "Recommended: pet, the cheapest" in text
    assert "88.4 % (84.4 to 92.4)" in text
    assert "$0.067 (67.0 s)" in text
    assert "passed: pet beats every prompt by more than 2.0 points, 8-shot by" in text
    assert "pet loses most against 8-shot on label warranty" in text
    assert "pet (winner)" in text


def test_a_failed_verdict_says_so():
    text = rendered(not_worth_it()).text
    assert text.startswith("Was tuning worth it? not passed")
    assert text.count("failed:") == 3
    assert "(winner)" not in text


def test_a_table_has_as_many_cells_in_every_line():
    for make in (classification, hostile, perplexities):
        sample = make()
        lines = [
            line
            for line in markdown_summary(sample.metrics, sample.verdict).splitlines()
            if line.startswith("|")
        ]
        cells = {line.replace("\\|", "").count("|") for line in lines}
        assert cells == {len(sample.metrics.candidates) + 2}


def test_hostile_text_is_neither_markdown_nor_html():
    shown = rendered(hostile())
    assert shown.tags == rendered(classification()).tags
    assert "</script><script>window.broken=1</script><img src=x" in shown.text
    assert "| a |" in shown.text


@pytest.mark.parametrize(
    "text",
    ["# title", "- item", "1. item", "> quote", "*a* _b_ `c`", "[a](http://b)", "![a](b)",
     "http://example.com", "www.example.com", "a@b.example", "~~a~~", "<b>a</b>", "&amp;", "a\\"],
)  # fmt: skip
def test_markup_in_a_sentence_stays_text(text):
    sample = nobody()
    verdict = sample.verdict.model_copy(update={"headline": text, "reasons": [f"failed: {text}"]})
    markdown = markdown_summary(sample.metrics, verdict)
    page = Tags(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
    assert page.tags <= {"p", "strong", "ul", "li"}
    assert page.text.count(text) == 2


def test_nobody_has_no_table():
    assert "|" not in markdown_summary(*nobody()[:2])
