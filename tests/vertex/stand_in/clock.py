"""Times as the service writes them."""

from __future__ import annotations

import datetime as dt


def now() -> str:
    """This moment."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
