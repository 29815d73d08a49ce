"""Longest common subsequences of words: of two texts, and ROUGE-Lsum's union over lines.

Several subsequences can be the longest, and their union over lines depends on which is taken. This
takes the one that rouge-score takes: read from the end, equal words are matched, and else the
prediction is shortened where its last word adds nothing, if not the reference.

The table of lengths is kept as one integer for each predicted word, a bit for each reference word,
0 where the length grows (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rapidfuzz.distance import LCSseq

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Words = list[str]


def lcs_length(reference: Words, prediction: Words) -> int:
    """Length of the longest common subsequence."""
    return LCSseq.similarity(reference, prediction)


def union_lcs_hits(reference: Sequence[Words], prediction: Sequence[Words]) -> int:
    """Words of the reference that a line of the prediction covers, each counted once.

    Args:
        reference: Words of each line.
        prediction: Words of each line.
    """
    if len(reference) == len(prediction) == 1:
        return lcs_length(reference[0], prediction[0])
    # A word can be covered in several lines: no more often than either text has it.
    left = Counter(word for line in reference for word in line)
    left &= Counter(word for line in prediction for word in line)
    hits = 0
    for line in reference:
        for place in sorted(_covered(line, prediction)):
            if left[line[place]]:
                left[line[place]] -= 1
                hits += 1
    return hits


def _covered(line: Words, prediction: Sequence[Words]) -> set[int]:
    """Places in a reference line that are on the chosen subsequence with any predicted line."""
    places: dict[str, int] = {}
    for place, word in enumerate(line):
        places[word] = places.get(word, 0) | 1 << place
    return {place for words in prediction for place in _matched(places, len(line), words)}


def _matched(places: Mapping[str, int], length: int, prediction: Words) -> list[int]:
    """Places of the chosen longest common subsequence, last first.

    Args:
        places: Where each word stands in the reference line, a bit for each place.
        length: Words of the reference line.
        prediction: Words of the predicted line.
    """
    full = (1 << length) - 1
    at = [places.get(word, 0) for word in prediction]
    column = full
    table = []
    for equal in at:
        match = column & equal
        column = ((column + match) | (column - match)) & full
        table.append(column)
    matched = []
    row, end = length - 1, len(at) - 1
    while row >= 0 and end >= 0:
        bit = 1 << row
        if at[end] & bit:
            matched.append(row)
            row -= 1
            end -= 1
        elif table[end] & bit:
            row -= 1
        else:
            end -= 1
    return matched
