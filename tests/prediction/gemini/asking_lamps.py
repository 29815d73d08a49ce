"""Requests about lamps, and askers that do not wait long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tuneline.data.schema import Part, Turn
from tuneline.prediction.gemini.asker import GeminiAsker
from tuneline.prediction.gemini.request import Request
from tuneline.prediction.gemini.settings import GeminiSettings
from tuneline.prediction.journal import Journal

FLASH = "gemini-2.5-flash"


def user(text: str) -> Turn:
    return Turn("user", (Part(text=text),))


def model(text: str) -> Turn:
    return Turn("model", (Part(text=text),))


def question(number: int) -> Request:
    return Request((user(f"Which lamp is number {number}?"),), where=f"test.jsonl:{number}")


def asker(folder: Path | str, name: str = FLASH, **settings: Any) -> GeminiAsker:
    quick = {"first_wait_s": 0.001, "longest_wait_s": 0.01, "timeout_s": 10.0, "attempts": 4}
    return GeminiAsker(name, GeminiSettings(**{**quick, **settings}), Journal(folder))
