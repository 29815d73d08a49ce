"""Perplexity of the reference answers under a candidate's model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tuneline.evaluation.metrics.metric import Metric, divided

if TYPE_CHECKING:
    from tuneline.evaluation.rows import FloatArray, Rows


class Perplexity(Metric):
    """Exponential of the mean negative log-likelihood of a reference token, over all rows.

    Tokens weigh the same, so a long answer weighs more than a short one. Models with different
    tokenizers count different tokens: compare perplexities of one tokenizer only.
    """

    name = "perplexity"
    title = "perplexity of the reference"
    same_rows_only = True
    source = "exp(sum of negative log-likelihoods in nats / tokens)"
    unit = "ratio"
    higher_is_better = False
    columns = ("nll", "tokens")

    def measure(self, rows: Rows) -> FloatArray:
        """Likelihood and tokens of each row; 0 and 0 where the model gave none."""
        pairs = np.stack([rows.reference_nll, rows.reference_tokens], axis=1)
        known = ~np.isnan(pairs).any(axis=1, keepdims=True)
        return np.where(known, pairs, 0.0)

    def value(self, sums: FloatArray) -> FloatArray:
        """Perplexity; NaN where no row has tokens, infinite where it exceeds a float."""
        with np.errstate(over="ignore"):
            result: FloatArray = np.exp(divided(sums[..., 0], sums[..., 1]))
        return result
