"""Held-out rows with one candidate's answers, as metrics read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows in their order; every field has one entry for each.

    Attributes:
        prompts: The user's last turn before the answer.
        references: The right answer.
        predictions: What the candidate answered.
        labels: The class of each row; None unless a classification.
        samples: Further answers drawn at random, for pass@k; empty lists where none were.
        reference_nll: Negative log-likelihood in nats of the reference answer under the
            candidate's model, NaN where the model gives no logits.
        reference_tokens: Tokens of the reference answer that it sums over, NaN likewise.
    """

    prompts: Sequence[str]
    references: Sequence[str]
    predictions: Sequence[str]
    labels: Sequence[str | None]
    samples: Sequence[Sequence[str]]
    reference_nll: FloatArray
    reference_tokens: FloatArray

    @classmethod
    def of(
        cls,
        references: Sequence[str],
        predictions: Sequence[str],
        *,
        prompts: Sequence[str] = (),
        labels: Sequence[str | None] = (),
        samples: Sequence[Sequence[str]] = (),
    ) -> Rows:
        """Rows with what is known of them; the rest is empty."""
        count = len(references)
        return cls(
            prompts=prompts or [""] * count,
            references=references,
            predictions=predictions,
            labels=labels or [None] * count,
            samples=samples or [()] * count,
            reference_nll=np.full(count, np.nan),
            reference_tokens=np.full(count, np.nan),
        )

    def __len__(self) -> int:
        return len(self.references)
