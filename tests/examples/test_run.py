"""Every example, from its configuration to its verdict by its own metric."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import tuneline

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

# The least that full tuning of the embedded base has reached, with room below.
EXPECTED = {
    "sentiment_reviews": ("sentiment", "accuracy", 0.85, "macro_f1"),
    "order_entities": ("entity_extraction", "entity_f1", 0.6, "schema_valid"),
    "meeting_notes": ("summarization", "rouge_l", 0.7, "chrf"),
    "shop_queries": ("query", "execution_accuracy", 0.35, "valid_query"),
    "small_functions": ("code", "pass_at_1", 0.35, "compiles"),
}


def test_every_example_is_here():
    folders = {path.parent.name for path in (ROOT / "examples").glob("*/run.yaml")}
    assert folders == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_example_is_learned_and_scored_by_its_own_metric(name, tmp_path):
    task, metric, least, further = EXPECTED[name]
    finished = tuneline(
        ROOT,
        *("run", "supervised_tuning", "--config", f"examples/{name}/run.yaml"),
        *("-p", "method=full", "-p", "shots=[0]", "-p", f"registry={tmp_path}/registry"),
        *("--runs", str(tmp_path / "runs")),
        timeout_s=600,
    )
    assert finished.returncode == 0, finished.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    verdict = json.loads((folder / "verdict.json").read_text())
    assert (verdict["winner"], verdict["primary_metric"]) == ("full", metric)
    (scores,) = folder.rglob("evaluate/scores")
    assert json.loads(scores.read_text())["task"] == task
    scored = {candidate["name"]: candidate["metrics"] for candidate in verdict["candidates"]}
    assert scored["full"][metric]["value"] >= least
    assert scored["full"][metric]["value"] > scored["zero-shot"][metric]["value"]
    assert further in scored["full"]
    assert (folder / "report.html").read_text().count("<html") == 1
