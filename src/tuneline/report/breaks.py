"""Where a long name may break in a narrow column: behind its separators before anywhere else."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_SEPARATOR = re.compile(r"(?<=\w)([_\-/])(?=\w)")


def breakable(text: str) -> Markup:
    """Escape a text and let its words break behind ``_``, ``-`` and ``/``.

    Columns break words anywhere only where no such place is left, so that labels such as
    ``card_payment_fee_charged`` stay readable.
    """
    # No character reference holds a separator between two letters, so none is torn apart.
    broken = _SEPARATOR.sub(r"\1<wbr>", str(escape(text)))
    return Markup(broken)  # noqa: S704  escaped above
