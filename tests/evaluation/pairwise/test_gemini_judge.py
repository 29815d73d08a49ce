"""A judge behind the service's stand-in, asked through a journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluation.pairwise.test_judge import FIRST, ROWS, SECOND, blocks
from tests.prediction.gemini.stand_in import PROJECT, Asked, Reply, StandIn, said, withheld
from tuneline.errors import ConfigurationError
from tuneline.evaluation.pairwise.gemini_judge import GeminiJudge
from tuneline.evaluation.pairwise.judge import judge_pairs
from tuneline.evaluation.pairwise.settings import JudgeSettings
from tuneline.prediction.journal import Journal
from tuneline.settings import validated


def prefer_longer(asked: Asked) -> Reply:
    texts = blocks(asked.prompt)
    winner = "A" if len(texts["ANSWER A"]) > len(texts["ANSWER B"]) else "B"
    return said(json.dumps({"reason": "longer", "winner": winner}))


def test_the_judge_is_paid_for_once(service: StandIn, tmp_path: Path):
    service.answer = prefer_longer
    settings = JudgeSettings(model="gemini-3.5-flash")
    judged = judge_pairs(GeminiJudge(settings, Journal(tmp_path)), ROWS, FIRST, SECOND)
    assert [row.outcome for row in judged.rows] == ["win", "loss", "tie", "tie"]
    assert len(service.asked) == 6
    config = service.asked[0].body["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"]["required"] == ["reason", "winner"]
    assert judge_pairs(GeminiJudge(settings, Journal(tmp_path)), ROWS, FIRST, SECOND) == judged
    judge_pairs(GeminiJudge(settings, Journal(tmp_path)), ROWS, SECOND, FIRST)
    assert len(service.asked) == 6  # both orders were asked already


def test_a_tuned_judge_is_given_no_schema(service: StandIn, tmp_path: Path):
    service.answer = prefer_longer
    settings = JudgeSettings(model=f"projects/{PROJECT}/locations/us/endpoints/42")
    assert judge_pairs(GeminiJudge(settings, Journal(tmp_path)), ROWS, FIRST, SECOND).wins == 1
    assert "responseSchema" not in service.asked[0].body["generationConfig"]


def test_withheld_replies_count_for_nobody(service: StandIn, tmp_path: Path):
    service.answer = lambda asked: withheld("SAFETY")
    settings = JudgeSettings(model="gemini-3.5-flash")
    judged = judge_pairs(GeminiJudge(settings, Journal(tmp_path)), ROWS, FIRST, SECOND)
    assert (judged.unreadable, judged.ties) == (3, 1)


def test_settings_are_told_apart():
    with pytest.raises(ConfigurationError, match="criteria"):
        validated(JudgeSettings, {"criteria": ""}, source="evaluate.yaml")
    with pytest.raises(ConfigurationError, match="concurency.*concurrency"):
        validated(JudgeSettings, {"service": {"concurency": 3}}, source="evaluate.yaml")
