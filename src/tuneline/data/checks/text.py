"""All rules about texts, as one check of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tuneline.data.checks import (
    answers,
    characters,
    local_paths,
    personal,
    secrets,
    template_tokens,
)
from tuneline.data.checks.rule import Hit
from tuneline.data.checks.screen import Detector, find, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tuneline.data.batch import Batch
    from tuneline.data.checks.rule import Severity

DETECTORS: tuple[Detector, ...] = (
    # The likely finds first, as `find` wants them.
    *personal.DETECTORS,
    *template_tokens.DETECTORS,
    *characters.DETECTORS,
    *local_paths.DETECTORS,
    *secrets.DETECTORS,
)
RULES = (*(detector.rule for detector in DETECTORS), *answers.RULES)
_OF_ROWS = {
    "completion_in_prompt": answers.answers_in_prompts,
    "script_switch": answers.script_switches,
}


@dataclass(frozen=True)
class TextChecks:
    """Check the texts of batches; built once, and pickles for a worker process.

    Args:
        severities: Severity by code; a rule that is not named keeps its own. Rules that are ``off``
            cost nothing.
    """

    severities: Mapping[str, Severity]
    _detectors: tuple[Detector, ...] = field(init=False, repr=False)
    _checks: tuple[Callable[[Batch], Iterator[Hit]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        on = {rule.code for rule in RULES if self.severities.get(rule.code, rule.severity) != "off"}
        object.__setattr__(self, "_detectors", tuple(d for d in DETECTORS if d.code in on))
        checks = tuple(check for code, check in _OF_ROWS.items() if code in on)
        object.__setattr__(self, "_checks", checks)

    def __call__(self, batch: Batch) -> Iterator[Hit]:
        """Yield one hit for each rule and text that breaks it."""
        found = find(self._detectors, batch.texts.values)
        where = places(batch, [one.position for one in found])
        for one, place in zip(found, where, strict=True):
            yield Hit(place.owner, one.detector.code, place.field, one.message)
        for check in self._checks:
            yield from check(batch)
