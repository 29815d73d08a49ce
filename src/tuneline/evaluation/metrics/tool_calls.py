"""Calls of tools: whether an answer can be read as calls, and whether they are the right ones.

A turn's calls are written as one JSON array of ``{"name": ..., "args": {...}}``, which is how
references and the answers of services stand in predictions files. What open models write is read
as well: one object for one call; ``arguments`` or ``parameters`` for ``args``, as an object or as
the text of one; the call within ``function``, ``functionCall`` or ``function_call`` or beside an
``id``; a Markdown fence around it all; or ``<tool_call>`` tags, with other text around them.

Two calls are equal where name and arguments are: keys in any order, ``1`` like ``1.0``, texts and
everything else exactly, so that null differs from an argument that is left out. The order of
parallel calls does not count.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from tuneline.errors import DataError
from tuneline.evaluation.metrics.json_format import parsed_json, unfenced
from tuneline.evaluation.metrics.last_batch import LastBatch
from tuneline.evaluation.metrics.metric import MeanMetric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tuneline.evaluation.rows import Rows

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_WRAPPERS = ("function", "functionCall", "function_call")
_ARGUMENTS = ("args", "arguments", "parameters")
_BESIDE = frozenset({"id", "type", "index"})


class Call(NamedTuple):
    """A call of the tool ``name``; ``args`` is a JSON object."""

    name: str
    args: dict[str, Any]


def canonical_calls(calls: Iterable[Call]) -> str:
    """Write the calls of a turn in their order, the keys of objects sorted.

    Args:
        calls: The calls; none give ``[]``, the answer that calls nothing.

    Raises:
        DataError: JSON cannot hold an argument, or `calls_of` could not read it back.
    """
    listed = [{"name": call.name, "args": call.args} for call in calls]
    try:
        text = orjson.dumps(listed, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        names = ", ".join(str(call["name"]) for call in listed)
        raise DataError(
            f"The arguments of a call ({names}) cannot be written as JSON: {error}."
        ) from None
    if calls_of(text) is None:
        raise DataError(
            f"The calls {text[:200]} cannot be read back: each needs a name and an object of "
            "arguments, nested less than a hundred levels deep."
        )
    return text


def calls_of(text: str) -> list[Call] | None:
    """Read an answer as calls; an empty list calls nothing, None is no answer in calls.

    Args:
        text: Any text.
    """
    parsed = parsed_json(unfenced(text))
    if parsed is not None:
        return _calls(parsed.value)
    _, *tagged = text.split(_OPEN)
    calls: list[Call] = []
    for part in tagged:
        body, closed, _ = part.partition(_CLOSE)
        parsed = parsed_json(body) if closed else None
        inner = None if parsed is None else _calls(parsed.value)
        if inner is None:
            return None
        calls += inner
    return calls if tagged else None


def _pairs(rows: Rows) -> list[tuple[list[Call], list[Call]]]:
    """Calls of reference and answer; a text calls nothing."""
    pairs = zip(rows.references, rows.predictions, strict=True)
    return [(calls_of(wanted) or [], calls_of(given) or []) for wanted, given in pairs]


_last_pairs = LastBatch(_pairs)


class ToolCallValid(MeanMetric):
    """Share of answers that can be read as calls where calls are wanted, and as none elsewhere."""

    name = "tool_call_valid"
    title = "tool call validity"
    source = "calls that can be read, where the reference calls a tool"
    right_or_wrong = True

    def scores(self, rows: Rows) -> list[float]:
        """1 where the answer calls tools just as the reference does or does not."""
        return [float(bool(wanted) == bool(given)) for wanted, given in _last_pairs.of(rows)]


class ToolNameMatch(MeanMetric):
    """Share of answers that call the same tools equally often; a reference without calls none."""

    name = "tool_name_match"
    title = "tool name match"
    source = "equal names of all calls, in any order"
    right_or_wrong = True

    def scores(self, rows: Rows) -> list[float]:
        """1 where the names are the same."""
        return [float(_names(wanted) == _names(given)) for wanted, given in _last_pairs.of(rows)]


class ToolCallMatch(MeanMetric):
    """Share of answers whose calls are the reference's, arguments included, in any order."""

    name = "tool_call_match"
    title = "tool call match"
    source = "equal names and arguments of all calls, in any order"
    right_or_wrong = True

    def scores(self, rows: Rows) -> list[float]:
        """1 where the calls are the same."""
        return [
            float(len(wanted) == len(given) and _keys(wanted) == _keys(given))
            for wanted, given in _last_pairs.of(rows)
        ]


def _calls(value: Any) -> list[Call] | None:
    read = [_call(item) for item in (value if isinstance(value, list) else [value])]
    calls = [call for call in read if call is not None]
    return calls if len(calls) == len(read) else None


def _call(item: Any) -> Call | None:
    """Read one call, unwrapped; None where it is something else."""
    if not isinstance(item, dict):
        return None
    rest = _without_ids(item)
    if len(rest) == 1 and (wrapper := next(iter(rest))) in _WRAPPERS:
        if not isinstance(rest[wrapper], dict):
            return None
        rest = _without_ids(rest[wrapper])
    name = rest.get("name")
    given = [key for key in rest if key in _ARGUMENTS]
    if not isinstance(name, str) or not name or len(given) > 1 or len(rest) > 1 + len(given):
        return None
    args = _arguments(rest[given[0]]) if given else {}
    return None if args is None else Call(name, args)


def _without_ids(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in _BESIDE}


def _arguments(given: Any) -> dict[str, Any] | None:
    """Arguments as an object; null and an empty text stand for none."""
    if isinstance(given, str) and given.strip():
        parsed = parsed_json(given)
        given = None if parsed is None else parsed.value
        return given if isinstance(given, dict) else None
    if given is None or isinstance(given, str):
        return {}
    return given if isinstance(given, dict) else None


def _names(calls: list[Call]) -> Counter[str]:
    return Counter(call.name for call in calls)


def _keys(calls: list[Call]) -> list[bytes]:
    """A text for each call that is the same for equal calls."""
    return sorted(
        orjson.dumps([call.name, _whole(call.args)], option=orjson.OPT_SORT_KEYS) for call in calls
    )


def _whole(value: Any) -> Any:
    """Numbers without a fraction become integers, however deep, as far as 64 bits hold them."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer() and -(2.0**63) <= value < 2.0**64:
        return int(value)
    return value
