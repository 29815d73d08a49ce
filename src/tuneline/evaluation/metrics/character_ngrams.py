"""Counts of character n-grams of many pairs of texts at once, exactly, with one sort.

Each position of a text becomes one 64-bit number: its row, the codes of the six characters that
start there (0 past the end), and whose text it is. Sorted, equal n-grams of a row lie side by side,
and those of a lower order are runs of the same order with the last characters shifted out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sacrebleu.metrics.helpers import extract_all_char_ngrams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.evaluation.rows import FloatArray

ORDER = 6
BATCH_CHARACTERS = 1 << 18  # sorted within a processor's cache; 20 MB of arrays
KEY_BITS = 64

Keys = npt.NDArray[np.uint64]
Pair = tuple[str, str]


def ngram_statistics(references: Sequence[str], predictions: Sequence[str]) -> FloatArray:
    """Character n-grams of orders 1 to 6, white space left out, as sacrebleu counts them.

    Returns:
        Shape (rows, 6, 3): n-grams of the prediction, of the reference, and those in common. The
        prediction's are 0 where the reference is too short to have any.
    """
    texts = zip(references, predictions, strict=True)
    pairs = [("".join(right.split()), "".join(given.split())) for right, given in texts]
    lengths = np.array([(len(given), len(right)) for right, given in pairs]).reshape(-1, 1, 2)
    result = np.empty((len(pairs), ORDER, 3))
    result[:, :, :2] = np.maximum(lengths - np.arange(ORDER)[:, None], 0)
    result[:, :, 0] *= result[:, :, 1] > 0
    for batch in _batches(pairs):
        result[batch, :, 2] = _in_common(pairs[batch])
    return result


def _batches(pairs: Sequence[Pair]) -> Iterator[slice]:
    """Neighbouring pairs of some ``BATCH_CHARACTERS`` together, at least one."""
    start = characters = 0
    for end, (right, given) in enumerate(pairs, start=1):
        characters += len(right) + len(given)
        if characters >= BATCH_CHARACTERS or end == len(pairs):
            yield slice(start, end)
            start, characters = end, 0


def _in_common(pairs: Sequence[Pair]) -> FloatArray:
    """N-grams in common, shape (pairs, 6)."""
    sides = [right for right, _ in pairs] + [given for _, given in pairs]
    points = np.frombuffer("".join(sides).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if not len(points):
        return np.zeros((len(pairs), ORDER))
    codes = _codes(points)
    bits = int(codes.max()).bit_length()
    if ORDER * bits + len(pairs).bit_length() < KEY_BITS:
        lengths = np.fromiter(map(len, sides), dtype=np.int64, count=len(sides))
        return _counted(_sorted_keys(codes, lengths, bits), len(pairs), bits)
    if len(pairs) == 1:  # over 1,000 different characters: a long text in Han
        return _counted_by_sacrebleu(*pairs[0])
    half = len(pairs) // 2  # fewer rows have fewer different characters
    return np.concatenate([_in_common(pairs[:half]), _in_common(pairs[half:])])


def _codes(points: npt.NDArray[np.uint32]) -> Keys:
    """Number the characters that occur from 1, for keys of few bits."""
    occurs = np.zeros(int(points.max()) + 1, dtype=bool)
    occurs[points] = True
    codes: Keys = np.cumsum(occurs, dtype=np.uint64)[points]
    return codes


def _sorted_keys(codes: Keys, lengths: npt.NDArray[np.int64], bits: int) -> Keys:
    """Row, six characters of ``bits`` bits each, and 1 for a reference; ascending."""
    rows = len(lengths) // 2
    texts = np.repeat(np.arange(2 * rows), lengths)
    gap = ORDER - 1  # zeros after each text
    places = np.arange(len(codes)) + gap * texts
    padded = np.zeros(len(codes) + gap * 2 * rows, dtype=np.uint64)
    padded[places] = codes
    windows = padded[: len(padded) - gap].copy()
    for place in range(1, ORDER):
        windows <<= np.uint64(bits)
        windows |= padded[place : len(padded) - gap + place]
    keys: Keys = windows[places]
    keys |= (texts % rows).astype(np.uint64) << np.uint64(ORDER * bits)
    keys <<= np.uint64(1)
    keys |= (texts < rows).astype(np.uint64)
    keys.sort()
    return keys


def _counted(keys: Keys, rows: int, bits: int) -> FloatArray:
    """Sum the smaller count of each n-gram, by row and order."""
    of_reference = np.concatenate(([0], np.cumsum(keys & np.uint64(1), dtype=np.int64)))
    keys >>= np.uint64(1)
    result = np.empty((rows, ORDER))
    for order in range(ORDER, 0, -1):
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        ends = np.append(starts[1:], len(keys))
        right = of_reference[ends] - of_reference[starts]
        ngrams = keys[starts]
        whole = (ngrams & np.uint64((1 << bits) - 1)) != 0  # not past the end of its text
        common = np.where(whole, np.minimum(right, ends - starts - right), 0)
        row = (ngrams >> np.uint64(order * bits)).astype(np.int64)
        result[:, order - 1] = np.bincount(row, weights=common, minlength=rows)
        keys >>= np.uint64(bits)
    return result


def _counted_by_sacrebleu(reference: str, prediction: str) -> FloatArray:
    """The same for one pair with more different characters than a key can tell apart."""
    orders = zip(
        extract_all_char_ngrams(reference, ORDER),
        extract_all_char_ngrams(prediction, ORDER),
        strict=True,
    )
    return np.array([[(right & given).total() for right, given in orders]], dtype=np.float64)
