"""Prompt design: the baselines that tuning must beat.

A baseline may use what a person would write: an instruction that names the possible answers, and
some solved examples. The examples come from the training split alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from tuneline.data.schema import Example, ExamplesInfo
    from tuneline.prediction.asked import Asked


@dataclass(frozen=True, slots=True)
class Question:
    """A turn that is asked for, with what prompt design puts before the conversation.

    Attributes:
        asked: The turn.
        shots: Solved examples, put before the conversation without their system instructions.
        instruction: Put behind the example's own system instruction; may be empty.
    """

    asked: Asked
    shots: tuple[Example, ...] = ()
    instruction: str = ""

    @property
    def solved(self) -> Example:
        """The whole conversation as one example: shots first, the right answer last."""
        answered = self.asked.answered
        system = "\n".join(text for text in (answered.system, self.instruction) if text)
        before = [turn for shot in self.shots for turn in shot.turns]
        return replace(answered, system=system or None, turns=(*before, *answered.turns))

    @property
    def shot_ids(self) -> tuple[str, ...]:
        """Content hashes of the shots, in their order."""
        return tuple(shot.example_id for shot in self.shots)


def baseline_name(shots: int) -> str:
    """Name of the baseline with that many shots: ``zero-shot``, ``4-shot``."""
    return f"{shots}-shot" if shots else "zero-shot"


def instruction(info: ExamplesInfo) -> str:
    """The instruction that a baseline puts before the user's own; empty without a label set."""
    if info.task != "classification":
        return ""
    return "Answer with exactly one of: " + ", ".join(info.labels) + "."
