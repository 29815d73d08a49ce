"""What the learning curve says in words."""

import pytest

from tests.evaluation.report.html_page import HtmlPage
from tests.evaluation.report.parts import learning_points, measured
from tests.evaluation.report.samples import classification, perplexities
from tuneline.evaluation.report.curve import curve_sentences
from tuneline.evaluation.report.page import evaluation_page
from tuneline.evaluation.report.plots import learning_curve


def with_points(points):
    return classification().metrics.model_copy(update={"learning_curve": points})


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({0.5: 0.841, 1.0: 0.884}, "rose by 4.3 points; the 95 % intervals overlap, so chance"),
        ({0.5: 0.884, 1.0: 0.841}, "fell by 4.3 points; the 95 % intervals overlap, so chance"),
        ({0.5: 0.7, 1.0: 0.884}, "rose by 18.4 points; the 95 % intervals do not overlap."),
        ({0.5: 0.884, 1.0: 0.8841}, "did not change; the 95 % intervals overlap"),
    ],
)
def test_the_last_step_is_read_out(scores, said):
    sentences = list(curve_sentences(with_points(learning_points({0.25: 0.1, **scores}))))
    assert len(sentences) == 1
    assert "from the largest part, 1,200 rows, to all 2,400, Accuracy" in sentences[0]
    assert said in sentences[0]


def test_without_intervals_nothing_is_said_about_them():
    (sentence,) = curve_sentences(perplexities().metrics)
    assert sentence.endswith("Perplexity fell by 7.9.")


def test_each_method_has_its_sentence_and_needs_both_ends():
    points = learning_points({0.5: 0.8, 1.0: 0.85})
    full = [p.model_copy(update={"kind": "full", "name": "full"}) for p in points]
    both = list(curve_sentences(with_points([*points, *full])))
    assert [sentence.partition(":")[0] for sentence in both] == [
        "Full tuning",
        "Parameter-efficient tuning",
    ]
    assert list(curve_sentences(with_points(points[:1]))) == []
    assert list(curve_sentences(with_points(points[1:]))) == []


def test_the_page_says_that_smaller_parts_took_fewer_steps():
    text = HtmlPage(evaluation_page(*classification())).text
    assert "so that a smaller part also took fewer steps" in text
    assert "Accuracy rose by 4.3 points" in text


def test_intervals_that_fill_the_plot_leave_the_legend_above_it():
    sample = classification()
    points = [
        point.model_copy(update={"score": measured(0.5, 0.49)})
        for point in learning_points({0.25: 0.5, 0.5: 0.5, 1.0: 0.5})
    ]
    chart = str(learning_curve(with_points(points), sample.verdict))
    heights = {
        words: float(chart.split(f">{words}</text>")[0].rsplit('y="', 1)[1].split('"')[0])
        for words in ("best prompt: 8-shot", "80", "20")
    }
    assert heights["best prompt: 8-shot"] < heights["80"] < heights["20"]
