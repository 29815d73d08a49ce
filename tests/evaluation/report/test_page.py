import base64
import hashlib
import re
import subprocess
import sys

import pytest

from tests.evaluation.report.changed_rows import changes, label_change
from tests.evaluation.report.hostile_text import HOSTILE
from tests.evaluation.report.html_page import HtmlPage
from tests.evaluation.report.parts import confusion_of, label_scores, part
from tests.evaluation.report.samples import (
    SAMPLES,
    classification,
    hostile,
    no_rows,
    nobody,
    not_worth_it,
    one_candidate,
    perplexities,
    summarization,
)
from tuneline.evaluation.changes import ShownRow, ShownRows
from tuneline.evaluation.report.page import evaluation_page
from tuneline.evaluation.wording import MINUS, UNKNOWN
from tuneline.report.shown import shown

SECTIONS = {"candidates", "why", "slices", "tests", "labels", "judge", "curve", "rows"}


def page_of(sample):
    return HtmlPage(evaluation_page(*sample))


def sections(page):
    return [value for value in page.values("id") if value in SECTIONS]


def words(page):
    return re.sub(r"\s+", " ", page.text)


@pytest.fixture(scope="module")
def classified():
    return page_of(classification())


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_evaluation_is_a_whole_page(name):
    sample = SAMPLES[name]()
    page = page_of(sample)
    assert page.problems == []
    assert page.source.endswith("</html>\n")
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in page.values("href") if link[0] == "#"} <= set(ids)
    assert shown(sample.verdict.headline, 1_500) in page.text
    for reason in sample.verdict.reasons:
        assert shown(reason.partition(": ")[2], 1_500) in page.text
    assert len(page.source) < 250_000


@pytest.mark.parametrize("name", SAMPLES)
def test_equal_evaluations_give_equal_bytes(name):
    assert evaluation_page(*SAMPLES[name]()) == evaluation_page(*SAMPLES[name]())


def test_another_process_writes_the_same_bytes():
    program = (
        "import hashlib\n"
        "from tests.evaluation.report.samples import classification\n"
        "from tuneline.evaluation.report.page import evaluation_page\n"
        "print(hashlib.sha256(evaluation_page(*classification()).encode()).hexdigest())"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    here = hashlib.sha256(evaluation_page(*classification()).encode()).hexdigest()
    assert found.stdout.strip() == here


def test_sections_stand_in_the_order_of_the_argument(classified):
    order = ["candidates", "why", "slices", "tests", "labels", "judge", "curve", "rows"]
    assert sections(classified) == order


def test_the_answer_stands_before_everything_else(classified):
    text = words(classified)
    assert text.index("passed: pet") < text.index("Tuning was worth it: pet")
    assert text.index("Recommended: pet") < text.index("side by side")


def test_scores_stand_with_intervals_and_costs_beside_each_other(classified):
    text = words(classified)
    assert "Accuracy 64.1 % 60.1 to 68.1 75.9 % 71.9 to 79.9 88.4 % 84.4 to 92.4" in text
    assert "Invalid labels lower is better 25.9 %" in text
    assert "Tuning none none $0.41 6 min 53 s $1.89 31 min 33 s" in text
    assert "Serving, 1,000 calls prompt tokens included $0.018 18.2 s $0.067" in text
    assert f"Adapter size {UNKNOWN} {UNKNOWN} 4.33 MB {UNKNOWN}" in text
    assert "Tuning and 100,000 calls $1.80 $6.68 $2.21 $3.69" in text
    assert "1,081,344 0.22 %" in text
    assert any("scikit-learn's accuracy_score" in title for title in classified.values("title"))


def test_the_winner_is_named_in_words_and_not_by_colour_alone(classified):
    assert "pet parameter-efficient tuning winner recommended full" in words(classified)
    assert classified.values("class").count("number winner") > 5
    assert "winner" not in words(page_of(not_worth_it()))


def test_slices_stand_worst_first_and_those_too_small_last(classified):
    text = words(classified)
    places = [text.index(f"label {name} ") for name in ("warranty 31", "billing 44", "feedback 12")]
    assert places == sorted(places)
    assert f"pet loses most against 8-shot on label warranty ({MINUS}3.2 points, 31 rows)." in text
    assert classified.values("class").count("small") == 1
    # The gain is the loss turned around, and so is its interval.
    assert f"{MINUS}3.2 {MINUS}12.2 to +5.8" in text
    assert "Slices of full" in text


def test_no_loss_is_said_where_there_is_none():
    sample = classification()
    gains = [one for one in sample.verdict.worst_slices if one.loss < 0]
    verdict = sample.verdict.model_copy(update={"worst_slices": gains})
    text = words(page_of(sample._replace(verdict=verdict)))
    assert "No slice with enough rows to decide loses against 8-shot; pet gains least on" in text


def test_gate_tests_come_before_the_other_pairs(classified):
    text = words(classified)
    assert text.index("full zero-shot +25.0") < text.index("full 8-shot +13.2")
    assert text.index("pet 8-shot +12.5 +8.0 to +17.0 49 9 < 0.0001") < text.index("2 other pairs")
    assert text.index("2 other pairs") < text.index("full pet +0.7")
    assert "McNemar's test (mid-p)" in text


def test_a_randomization_test_has_no_counts():
    text = words(page_of(summarization()))
    assert "alone right" not in text
    assert "a paired randomization test" in text
    assert "pet 8-shot +7.8 +3.3 to +12.3 0.0001 0.0004 0.0002" in text


def test_ratios_are_no_shares_and_less_can_be_better():
    text = words(page_of(perplexities()))
    assert "Perplexity lower is better 12.4 11.3 to 13.5 7.9" in text
    assert f"pet 8-shot {MINUS}4.5 0.0002" in text
    assert "so that a negative one is better for the first" in text
    assert "points" not in text
    assert "+3.2" in text
    assert "Perplexity (lower is better)" in text


def test_the_judge_and_the_learning_curve_have_tables(classified):
    text = words(classified)
    assert "pet 8-shot 121 160 35 63.6 % 59.6 to 67.6 < 0.0001" in text
    assert f"83.0 % {UNKNOWN} 4 judge-model-1" in text
    assert "1,200 50 % 84.1 % 80.1 to 88.1 parameter-efficient tuning pet-50%" in text
    assert "best prompt: 8-shot" in text
    described = " ".join(classified.values("aria-label"))
    assert "zero-shot 64.1 % (60.1 to 68.1)" in described
    assert "with 600 rows 74.2 % (70.2 to 78.2)" in described


def test_answers_that_are_not_whole_are_counted():
    text = words(page_of(not_worth_it()))
    assert "pet: the token limit cut off 3 of 120 answers." in text
    assert "pet: 2 of 120 prompts did not fit the model" in text
    assert "8-shot: the service refused 5 of 120 answers." in text
    assert text.count("failed") == 3
    assert "not passed" in text


def test_what_was_run_can_be_run_again(classified):
    text = words(classified)
    for said in ("9c0e" * 16, "3fa1" * 16, "seed 0", "gate.margin 0.02", "permutations 9999"):
        assert said in text
    assert "Macro-F1 macro_f1 mean of the labels' F1" in text
    assert "8 examples chosen balanced" in text


def test_prompts_stand_as_the_models_saw_them(classified):
    assert "<|im_start|>user\nTicket 1<|im_end|>\n<|im_start|>assistant\n" in classified.text


def test_rows_carry_what_they_are_filtered_by(classified):
    outcomes = classified.values("data-outcome")
    assert len(outcomes) == 40
    assert set(outcomes) == {"fixed", "broken", "both right", "both wrong"}
    assert len(classified.values("data-label")) == 40
    assert "40 of 40 rows found, 320 in all" in words(classified)
    assert "The page holds 40 of 320 rows; the predictions files hold all." in words(classified)
    assert "fixed 58 rows broken 18 rows both right 225 rows both wrong 19 rows" in words(
        classified
    )


def test_the_only_script_is_the_one_that_the_policy_names(classified):
    assert len(classified.scripts) == 1
    digest = base64.b64encode(hashlib.sha256(classified.scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in classified.policy()
    assert classified.policy().startswith("default-src 'none'; ")
    assert not [name for name, _ in classified.attributes if name.startswith("on")]
    assert not {"src", "action", "srcset"} & {name for name, _ in classified.attributes}
    assert all(link.startswith("#") for link in classified.values("href"))


@pytest.mark.parametrize("sample", [nobody, no_rows, one_candidate, perplexities])
def test_a_page_without_rows_has_no_script(sample):
    page = page_of(sample())
    assert "script" not in page.tags
    assert "script-src" not in page.policy()
    assert "rows" not in sections(page)


def test_hostile_text_stays_text_and_adds_no_element():
    tame, bad = page_of(classification()), page_of(hostile())
    assert set(bad.tags) - set(tame.tags) <= {"del"}  # a mark of the differences
    names = {name for name, _ in bad.attributes} - {name for name, _ in tame.attributes}
    assert names <= {"data-missing"}
    assert bad.scripts == tame.scripts
    assert bad.problems == []
    assert bad.text.count("<img src=x onerror=") > 150
    assert shown(HOSTILE, 2_000) in bad.text
    assert "{{ 7 * 7 }}" in bad.text
    for unseen in "\x00\x1b\u202e":
        assert unseen not in bad.source


def test_an_answer_is_in_the_page_word_by_word():
    sample = summarization()
    page = page_of(sample)
    assert sample.shown is not None
    for row in sample.shown.rows:
        assert row.after in page.text
        assert row.before in page.text
    assert "Dana" in page.values("data-missing")
    assert page.tags.count("ins") > 1


def test_scores_of_rows_stand_under_their_answers():
    assert "31.0 %" in words(page_of(summarization()))
    assert "refund cancellation. wrong refund right" in words(page_of(classification()))


def long_row(number: int, text: str) -> ShownRow:
    return ShownRow(number, "fixed", f"label {number % 40}", "group", text, text, text, text, 0, 1)


@pytest.mark.parametrize(
    "text", ["word " * 120, "<\"&'>" * 120, "\x00" * 600, "语" * 600, "é<" * 300]
)
def test_the_page_stays_under_a_megabyte(text):
    sample = classification()
    labels = [f"label {number} with a name of some length" for number in range(300)]
    confusion = confusion_of(labels, 20, seed=3)
    tuned = {"labels": label_scores(confusion), "confusion": confusion}
    metrics = sample.metrics.model_copy(
        update={
            "candidates": [found.model_copy(update=tuned) for found in sample.metrics.candidates],
            "slices": [part("label", label, 30, 0.01) for label in labels],
        }
    )
    rows = tuple(long_row(number, text) for number in range(500))
    many = ShownRows("8-shot", "pet", {"fixed": 500}, rows)
    prompts = [(name, text * 200) for name in ("zero-shot", "8-shot", "pet", "full")]
    page = HtmlPage(evaluation_page(metrics, sample.verdict, many, prompts))
    assert len(page.source.encode()) < 1_000_000
    assert len(page.values("data-outcome")) == 500
    assert "200 more slices are in metrics.json" in words(page)
    assert "The 250 labels with the fewest mistakes have no row here" in words(page)
    assert page.problems == []


def test_texts_are_not_cut_where_there_is_room():
    shown_row = ShownRows("8-shot", "pet", {"fixed": 1}, (long_row(1, "x" * 1_500),))
    page = page_of(classification()._replace(shown=shown_row))
    assert page.text.count("x" * 1_500) == 4
    assert "1 of 1 row found, 1 in all" in words(page)
    assert "The page holds" not in words(page)


def test_a_page_holds_500_rows_of_600_characters():
    sample = classification()
    text = "The team agreed to ship the release on Friday and to move the review. " * 9
    rows = tuple(
        ShownRow(number, "fixed", "", "", text[:600], text[:600], text[3:603], text[5:605], 0, 1)
        for number in range(500)
    )
    page = evaluation_page(*sample._replace(shown=ShownRows("a", "b", {"fixed": 9_000}, rows)))
    assert "500 of 500 rows found, 9,000 in all" in page
    assert 750_000 < len(page.encode()) < 1_000_000  # what can be shown is shown


def test_rows_without_labels_have_no_label_filter():
    assert "label-filter" not in page_of(summarization()).values("id")
    one = changes({"fixed": 40}, 1, label_change)
    assert "label-filter" not in page_of(classification()._replace(shown=one)).values("id")
