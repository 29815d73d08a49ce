"""One prompt with several answers: for a classification, labels that contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tuneline.data.checks.finding import Finding
from tuneline.data.checks.rule import Rule
from tuneline.data.duplicates.keys import first_rows

if TYPE_CHECKING:
    from tuneline.data.checks.rule import Severity
    from tuneline.data.duplicates.keys import Keys, Mask

RULES: tuple[Rule, ...] = (
    Rule(
        "conflicting_label",
        "warn",
        "One prompt has several labels. (Several answers to one prompt are fine where the answers "
        "are texts, so this is looked for in classifications only.)",
        "Decide on one label; as an error, the rule rejects every row of such a prompt.",
    ),
)


class Conflicts(NamedTuple):
    """Prompts with more than one answer.

    Attributes:
        rows: All rows of those prompts.
        prompts: How many prompts they are.
    """

    rows: Mask
    prompts: int


def find_conflicts(prompt_keys: Keys, answers: np.ndarray, candidates: Mask) -> Conflicts:
    """Rows whose prompt occurs with another answer too.

    Args:
        prompt_keys: Key of everything before the answer.
        answers: What must be the same within a prompt: codes of labels, or keys of the content.
        candidates: The rows to look at.
    """
    rows = np.flatnonzero(candidates)
    firsts = first_rows(prompt_keys[rows])
    own = answers[rows]
    differs = own != own[firsts]
    contradicted = np.zeros(len(rows), np.bool_)
    contradicted[firsts[differs]] = True
    prompts = int(contradicted.sum())
    mask = np.zeros(len(prompt_keys), np.bool_)
    mask[rows] = contradicted[firsts]
    return Conflicts(mask, prompts)


def conflict_findings(conflicts: Conflicts, severity: Severity) -> list[Finding]:
    """What to say of contradicting labels.

    Args:
        conflicts: What was found.
        severity: Severity of ``conflicting_label``.
    """
    if severity == "off" or not conflicts.prompts:
        return []
    done = "They were rejected" if severity == "error" else "They are kept, in one split"
    return [
        Finding(
            "conflicting_label",
            severity,
            f"{conflicts.rows.sum()} rows share {conflicts.prompts} prompts that have more than "
            f"one label each. {done}; decide on one label for each prompt.",
        )
    ]
