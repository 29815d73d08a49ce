"""Prompts that are alike: clusters of rows, and what follows from them.

Rows are alike if the Jaccard similarity of their prompts' shingles is the threshold or more, as
MinHash estimates it; a cluster is what such pairs connect. Prompts of one cluster never part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.checks.finding import Finding
from tuneline.data.checks.rule import Rule
from tuneline.data.duplicates.components import separate, unite
from tuneline.data.duplicates.exact import DATA, PURPOSES, TEST, VALIDATION, Clashes
from tuneline.data.duplicates.keys import NO_ROW, first_rows
from tuneline.data.duplicates.minhash import NO_SHINGLES, alike
from tuneline.data.duplicates.signature_files import SignatureFiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.data.duplicates.keys import Mask, Rows

LARGE_CLUSTER_SHARE = 0.05
"""From this share of the rows on, one cluster keeps the splits from having their shares."""

RULES: tuple[Rule, ...] = (
    Rule(
        "near_duplicate",
        "error",
        "The prompt is almost the same as one before it.",
        "Nothing: one stays. near_duplicates=together keeps all of them, in one split.",
        fixed=True,
    ),
    *(
        Rule(
            f"near_duplicate_in_{name}",
            "error",
            f"The prompt is almost the same as one in the {name} file.",
            "Leave it out of one of the two files, or give near_duplicates=off.",
            fixed=True,
        )
        for name in ("test", "validation")
    ),
    Rule(
        "large_cluster",
        "warn",
        f"More than {LARGE_CLUSTER_SHARE:.0%} of the rows have prompts that are almost the same.",
        "Raise near_duplicate_threshold, or give near_duplicates=off, if they are no copies.",
    ),
)

NEAR_REASONS: tuple[str, ...] = ("", *(rule.code for rule in RULES[:3]))
"""Reason by its number in what `near_clashes` returns."""

_NEIGHBOURS = (1, 2, 3)
_PAIRS_A_CHUNK = 32_768


def near_clusters(paths: Sequence[Path], candidates: Mask, threshold: float) -> Rows:
    """The cluster of each row, named by the first row in it.

    Args:
        paths: Files of `minhash.save_signatures`, in the order of reading.
        candidates: The rows to look at.
        threshold: Similarity from which two prompts are alike; the signatures' own.

    Returns:
        The first row of each row's cluster, which is its own number for a row that is like no
        other; `NO_ROW` for rows that are not looked at or whose prompt has no letters or digits.
    """
    files = SignatureFiles(paths, threshold)
    clusters = separate(len(files))
    looked_at = candidates.copy()
    for band in range(files.bands):
        keys = files.band(band)
        if band == 0:
            looked_at &= keys != NO_SHINGLES
        for left, right in _candidate_pairs(keys, looked_at):
            for begin in range(0, len(left), _PAIRS_A_CHUNK):
                chunk = slice(begin, begin + _PAIRS_A_CHUNK)
                _unite_similar(clusters, files, left[chunk], right[chunk], threshold)
    clusters[~looked_at] = NO_ROW
    return clusters


def _candidate_pairs(keys: np.ndarray, looked_at: Mask) -> Iterator[tuple[Rows, Rows]]:
    """Rows that share a key, each with the first of them and with its neighbours.

    Not every pair of them, which for a key that many rows share could not be held or finished:
    rows that are alike meet in many bands, and what two of them are both like unites them too.
    """
    rows = np.flatnonzero(looked_at).astype(np.int32)
    firsts = first_rows(keys[rows])
    shared = np.bincount(firsts, minlength=len(rows))[firsts] > 1
    rows, heads = rows[shared], rows[firsts[shared]]
    order = np.argsort(heads, kind="stable")
    rows, heads = rows[order], heads[order]
    others = rows != heads
    yield heads[others], rows[others]
    for step in _NEIGHBOURS:
        together = (heads[step:] == heads[:-step]) & (heads[:-step] != rows[:-step])
        yield rows[:-step][together], rows[step:][together]


def _unite_similar(
    clusters: Rows, files: SignatureFiles, left: Rows, right: Rows, threshold: float
) -> None:
    apart = clusters[left] != clusters[right]
    left, right = left[apart], right[apart]
    if len(left):
        found = alike(files.slots(left), files.slots(right), threshold)
        unite(clusters, left[found], right[found])


def near_clashes(
    clusters: Rows,
    purposes: np.ndarray[tuple[int], np.dtype[np.uint8]],
    candidates: Mask,
    *,
    remove: bool,
) -> Clashes:
    """Rows that are like a row of a held-out file, and with ``remove`` like any row before them.

    Args:
        clusters: What `near_clusters` found.
        purposes: Purpose of each row's source.
        candidates: The rows that may stay.
        remove: Whether only the first row of a cluster stays.

    Returns:
        Reasons are numbers in `NEAR_REASONS`.
    """
    clashes = Clashes(np.zeros(len(clusters), np.uint8), np.full(len(clusters), NO_ROW, np.int32))
    # The first row of each cluster by purpose; clusters are named by rows, so they index arrays.
    for purpose in (TEST, VALIDATION, DATA):
        chosen = candidates & (purposes == purpose) & (clusters != NO_ROW) & (clashes.reasons == 0)
        rows = np.flatnonzero(chosen).astype(np.int32)
        firsts = np.full(len(clusters), NO_ROW, np.int32)
        firsts[clusters[rows[::-1]]] = rows[::-1]
        if remove:
            again = rows[firsts[clusters[rows]] != rows]
            _mark(clashes, again, firsts[clusters[again]], "near_duplicate")
        if purpose == DATA:
            continue
        later = candidates & (purposes < purpose) & (clusters != NO_ROW) & (clashes.reasons == 0)
        rows = np.flatnonzero(later).astype(np.int32)
        rows = rows[firsts[clusters[rows]] != NO_ROW]
        reason = f"near_duplicate_in_{PURPOSES[purpose]}"
        _mark(clashes, rows, firsts[clusters[rows]], reason)
    return clashes


def _mark(clashes: Clashes, rows: Rows, partners: Rows, reason: str) -> None:
    clashes.reasons[rows] = NEAR_REASONS.index(reason)
    clashes.partners[rows] = partners


def cluster_findings(clusters: Rows) -> list[Finding]:
    """A warning where one cluster is too large for the splits to have their shares.

    Args:
        clusters: Clusters of the rows that are to be split.
    """
    sizes = np.bincount(clusters[clusters != NO_ROW], minlength=1)
    largest = int(sizes.max())
    if largest <= max(1, LARGE_CLUSTER_SHARE * len(clusters)):
        return []
    return [
        Finding(
            "large_cluster",
            "warn",
            f"{largest} of {len(clusters)} rows have prompts that are almost the same, and all of "
            "them go to one split, so that the splits may miss their shares. Raise "
            "near_duplicate_threshold, or give near_duplicates=off, if they are no copies.",
        )
    ]
