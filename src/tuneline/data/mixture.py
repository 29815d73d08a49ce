"""Fewer training rows by choice: proportions among sources, and a limit for each label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.checks.rule import Rule
from tuneline.data.split.ranks import ranks
from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.data.duplicates.keys import Keys, Mask

RULES: tuple[Rule, ...] = (
    Rule(
        "outside_mixture",
        "error",
        "The training row is more than its source's proportion in mixture.",
        "Nothing: rows are left out until the proportions hold. Raise the weight to keep more.",
        fixed=True,
    ),
    Rule(
        "over_label_limit",
        "error",
        "The training row is one more than max_rows_per_label of its label.",
        "Nothing: which rows of a label stay is decided by hash. Raise the limit to keep more.",
        fixed=True,
    ),
)
BY_CHOICE: tuple[str, ...] = tuple(rule.code for rule in RULES)
"""Codes of rows that are left out with nothing wrong about them."""


def outside_mixture(
    members: np.ndarray, training: Mask, content_keys: Keys, weights: Mapping[str, float], seed: int
) -> Mask:
    """The training rows to leave out so that the others have the given proportions.

    They are the fewest possible: the source that has least for its weight keeps all of its rows.
    Which rows of the others stay is decided by hash, and no row is ever repeated.

    Args:
        members: Place in ``weights`` of each row's source.
        training: The rows of the training split; the others are never left out.
        content_keys: Key of each row's content.
        weights: Proportions, above 0, in any unit, by the name that the user gave the source.
        seed: Salt of the hash.

    Raises:
        DataError: A source has no training rows, so that no proportion can hold.
    """
    counts = np.bincount(members[training], minlength=len(weights))
    for name, count in zip(weights, counts.tolist(), strict=True):
        if not count:
            raise DataError(
                f"mixture: {name} has no row in the training split, so it cannot have a share of "
                "it. Take it out of the mixture, or look at why its rows were left out."
            )
    proportions = np.array(list(weights.values()), np.float64)
    scale = (counts / proportions).min()
    # The smallest part of a row is added, so that 0.1 * 30 is 3.
    quotas = np.clip(np.floor(proportions * scale + 1e-6).astype(np.int64), 1, counts)
    return over_quota(members, training, content_keys, quotas, seed)


def over_quota(
    members: np.ndarray, training: Mask, content_keys: Keys, quotas: np.ndarray, seed: int
) -> Mask:
    """The training rows of each member that are more than its quota, chosen by hash.

    Args:
        members: Place in ``quotas`` of each row's source or label; below 0 for none.
        training: The rows of the training split; the others are never left out.
        content_keys: Key of each row's content.
        quotas: Most rows of each member.
        seed: Salt of the hash.
    """
    rows = np.flatnonzero(training & (members >= 0))
    order = rows[np.lexsort((ranks(content_keys[rows], seed), members[rows]))]
    own = members[order]
    begins = np.searchsorted(own, np.arange(len(quotas)))
    outside = np.zeros(len(members), np.bool_)
    outside[order[np.arange(len(order)) - begins[own] >= quotas[own]]] = True
    return outside
