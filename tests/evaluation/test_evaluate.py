import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from tests.evaluation.answer_files import write_answers
from tuneline.errors import ConfigurationError, DataError, MachineError
from tuneline.evaluation.evaluate import EvaluationPaths, evaluate
from tuneline.evaluation.report import shortened
from tuneline.evaluation.results import EvaluationMetrics
from tuneline.evaluation.settings import EvaluationSettings
from tuneline.evaluation.table import comparison_table
from tuneline.evaluation.verdict import Verdict, read_verdict

LABELS = ["billing", "delivery", "refund"]
REFERENCES = [LABELS[index % 3] for index in range(60)]
WRONG = [LABELS[(index + 1) % 3] for index in range(60)]
ANSWERS = {
    "zero-shot": ["no idea"] * 40 + REFERENCES[40:],
    "4-shot": WRONG[:40] + REFERENCES[40:],
    "pet": WRONG[:5] + [f" {text.upper()}." for text in REFERENCES[5:]],
    "full": WRONG[:3] + REFERENCES[3:],
}
HOSTILE = "</pre></style><script>alert(1)</script><img src=x onerror=alert(2)>\" onload='x' &lt;"


def files(folder: Path) -> list[Path]:
    baselines = {name: ANSWERS[name] for name in ("zero-shot", "4-shot")}
    return [
        write_answers(folder / "full.parquet", {"full": ANSWERS["full"]}, REFERENCES),
        write_answers(folder / "pet.parquet", {"pet": ANSWERS["pet"]}, REFERENCES),
        write_answers(folder / "baselines.parquet", baselines, REFERENCES),
    ]


def run(predictions: list[Path], folder: Path) -> Verdict:
    return evaluate(predictions, EvaluationSettings(), EvaluationPaths.in_folder(folder))


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".parquet"}


def test_files_in_any_order_give_the_same_bytes(tmp_path):
    predictions = files(tmp_path)
    run(predictions, tmp_path / "one")
    run(predictions[::-1], tmp_path / "two")
    assert outputs(tmp_path / "one") == outputs(tmp_path / "two")
    assert set(outputs(tmp_path / "one")) == {"metrics.json", "verdict.json", "report.html"}


def test_metrics_equal_scikit_learn(tmp_path):
    run(files(tmp_path), tmp_path)
    metrics = EvaluationMetrics.model_validate_json((tmp_path / "metrics.json").read_bytes())
    assert [candidate.name for candidate in metrics.candidates] == [
        "zero-shot",
        "4-shot",
        "pet",
        "full",
    ]
    for candidate in metrics.candidates:
        predicted = [text.strip(" .").lower() for text in ANSWERS[candidate.name]]
        known = [text if text in LABELS else "(other)" for text in predicted]
        accuracy, macro_f1 = candidate.metrics["accuracy"], candidate.metrics["macro_f1"]
        assert accuracy.value == pytest.approx(accuracy_score(REFERENCES, known), abs=1e-9)
        wanted = f1_score(REFERENCES, known, labels=LABELS, average="macro")
        assert macro_f1.value == pytest.approx(wanted, abs=1e-9)
        for metric in candidate.metrics.values():
            assert metric.low <= metric.value <= metric.high
        assert candidate.confusion is not None
        categories = [*LABELS, "(other)"]
        assert candidate.confusion.categories == categories
        wanted_matrix = confusion_matrix(REFERENCES, known, labels=categories).tolist()
        assert candidate.confusion.matrix == wanted_matrix
    by_name = {candidate.name: candidate.metrics for candidate in metrics.candidates}
    assert by_name["zero-shot"]["invalid_label_rate"].value == pytest.approx(40 / 60)
    assert by_name["pet"]["exact_match"].value == 0.0
    assert len(metrics.paired_tests) == 6


def test_the_verdict_is_what_stands_in_its_file(tmp_path):
    verdict = run(files(tmp_path), tmp_path)
    assert verdict.winner == "pet"
    assert read_verdict(tmp_path / "verdict.json") == verdict.model_copy(update={"confusion": None})
    scalars = verdict.scalars()
    assert scalars["passed"] == 1.0
    assert scalars["pet.accuracy"] == verdict.candidate("pet").metrics["accuracy"].value
    assert scalars["pet.accuracy.low"] < scalars["pet.accuracy"] < scalars["pet.accuracy.high"]
    assert verdict.confusion is not None
    assert sum(map(sum, verdict.confusion.matrix)) == 60
    assert {len(row) for row in verdict.confusion.matrix} == {len(verdict.confusion.categories)}


def test_generation_is_judged_by_exact_match(tmp_path):
    answers = {"zero-shot": ["?"] * 20, "full": ["SELECT 1"] * 19 + ["select 1"]}
    file = write_answers(tmp_path / "p.parquet", answers, ["SELECT 1"] * 20, task="generation")
    verdict = run([file], tmp_path)
    assert verdict.primary_metric == "exact_match"
    assert verdict.passed
    assert verdict.confusion is None
    assert list(verdict.candidate("full").metrics) == ["exact_match"]
    assert verdict.candidate("full").metrics["exact_match"].value == 0.95
    with pytest.raises(ConfigurationError, match="has no label set"):
        evaluate(
            [file],
            EvaluationSettings(primary_metric="accuracy"),
            EvaluationPaths.in_folder(tmp_path),
        )


def test_a_label_that_only_held_out_rows_have_counts_as_a_label(tmp_path):
    references = ["a"] * 10 + ["new"] * 10
    answers = {"zero-shot": ["a"] * 20, "pet": references}
    file = write_answers(tmp_path / "p.parquet", answers, references, labels=["a", "b"])
    run([file], tmp_path)
    metrics = EvaluationMetrics.model_validate_json((tmp_path / "metrics.json").read_bytes())
    assert metrics.labels == ["a", "b", "new"]
    assert metrics.candidates[1].metrics["macro_f1"].value == 1.0
    unused = metrics.candidates[1].labels[1]
    assert (unused.label, unused.f1, unused.support) == ("b", None, 0)


def test_a_label_named_other_stays_apart_from_no_label(tmp_path):
    references = ["(other)", "a"] * 5
    answers = {"zero-shot": ["?"] * 10, "pet": references}
    file = write_answers(tmp_path / "p.parquet", answers, references)
    verdict = run([file], tmp_path)
    assert verdict.confusion is not None
    assert verdict.confusion.categories == ["(other)", "a", "((other))"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"examples_digest": "f" * 64}, "examples_digest differs"),
        ({"task": "generation"}, "task differs"),
        ({"labels": ["x", *LABELS]}, "labels differs"),
        ({"references": REFERENCES[1:] + REFERENCES[:1]}, "reference differs"),
        ({"references": REFERENCES[1:], "answers": {"pet": REFERENCES[1:]}}, "example_id differs"),
        ({"answers": {"full": REFERENCES}}, "both hold a candidate named full"),
    ],
)
def test_files_that_cannot_be_compared_are_refused_by_name(tmp_path, change, message):
    first = write_answers(tmp_path / "first.parquet", {"full": REFERENCES}, REFERENCES)
    arguments = {"answers": {"pet": REFERENCES}, "references": REFERENCES, **change}
    second = write_answers(tmp_path / "second.parquet", **arguments)
    with pytest.raises(DataError, match=message) as caught:
        run([first, second], tmp_path / "out")
    assert "first.parquet" in str(caught.value)
    assert "second.parquet" in str(caught.value)
    assert list((tmp_path / "out").glob("*")) == []


def test_no_file_at_all_is_refused(tmp_path):
    with pytest.raises(DataError, match="No predictions file"):
        run([], tmp_path)


def test_a_failed_run_leaves_no_old_verdict(tmp_path):
    run(files(tmp_path), tmp_path)
    with pytest.raises(DataError):
        run([tmp_path / "absent.parquet"], tmp_path)
    assert not (tmp_path / "verdict.json").exists()


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(MachineError, match="taken"):
        run(files(tmp_path), tmp_path / "taken")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"passed": true}', b"\xff", b"not JSON at all"]
)
def test_what_is_no_verdict_is_refused(tmp_path, content):
    path = tmp_path / "verdict.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"verdict\.json"):
        read_verdict(path)
    path.unlink()
    with pytest.raises(DataError, match=r"verdict\.json"):
        read_verdict(path)


def test_a_verdict_of_another_version_is_refused(tmp_path):
    run(files(tmp_path), tmp_path)
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 2}))
    with pytest.raises(DataError, match="schema version 2"):
        read_verdict(path)


class Page(HTMLParser):
    """Collects the tags, attributes and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_text_stays_text_and_adds_no_element(tmp_path):
    (tmp_path / "tame").mkdir()
    run([write_answers(tmp_path / "tame.parquet", ANSWERS, REFERENCES)], tmp_path / "tame")
    references = [f"{HOSTILE}{reference}" for reference in REFERENCES]
    answers = {name: [f"{HOSTILE}{text}" for text in texts] for name, texts in ANSWERS.items()}
    file = write_answers(tmp_path / "hostile.parquet", answers, references, prompt=HOSTILE)
    run([file], tmp_path)
    tame, hostile = Page(tmp_path / "tame" / "report.html"), Page(tmp_path / "report.html")
    assert hostile.tags == tame.tags
    assert hostile.attributes == tame.attributes
    assert not {"script", "img", "iframe", "object"} & hostile.tags
    assert not [name for name in hostile.attributes if name.startswith("on")]
    assert hostile.text.count(HOSTILE) > 50


def test_the_report_shows_the_answer_the_rows_and_what_was_run(tmp_path):
    verdict = run(files(tmp_path), tmp_path)
    page = Page(tmp_path / "report.html")
    assert verdict.headline in page.text
    assert "passed: pet" in page.text
    assert "pet has right, zero-shot has wrong: 35 rows" in page.text
    assert "zero-shot has right, pet has wrong: 0 rows" in page.text
    assert "Both have wrong: 5 rows" in page.text
    assert "<user>Which?" in page.text
    for digest in ("b" * 64, "d" * 64, "e" * 64):
        assert digest in page.text
    assert "svg" in page.tags
    source = (tmp_path / "report.html").read_text()
    assert "src=" not in source
    assert "@import" not in source


def test_long_texts_are_shortened_with_what_is_missing_counted():
    assert shortened("x" * 10, 10) == "x" * 10
    assert shortened("x" * 2010, 10) == "x" * 10 + "… (2,000 more characters)"


def test_the_table_has_a_line_for_each_candidate_and_marks_the_winner(tmp_path):
    lines = comparison_table(run(files(tmp_path), tmp_path)).splitlines()
    assert lines[0].split("  ")[0] == "candidate"
    assert "accuracy [95 % interval]" in lines[0]
    assert [line.split("  ")[0] for line in lines[2:]] == ["zero-shot", "4-shot", "pet *", "full"]
    assert "91.7 %" in lines[4]
    assert "1,000" in lines[4]
    assert lines[4].endswith(" 90")
    assert lines[3].endswith(" 400")
    empty = write_answers(tmp_path / "none.parquet", {"zero-shot": [], "pet": []}, [])
    assert len(comparison_table(run([empty], tmp_path)).splitlines()) == 4


def test_ten_thousand_rows_stay_small(tmp_path):
    references = REFERENCES * 167
    answers = {name: texts * 167 for name, texts in ANSWERS.items()}
    run([write_answers(tmp_path / "p.parquet", answers, references)], tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"significance": 0},
        {"significance": 1.5},
        {"resamples": 10},
        {"min_score": 1.1},
        {"seed": -1},
        {"primary_metric": "bleu"},
        {"unknown": 1},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EvaluationSettings(**wrong)
