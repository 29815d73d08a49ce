"""Replace personal data and secrets by labels such as ``[EMAIL]``, for the kinds that a user names.

Nothing else changes: function arguments and responses stay the JSON that they were, and an example
without a find is the same object.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import orjson
import pyarrow as pa

from tuneline.data.batch import SYSTEM, texts_of
from tuneline.data.checks import personal, secrets
from tuneline.data.checks.screen import Detector, find

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tuneline.data.checks.screen import Span
    from tuneline.data.schema import Example, Part

_DETECTORS = {detector.code: detector for detector in (*personal.DETECTORS, *secrets.DETECTORS)}
MASKABLE = frozenset(_DETECTORS)
"""Codes that the setting ``mask`` takes."""

_ByPlace = dict[tuple[int, int], list[Detector]]


def mask_examples(
    examples: Sequence[Example], codes: Sequence[str]
) -> tuple[list[Example], Counter[str]]:
    """Replace what the rules find in every text, in the system instruction and in function data.

    Args:
        examples: What to look through.
        codes: Which rules, of `MASKABLE`.

    Returns:
        The examples, and how many values were replaced by code.
    """
    detectors = [detector for code, detector in _DETECTORS.items() if code in set(codes)]
    masked, counts = list(examples), Counter[str]()
    left: Sequence[int] = range(len(masked))
    # Again for what was masked, since a label may bring two halves of a find together.
    while left:
        found = _found(masked, left, detectors)
        for index, by_place in found.items():
            masked[index] = _masked_example(masked[index], by_place, counts)
        left = list(found)
    return masked, counts


def _found(
    examples: Sequence[Example], indices: Sequence[int], detectors: Sequence[Detector]
) -> dict[int, _ByPlace]:
    """The detectors that find something, by example and place of the text."""
    texts = [(index, text) for index in indices for text in texts_of(examples[index])]
    values = pa.array([text.text for _, text in texts], pa.string())
    result: dict[int, _ByPlace] = {}
    for one in find(detectors, values):
        index, text = texts[one.position]
        place = (text.turn, text.part)
        result.setdefault(index, {}).setdefault(place, []).append(one.detector)
    return result


def _masked_example(example: Example, by_place: _ByPlace, counts: Counter[str]) -> Example:
    replace = msgspec.structs.replace
    turns, system = list(example.turns), example.system
    for (turn, part), found in by_place.items():
        detectors = sorted(found, key=_secrets_first)
        if turn == SYSTEM:
            system = mask_text(system or "", detectors, counts)
            continue
        parts = list(turns[turn].parts)
        parts[part] = _masked_part(parts[part], detectors, counts)
        turns[turn] = replace(turns[turn], parts=tuple(parts))
    return replace(example, turns=tuple(turns), system=system)


def _secrets_first(detector: Detector) -> bool:
    # A password in a URL looks like the beginning of an e-mail address.
    return detector.code.startswith("pii_")


def _masked_part(part: Part, detectors: Sequence[Detector], counts: Counter[str]) -> Part:
    replace = msgspec.structs.replace
    if part.text is not None:
        return replace(part, text=mask_text(part.text, detectors, counts))
    if part.function_call is not None:
        args = mask_json(part.function_call.args, detectors, counts)
        return replace(part, function_call=replace(part.function_call, args=args))
    if part.function_response is not None:
        response = mask_json(part.function_response.response, detectors, counts)
        return replace(part, function_response=replace(part.function_response, response=response))
    return part


def mask_text(text: str, detectors: Sequence[Detector], counts: Counter[str]) -> str:
    """Replace every find in a text by its label, until there is none.

    Args:
        text: The text.
        detectors: What to look for, each with a mask.
        counts: Values replaced by code; grows.
    """
    found = True
    while found:
        found = False
        for detector in detectors:
            # From the end, so that the places before stay right.
            for start, end in sorted(detector.spans(text), reverse=True):
                text = text[:start] + detector.mask + text[end:]
                counts[detector.code] += 1
                found = True
    return text


_TOKEN = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")(?P<key>\s*:)?|-?\d[\d.eE+-]*')


def mask_json(document: str, detectors: Sequence[Detector], counts: Counter[str]) -> str:
    """Replace every find in the texts, keys and numbers of a JSON document.

    Texts are masked as they read, without JSON's escapes. A find that lies in the document's own
    form, such as a number or a pair of name and password, costs the whole value that it lies in.

    Args:
        document: JSON text.
        detectors: What to look for, each with a mask.
        counts: Values replaced by code; grows.
    """
    document = _mask_tokens(document, lambda text: mask_text(text, detectors, counts))
    while find := _first_find(document, detectors):
        detector, spans = find
        counts[detector.code] += len(spans)
        document = _mask_values(document, spans, detector.mask)
    return document


def _first_find(document: str, detectors: Sequence[Detector]) -> tuple[Detector, list[Span]] | None:
    """The first detector that finds something, and where."""
    for detector in detectors:
        if spans := list(detector.spans(document)):
            return detector, spans
    return None


def _mask_tokens(document: str, masked: Callable[[str], str]) -> str:
    """Mask each text of a JSON document for itself; names of one object stay apart."""
    names = {orjson.loads(match["text"]) for match in _TOKEN.finditer(document) if match["key"]}

    def token(match: re.Match[str]) -> str:
        if not match["text"]:
            return match[0]
        text = orjson.loads(match["text"])
        new = masked(text)
        if new == text:
            return match[0]
        if match["key"]:
            new = _apart(new, names)
        return orjson.dumps(new).decode() + (match["key"] or "")

    return _TOKEN.sub(token, document)


def _apart(name: str, names: set[str]) -> str:
    """The name with a number behind it where the document has it already."""
    number, new = 1, name
    while new in names:
        number += 1
        new = f"{name} {number}"
    names.add(new)
    return new


def _mask_values(document: str, spans: Sequence[Span], mask: str) -> str:
    """Replace every text and number that a find lies in, so that the document stays JSON."""
    names = {orjson.loads(match["text"]) for match in _TOKEN.finditer(document) if match["key"]}

    def token(match: re.Match[str]) -> str:
        key = match["key"] or ""
        after = bisect_right(spans, match.start(), key=lambda span: span.end)
        if after == len(spans) or spans[after].start >= match.end() - len(key):
            return match[0]
        return orjson.dumps(_apart(mask, names) if key else mask).decode() + key

    return _TOKEN.sub(token, document)
