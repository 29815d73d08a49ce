"""What tuning costs: the tokens of the data set, times the epochs, at the catalogue's price."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from tuneline.data.targets.catalogue import ModelEntry

_MILLION = 1_000_000


class Cost(BaseModel):
    """A cost of tuning in US dollars, and where its price was read.

    Attributes:
        usd: The cost, without storage and serving.
        billed_tokens: Tokens of the data set, times the epochs.
        epochs: How often the data set is gone through.
        usd_per_million_tokens: The price.
        as_of: The day of the price.
        source: Its page, or the page on which to confirm it.
        basis: Who says the price.
    """

    model_config = ConfigDict(frozen=True)

    usd: float
    billed_tokens: int
    epochs: int
    usd_per_million_tokens: float
    as_of: dt.date
    source: str
    basis: str


_CENT = 0.01
_BASIS = {
    "vendor": "see",
    "field report": "as users report; confirm it on",
    "own": "by your own catalogue; see",
}


def price(entry: ModelEntry, tokens: int, epochs: int) -> Cost | None:
    """What tuning costs, or None where the price is unknown.

    Args:
        entry: The model.
        tokens: Tokens of the training split.
        epochs: How often it is gone through.
    """
    listed = entry.price
    if isinstance(listed, str):
        return None
    billed = tokens * epochs
    return Cost(
        usd=billed * listed.usd_per_million_tokens / _MILLION,
        billed_tokens=billed,
        epochs=epochs,
        usd_per_million_tokens=listed.usd_per_million_tokens,
        as_of=listed.as_of,
        source=listed.source,
        basis=listed.basis,
    )


def price_sentence(
    entry: ModelEntry, tokens: int, epochs: int | None, *, certain_share: float = 1.0
) -> str:
    """The cost of tuning in a sentence, or that it is unknown and what to do.

    Args:
        entry: The model.
        tokens: Tokens of the training split.
        epochs: How often it is gone through; None where the service chooses, which gives the cost
            of one epoch.
        certain_share: Share of the tokens that is certain; below 1 the cost is given as a range.
    """
    cost = price(entry, tokens, epochs or 1)
    if cost is None:
        return (
            f"What tuning {entry.id} costs is unknown: no page read by {entry.as_of} gives its "
            "price. Add it in a catalogue file of your own."
        )
    amount = _dollars(cost.usd)
    if certain_share < 1 and cost.usd * certain_share >= _CENT:
        amount = f"{_dollars(cost.usd * certain_share)} to {amount}"
    times = f"{tokens:,} tokens, {cost.epochs} epoch{'s' if cost.epochs > 1 else ''}"
    said = _BASIS[cost.basis]
    sentence = (
        f"Tuning {entry.id} costs about {amount} ({times}, ${cost.usd_per_million_tokens:g} a "
        f"million as of {cost.as_of}, {said} {cost.source}), storage and serving extra."
    )
    if epochs is None:
        sentence += " The service chooses the epochs unless you set them, and each costs as much."
    return sentence


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= _CENT or not amount else "less than $0.01"
