"""Short reviews of products and the sentiment of each: positive, negative or neutral.

A review gives a verdict, often with details that agree, and sometimes with one that does not; the
verdict decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.phrases import Row, capitalized, draw_rows, fill, read_phrases
from embedded.sentences import mistype

if TYPE_CHECKING:
    from random import Random

ROWS = 600
SEED = 11
_SOURCE = Path(__file__).with_suffix(".yaml")

_CONCESSION_SHARE = 0.3
_HASTY_SHARE = 0.25
_TYPO_SHARE = 0.15


def make_reviews(rows: int = ROWS, seed: int = SEED) -> list[Row]:
    """Make ``rows`` different reviews, as many for each sentiment."""
    phrases = read_phrases(_SOURCE)
    labels = sorted(phrases["verdicts"])
    return draw_rows(
        lambda generator, drawn: _review(phrases, labels[drawn % len(labels)], generator),
        rows,
        seed,
    )


def _review(phrases: dict[str, Any], label: str, generator: Random) -> Row:
    said: dict[str, str] = {}
    sentences = [
        fill(sentence, phrases["slots"], generator, said)
        for sentence in _sentences(phrases, label, generator)
    ]
    if generator.random() < _HASTY_SHARE:
        review = ", ".join(sentences).lower()
    else:
        review = " ".join(f"{capitalized(sentence)}." for sentence in sentences)
    return Row(mistype(review, generator) if generator.random() < _TYPO_SHARE else review, label)


def _sentences(phrases: dict[str, Any], label: str, generator: Random) -> list[str]:
    """A verdict with details that agree, or with one that is granted before it."""
    verdict = generator.choice(phrases["verdicts"][label])
    details = phrases["details"]
    if generator.random() < _CONCESSION_SHARE:
        granted = generator.choice([name for name in sorted(details) if name != label])
        return [f"{generator.choice(details[granted])}, but {verdict}"]
    agreeing = generator.sample(details[label], generator.randint(1, 2))
    return generator.sample([verdict, *agreeing], len(agreeing) + 1)
