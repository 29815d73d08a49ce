"""Rows for people to read: what the rules for secrets and personal data find is replaced."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tuneline.data.checks import personal, secrets
from tuneline.data.checks.masking import mask_text
from tuneline.data.checks.screen import find
from tuneline.data.problems import MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.problems import LeftOut

_SHOWN = ("field", "message", "text")
_DETECTORS = (*secrets.DETECTORS, *personal.DETECTORS)


def concealed(rows: Sequence[LeftOut]) -> list[LeftOut]:
    """The rows with a label such as ``[EMAIL]`` for everything that should not be shown.

    Messages and fields hold names that stand in the row: keys, roles, functions.
    """
    if not rows:
        return []
    said = [getattr(row, name) for row in rows for name in _SHOWN]
    shown = cut(concealed_texts(pa.array(said, pa.string()))).to_pylist()
    if shown == said:
        return list(rows)
    return [
        replace(row, **dict(zip(_SHOWN, shown[place:], strict=False)))
        for place, row in zip(range(0, len(said), len(_SHOWN)), rows, strict=True)
    ]


def concealed_texts(texts: pa.Array) -> pa.Array:
    """The texts with such labels."""
    places = {found.position for found in find(_DETECTORS, texts)}
    if not places:
        return texts
    shown = texts.to_pylist()
    for place in places:
        shown[place] = mask_text(shown[place], _DETECTORS, Counter())
    return pa.array(shown, pa.string())


def cut(texts: pa.Array) -> pa.Array:
    """The first `MAX_TEXT` characters. A secret that was cut would no longer be known as one."""
    return pc.utf8_slice_codeunits(texts, 0, MAX_TEXT)
