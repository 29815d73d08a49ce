"""`tuneline predict` and `tuneline evaluate`: what they take, what they say, and how they end."""

import json

import pytest

from tests.cli.command_line import left_behind, tuneline
from tests.evaluation.answer_files import write_answers

REFERENCES = ["red", "green"] * 30
WRONG = ["blue"] * 60
SPLITS = ("predict", "--test", "baselines.parquet", "--train", "pet.parquet", "-o", "predicted")


@pytest.fixture
def answers(tmp_path):
    write_answers(tmp_path / "baselines.parquet", {"zero-shot": WRONG}, REFERENCES)
    write_answers(tmp_path / "pet.parquet", {"pet": REFERENCES}, REFERENCES)
    return tmp_path


def test_a_verdict_that_says_yes_ends_with_0(answers):
    done = tuneline(answers, "evaluate", "baselines.parquet", "pet.parquet", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert "Tuning was worth it: pet has accuracy 100.0 % on 60 held-out rows" in done.stdout
    assert "pet *" in done.stdout
    assert "\ntask        classification (" in done.stdout
    assert "failed:" not in done.stdout
    names = ["metrics.json", "report.html", "summary.md", "verdict.json"]
    assert [name for name in left_behind(answers) if name.startswith("out/")] == [
        f"out/{name}" for name in names
    ]


def test_a_verdict_that_says_no_ends_with_1_also_as_json(answers):
    (answers / "rules.yaml").write_text("gate: {at_least: {macro_f1: 0.9}, margin: 0.97}\n")
    told = tuneline(
        *(answers, "evaluate", "baselines.parquet", "pet.parquet"),
        *("-o", "out", "--config", "rules.yaml"),
    )
    assert told.returncode == 1
    reasons = [line for line in told.stdout.splitlines() if line.startswith("failed:")]
    assert "better by 97.0 points" in reasons[0]
    given = ("baselines.parquet", "pet.parquet", "-o", "out", "--config", "rules.yaml", "--json")
    done = tuneline(answers, "evaluate", *given)
    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert verdict["passed"] is False
    assert "better by 97.0 points" in verdict["reasons"][0]


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("evaluate", "absent.parquet", "-o", "out"), 2, "absent.parquet: there is no such file."),
        (("evaluate", "pet.parquet", "-o", "rules.yaml"), 2, "rules.yaml: -o must be a folder."),
        (("evaluate", "pet.parquet", "pet.parquet", "-o", "out"), 1, "pet.parquet is given twice"),
        (("evaluate", "pet.parquet", "-o", "out", "--config", "rules.yaml"), 2, "no such setting"),
        (SPLITS, 2, "give exactly one of --base-model, --model and --endpoint"),
        ((*SPLITS, "--base-model", "./no/where/"), 2, "is no folder on this machine"),
        ((*SPLITS, "--base-model", "gpt2", "--name", "mine"), 2, "--name: names a tuned candidate"),
        ((*SPLITS, "--model", "m", "--name", "a\nb"), 2, r"--name: 'a\nb' is no candidate's name"),
        (("predict", "--test", "t", *SPLITS[3:], "--model", "m"), 2, "t: there is no such file."),
        (("predict", "--test", ".", *SPLITS[3:], "--model", "m"), 2, ".: is a folder; give a"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_message(answers, arguments, code, problem):
    (answers / "rules.yaml").write_text("gates: {}\n")
    refused = tuneline(answers, *arguments)
    assert refused.returncode == code
    assert problem in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not [name for name in left_behind(answers) if name.startswith("out/")]


@pytest.mark.slow
def test_predictions_of_prompts_and_of_a_tuned_model_are_evaluated(
    lamp_splits, qwen3, pet_run, tmp_path
):
    (tmp_path / "asked.yaml").write_text("shots: [0, 2]\nshot_choice: nearest\n")
    splits = [f"--{name}={lamp_splits / name}.parquet" for name in ("test", "train")]
    prompted = ("--base-model", str(qwen3), "-o", "baselines.parquet", "--config", "asked.yaml")
    baselines = tuneline(tmp_path, "predict", *splits, *prompted)
    assert baselines.returncode == 0, baselines.stderr
    named = ("--model", str(pet_run), "--name", "pet, again", "-o", "pet.parquet")
    tuned = tuneline(tmp_path, "predict", *splits, *named)
    assert tuned.returncode == 0, tuned.stderr
    assert tuned.stdout.strip() == "pet.parquet"
    done = tuneline(tmp_path, "evaluate", "baselines.parquet", "pet.parquet", "-o", "out")
    assert done.returncode in {0, 1}, done.stderr
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [candidate["name"] for candidate in found["candidates"]] == [
        "zero-shot",
        "2-shot",
        "pet, again",
    ]
    assert all(candidate["metrics"]["perplexity"]["value"] > 1 for candidate in found["candidates"])
