"""Filters and pages of lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.refusals import invalid

_TERM = re.compile(
    r"(?P<field>display_?[nN]ame|state|labels\.(?P<key>[\w-]+))\s*(?P<sign>!=|=|:)\s*"
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s"]+))'
)
_LARGEST_PAGE = 100


def page(
    call: Call, items: list[dict[str, Any]], field: str, *, named: str = "displayName"
) -> dict[str, Any]:
    """The page of a list that was asked for.

    Args:
        call: Its filter, page size and token count.
        items: All of them, in order.
        field: What the list is called in the answer.
        named: The field of an item that holds its display name.
    """
    wanted = _filter(call.request.get("filter", ""), named)
    items = [item for item in items if wanted(item)]
    size = min(int(call.request.get("pageSize", 0)) or _LARGEST_PAGE, _LARGEST_PAGE)
    token = call.request.get("pageToken", "") or "0"
    if not token.isdigit():
        raise invalid(f"Invalid page token: {token}")
    first = int(token)
    answer: dict[str, Any] = {field: items[first : first + size]}
    if first + size < len(items):
        answer["nextPageToken"] = str(first + size)
    return answer


def _filter(text: str, named: str) -> Callable[[dict[str, Any]], bool]:
    terms = []
    for part in re.split(r"\s+AND\s+", text.strip()) if text.strip() else ():
        found = _TERM.fullmatch(part.strip())
        if found is None:
            raise invalid(f"Invalid filter: {text}. Cannot read the expression {part!r}.")
        terms.append(found)
    return lambda item: all(_holds(term, item, named) for term in terms)


def _holds(term: re.Match[str], item: dict[str, Any], named: str) -> bool:
    quoted = term["quoted"]
    value = term["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    if term["key"]:
        there = item.get("labels", {}).get(term["key"])
        if term["sign"] == ":" and value == "*":
            return there is not None
    elif term["field"] == "state":
        there = item.get("state")
    else:
        there = item.get(named)
    return bool((there != value) == (term["sign"] == "!="))
