"""The limit on rejected rows, which stops a run before it shrinks the data in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.errors import DataError

if TYPE_CHECKING:
    from tuneline.data.collection import Collection

_SHOWN = 5


def require_few_rejected(collection: Collection, allowed: float, *, conflicting: int = 0) -> None:
    """Refuse data of which too much is wrong.

    Args:
        collection: What was read.
        allowed: Share of the rows read that may be rejected.
        conflicting: Rows that were rejected for contradicting labels, after all were read.

    Raises:
        DataError: More rows were rejected than allowed; the message has the first of them.
    """
    rejected = collection.rejected.total() + conflicting
    if rejected <= allowed * collection.read:
        return
    counts = collection.rejections()
    if conflicting:
        counts.append(("conflicting_label", conflicting))
    problems = collection.first_problems()
    name = problems[0].source if problems else collection.tallies[-1].source.name
    first = "".join(f"\n  {problem}" for problem in problems[:_SHOWN])
    raise DataError(
        f"{name}: {rejected} of {collection.read} rows were rejected "
        f"({rejected / collection.read:.1%}), and max_rejected_share allows {allowed:.1%}: "
        + ", ".join(f"{reason} {count}" for reason, count in counts)
        + "."
        + (f" The first:{first}" if first else "")
        + "\nMend these rows, or allow more with max_rejected_share."
    )
