"""What is recommended, in the words of the page and of the summary."""

import re

import pytest

from tests.evaluation.report.html_page import HtmlPage
from tests.evaluation.report.samples import Sample, classification, nobody, not_worth_it
from tuneline.evaluation.report.page import evaluation_page
from tuneline.evaluation.report.summary import markdown_summary


def recommending(sample: Sample, name: str) -> Sample:
    return sample._replace(verdict=sample.verdict.model_copy(update={"recommended": name}))


def texts(sample: Sample) -> tuple[str, str]:
    """Page and summary, without what marks names up."""
    page = re.sub(r"\s+", " ", HtmlPage(evaluation_page(*sample)).text)
    return page, markdown_summary(sample.metrics, sample.verdict).replace("**", "")


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (classification(), "Recommended: pet, the cheapest tuned candidate that holds every rule"),
        (not_worth_it(), "Recommended: 8-shot, the cheapest candidate that may be used"),
        (recommending(not_worth_it(), ""), "No candidate is recommended."),
        (nobody(), "No candidate is recommended."),
    ],
)
def test_page_and_summary_say_the_same(sample, said):
    for text in texts(sample):
        assert said in text


def test_a_tuned_candidate_that_did_not_pass_is_not_called_recommended():
    for text in texts(recommending(not_worth_it(), "pet")):
        assert "The cheapest of the best: pet costs least" in text
        assert "may not be registered, since not every rule holds" in text
        assert "recommended" not in text.lower()


def test_the_badge_in_the_table_says_so_too():
    page, _ = texts(recommending(not_worth_it(), "pet"))
    assert "pet parameter-efficient tuning cheapest of the best full" in page
    assert "8-shot prompt design recommended pet" in texts(not_worth_it())[0]


def test_the_task_stands_under_the_headline():
    page, _ = texts(classification())
    task = page.index("Task: classification (the answers are a label set). 320 held-out rows;")
    assert page.index("Tuning was worth it") < task < page.index("Recommended: pet")
    assert "Accuracy decides." in page[task : task + 120]
