"""Which examples may not part: those of one prompt, and those of one group.

A prompt that occurs in two groups ties the groups together, so units are the connected parts of the
graph of prompts and groups (union-find with path halving).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.collection import Kept


def units_of(kept: Kept, ordinals: Sequence[int]) -> list[str]:
    """The key of each example's unit: its prompt's hash, or the first name of its tied groups.

    Args:
        kept: All kept examples.
        ordinals: Those to look at.

    Returns:
        One key for each ordinal; it does not depend on the order of the rows.
    """
    if not kept.groups:
        prompt_ids = list(kept.prompt_ids)
        return [prompt_ids[kept.prompts[ordinal]] for ordinal in ordinals]
    parents = list(range(len(kept.group_names)))
    first_group: dict[int, int] = {}
    for ordinal in ordinals:
        group = kept.groups[ordinal]
        tied = _root(parents, first_group.setdefault(kept.prompts[ordinal], group))
        parents[_root(parents, group)] = tied
    names = list(kept.group_names)
    roots = [_root(parents, kept.groups[ordinal]) for ordinal in ordinals]
    keys: dict[int, str] = {}
    for ordinal, root in zip(ordinals, roots, strict=True):
        name = names[kept.groups[ordinal]]
        keys[root] = min(keys.get(root, name), name)
    return [keys[root] for root in roots]


def _root(parents: list[int], node: int) -> int:
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node
