"""MinHash signatures of texts, and the keys by which similar ones meet.

A signature has `PERMUTATIONS` slots; the share of slots in which two signatures agree estimates the
Jaccard similarity of the texts' shingles, with a standard error of 0.035 at 0.8. For the
search the slots are cut into bands of r slots: two texts of similarity s have at least one of b
bands in common with probability 1 - (1 - s^r)^b. r is the largest that finds a pair at the
threshold with probability `RECALL` or more: 6 slots and 21 bands at 0.8, which is 0.998 there, 0.92
at 0.7 and 0.28 at 0.5. What meets is then compared slot by slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rensa import RMinHash

from tuneline.data.duplicates.shingles import MAX_SHINGLES, Shingles, shingles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PERMUTATIONS = 128
RECALL = 0.99
SIGNATURE_SEED = 42
"""Fixed: similarity is a property of the data, not of the split."""

NO_SHINGLES = 0
"""Band key of a text without letters and digits, which is like no other."""

_EMPTY_SLOT = 2**32 - 1

# From 256 texts or 65,536 shingles in one call on, rensa starts a thread for each core, also in
# every worker process, and a process that is forked afterwards hangs in such a call of its own.
_TEXTS_A_CALL = 255
_SHINGLES_A_CALL = MAX_SHINGLES

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SLOT_VALUES = 256


class Cut(NamedTuple):
    """How signatures are cut: into ``bands`` bands of ``slots`` slots."""

    bands: int
    slots: int


def cut(threshold: float) -> Cut:
    """The longest bands that find a pair at the threshold with probability `RECALL`.

    Args:
        threshold: Jaccard similarity, above 0, at most 1.
    """
    for slots in range(PERMUTATIONS, 1, -1):
        count = PERMUTATIONS // slots
        if 1 - (1 - threshold**slots) ** count >= RECALL:
            return Cut(count, slots)
    return Cut(PERMUTATIONS, 1)


def signature_type(threshold: float) -> np.dtype[np.void]:
    """Record of one text: its band keys, and the low byte of every slot.

    A byte is enough: two slots that differ agree in it once in 256 times, which `similarity`
    takes into account.
    """
    return np.dtype([("bands", "<u8", (cut(threshold).bands,)), ("slots", "u1", (PERMUTATIONS,))])


def signatures(texts: Sequence[str], threshold: float) -> np.ndarray:
    """One record of `signature_type` for each text, the same in every process and on every run.

    Args:
        texts: What is compared, such as the prompts without what all of them begin with.
        threshold: Similarity from which texts are alike; it decides how bands are cut.
    """
    slots = _slots(shingles(texts))
    records = np.empty(len(texts), signature_type(threshold))
    records["slots"] = slots & np.uint32(_SLOT_VALUES - 1)
    records["bands"] = _band_keys(slots, cut(threshold))
    records["bands"][slots[:, 0] == _EMPTY_SLOT] = NO_SHINGLES
    return records


def similarity(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Estimated Jaccard similarity of pairs of signatures.

    Args:
        left: Low bytes of slots, one signature a row.
        right: Those of the other texts.
    """
    agreeing: np.ndarray = np.count_nonzero(left == right, axis=1) / PERMUTATIONS
    by_chance = 1 / _SLOT_VALUES
    return (agreeing - by_chance) / (1 - by_chance)


def alike(left: np.ndarray, right: np.ndarray, threshold: float) -> np.ndarray:
    """Whether pairs of signatures are those of texts at the threshold or above.

    An estimate of one standard error below it counts: a twin that is missed leaks into another
    split, and one too many only stays beside its like. So five in six pairs at the threshold
    itself are found, and nearly all that are more similar.

    Args:
        left: Low bytes of slots, one signature a row.
        right: Those of the other texts.
        threshold: The similarity from which texts are alike.
    """
    error = (threshold * (1 - threshold) / PERMUTATIONS) ** 0.5
    found: np.ndarray = similarity(left, right) >= threshold - error
    return found


def save_signatures(path: Path, parts: Sequence[np.ndarray]) -> None:
    """Write the signatures of one piece: all keys of a band side by side, then the slots.

    Args:
        path: A new file, for `SignatureFiles`.
        parts: Records of `signatures`, one after another; at least one part.
    """
    with path.open("wb") as file:
        for band in range(parts[0].dtype["bands"].shape[0]):
            for part in parts:
                file.write(np.ascontiguousarray(part["bands"][:, band]).tobytes())
        for part in parts:
            file.write(np.ascontiguousarray(part["slots"]).tobytes())


def _slots(found: Shingles) -> np.ndarray:
    """Signatures of sets of shingles."""
    slots = np.empty((len(found.offsets) - 1, PERMUTATIONS), np.uint32)
    begin = 0
    while begin < len(slots):
        limit = found.offsets[begin] + np.uint64(_SHINGLES_A_CALL)
        end = int(np.searchsorted(found.offsets, limit, side="right")) - 1
        end = min(end, begin + _TEXTS_A_CALL)
        offsets = found.offsets[begin : end + 1]
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            found.hashes[offsets[0] : offsets[-1]],
            offsets - offsets[0],
            PERMUTATIONS,
            SIGNATURE_SEED,
        )
        slots[begin:end] = matrix.to_rows()
        begin = end
    return slots


def _band_keys(slots: np.ndarray, cut_as: Cut) -> np.ndarray:
    keys = np.zeros((len(slots), cut_as.bands), np.uint64)
    for place in range(cut_as.slots):
        column = slots[:, place : cut_as.bands * cut_as.slots : cut_as.slots]
        keys = (keys ^ column) * _MULTIPLIER
        keys ^= keys >> np.uint64(32)
    return keys
