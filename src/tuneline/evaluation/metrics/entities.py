"""Entities that an answer lists as JSON, scored as exact matches over all rows together (micro).

Read are a list of objects, each with a text (``text``, ``span``, ``value``, ``mention`` or
``entity``, whichever comes first here) and a label (``label``, ``type``, ``category``,
``entity_type`` or ``tag``), optionally ``start`` and ``end``; the same within
``{"entities": [...]}``; or an object of labels, each with its text or a list of texts. A text that
is null or empty stands for no entity, a number for its digits. White space and one Markdown fence
may stand around it all. Anything else, a repeated key included, is no list of entities: as an
answer it counts as empty.

An entity is right where label and text equal those of one that is expected and not yet taken, so a
repeated entity has to be repeated. Texts are compared after Unicode NFC with runs of white space as
one blank, in their case; labels without it. ``start`` and ``end`` count as well in rows where every
entity of both sides has them. Precision is undefined where nothing is predicted, recall where
nothing is expected, F1 where both hold: such rows add nothing, and a score over such rows alone is
NaN, not 1, for it is no evidence.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tuneline.evaluation.metrics.json_format import parsed_json, unfenced
from tuneline.evaluation.metrics.last_batch import LastBatch
from tuneline.evaluation.metrics.metric import Metric, divided
from tuneline.evaluation.metrics.text import in_common, plain

if TYPE_CHECKING:
    from tuneline.evaluation.rows import FloatArray, Rows

_TEXT_KEYS = ("text", "span", "value", "mention", "entity")
_LABEL_KEYS = ("label", "type", "category", "entity_type", "tag")
_LIST_KEY = "entities"
_CACHED_LABELS = 1024


class Entity(NamedTuple):
    """A text with its label, both as they are compared.

    Attributes:
        label: Without case.
        text: White space made single.
        span: ``start`` and ``end`` where both are given as whole numbers.
    """

    label: str
    text: str
    span: tuple[int, int] | None = None


def entities_of(text: str) -> list[Entity] | None:
    """The entities that an answer lists, in its order; None where it is no such list.

    Args:
        text: Any text.
    """
    parsed = parsed_json(unfenced(text))
    if parsed is None:
        return None
    value = parsed.value
    if isinstance(value, dict):
        return _listed(value[_LIST_KEY]) if _wraps_a_list(value) else _grouped(value)
    return _listed(value)


def is_entity_answer(text: str) -> bool:
    """Whether an answer lists entities, none included.

    Args:
        text: Any text.
    """
    return entities_of(text) is not None


def entity_label_counts(rows: Rows) -> dict[str, tuple[int, int, int]]:
    """By label, how many entities are right, predicted and expected; labels are without case.

    Args:
        rows: References and answers; counts of several batches add up.
    """
    right, predicted, expected = Counter[str](), Counter[str](), Counter[str]()
    for wanted, given in _last_pairs.of(rows):
        common = Counter(wanted) & Counter(given)
        right.update(entity.label for entity in common.elements())
        predicted.update(entity.label for entity in given)
        expected.update(entity.label for entity in wanted)
    labels = sorted(predicted.keys() | expected.keys())
    return {label: (right[label], predicted[label], expected[label]) for label in labels}


def _pairs(rows: Rows) -> list[tuple[list[Entity], list[Entity]]]:
    """Entities of reference and answer, as they are to be compared."""
    pairs = []
    for reference, prediction in zip(rows.references, rows.predictions, strict=True):
        wanted, given = entities_of(reference) or [], entities_of(prediction) or []
        if any(entity.span is None for entity in (*wanted, *given)):
            wanted = [Entity(entity.label, entity.text) for entity in wanted]
            given = [Entity(entity.label, entity.text) for entity in given]
        pairs.append((wanted, given))
    return pairs


_last_pairs = LastBatch(_pairs)


class _EntityMetric(Metric):
    """A score of the entities that are right, predicted and expected."""

    source = "exact matches, as seqeval counts them, micro average"
    columns = ("right", "predicted", "expected")

    def measure(self, rows: Rows) -> FloatArray:
        """Entities of each row, shape (rows, 3)."""
        counts = [
            (in_common(wanted, given), len(given), len(wanted))
            for wanted, given in _last_pairs.of(rows)
        ]
        return np.array(counts, dtype=np.float64).reshape(-1, len(self.columns))


class EntityPrecision(_EntityMetric):
    """Share of the predicted entities that are right."""

    name = "entity_precision"
    title = "entity precision"

    def value(self, sums: FloatArray) -> FloatArray:
        """Right over predicted; NaN where none is predicted."""
        return divided(sums[..., 0], sums[..., 1])


class EntityRecall(_EntityMetric):
    """Share of the expected entities that are found."""

    name = "entity_recall"
    title = "entity recall"

    def value(self, sums: FloatArray) -> FloatArray:
        """Right over expected; NaN where none is expected."""
        return divided(sums[..., 0], sums[..., 2])


class EntityF1(_EntityMetric):
    """Harmonic mean of precision and recall."""

    name = "entity_f1"
    title = "entity F1"

    def value(self, sums: FloatArray) -> FloatArray:
        """Twice the right over predicted and expected; NaN where there is neither."""
        return divided(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


class HallucinatedEntities(Metric):
    """Share of the predicted entities whose text does not stand in the prompt, in any case."""

    name = "hallucinated_entities"
    title = "hallucinated entities"
    source = "texts of entities searched for in the prompt"
    higher_is_better = False
    columns = ("hallucinated", "predicted")

    def measure(self, rows: Rows) -> FloatArray:
        """Entities of each row, shape (rows, 2)."""
        counts = []
        for prompt, (_, given) in zip(rows.prompts, _last_pairs.of(rows), strict=True):
            said = _spaced(prompt).casefold() if given else ""
            counts.append((sum(one.text.casefold() not in said for one in given), len(given)))
        return np.array(counts, dtype=np.float64).reshape(-1, len(self.columns))

    def value(self, sums: FloatArray) -> FloatArray:
        """Hallucinated over predicted; NaN where none is predicted."""
        return divided(sums[..., 0], sums[..., 1])


def _wraps_a_list(value: dict[str, Any]) -> bool:
    """Whether ``entities`` is no label but holds the list; an empty one is the same either way."""
    inner = value.get(_LIST_KEY)
    return len(value) == 1 and isinstance(inner, list) and isinstance(next(iter(inner), None), dict)


def _listed(value: Any) -> list[Entity] | None:
    """Entities of a list of objects."""
    if not isinstance(value, list):
        return None
    entities = []
    for item in value:
        entity = _entity(item)
        if entity is None:
            return None
        if entity.text:
            entities.append(entity)
    return entities


def _entity(item: Any) -> Entity | None:
    if not isinstance(item, dict):
        return None
    text = next((item[key] for key in _TEXT_KEYS if key in item), False)
    label = next((item[key] for key in _LABEL_KEYS if key in item), None)
    said = _said(text)
    if said is None or not isinstance(label, str):
        return None
    return Entity(_label(label), said, _span(item.get("start"), item.get("end")))


def _span(start: Any, end: Any) -> tuple[int, int] | None:
    # A boolean is an integer to Python, not to JSON.
    return (start, end) if type(start) is int and type(end) is int else None


def _grouped(value: dict[str, Any]) -> list[Entity] | None:
    """Entities of an object of labels."""
    entities = []
    for label, texts in value.items():
        for text in texts if isinstance(texts, list) else [texts]:
            said = _said(text)
            if said is None:
                return None
            if said:
                entities.append(Entity(_label(label), said))
    return entities


@lru_cache(maxsize=_CACHED_LABELS)
def _label(label: str) -> str:
    return plain(plain(label).casefold())


def _said(value: Any) -> str | None:
    """The text of an entity, empty for null; None where it can be no text. 1.0 is the number 1."""
    if isinstance(value, str):
        return _spaced(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if type(value) in (int, float):
        return str(value)
    return "" if value is None else None


def _spaced(text: str) -> str:
    return " ".join(plain(text).split())
