"""What a job will cost, before it is started: tokens, times epochs, times a dated price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.data.targets.kinds import Kind
from tuneline.data.targets.price import price_sentence
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from tuneline.data.targets.catalogue import ModelEntry
    from tuneline.data.targets.tokens import TokenCounter
    from tuneline.vertex.tuning.files import SentSplit
    from tuneline.vertex.tuning.settings import ManagedSettings

_MEDIA = {
    Kind.IMAGE: "image",
    Kind.AUDIO: "audio",
    Kind.VIDEO: "video",
    Kind.DOCUMENT: "document",
}
_MILLION = 1_000_000


def priced(entry: ModelEntry | None, settings: ManagedSettings) -> float | None:
    """US dollars for a million tokens of training; None where nobody says."""
    if settings.usd_per_million_tokens:
        return settings.usd_per_million_tokens
    if entry is None or isinstance(entry.price, str):
        return None
    return entry.price.usd_per_million_tokens


def require_affordable(
    entry: ModelEntry | None, settings: ManagedSettings, train: SentSplit, counter: TokenCounter
) -> tuple[float, str]:
    """Compute what a job on a split costs, and refuse one above ``max_cost_usd``.

    Returns:
        US dollars, storage and serving left out, and the same in a sentence.

    Raises:
        ConfigurationError: It costs more, or nobody says what it costs.
    """
    uncounted = _uncounted(entry, train)
    if uncounted and not settings.train_tokens:
        raise ConfigurationError(
            f"train_tokens: how many tokens {uncounted} files make is not known for "
            f"{settings.base_model}, so that max_cost_usd cannot be kept. Set the tokens of all "
            "training rows together."
        )
    return affordable(entry, settings, train.numbers.tokens, counter.certain_share)


def affordable(
    entry: ModelEntry | None, settings: ManagedSettings, tokens: int, certain_share: float
) -> tuple[float, str]:
    """Likewise, on so many tokens an epoch, of which a share is certain.

    Raises:
        ConfigurationError: It costs more, or nobody says what it costs.
    """
    usd = priced(entry, settings)
    if usd is None:
        raise ConfigurationError(
            f"usd_per_million_tokens: nobody says what tuning {settings.base_model} costs, so that "
            "max_cost_usd cannot be kept. Set the price that the service asks for a million "
            "training tokens."
        )
    if settings.train_tokens:
        tokens, certain_share = settings.train_tokens, 1.0
    cost = tokens * settings.epochs * usd / _MILLION
    if entry is None or settings.usd_per_million_tokens:
        sentence = (
            f"Tuning {settings.base_model} costs about ${cost:,.2f} ({tokens:,} tokens, "
            f"{settings.epochs} epochs, ${usd:g} a million as you set it), storage and serving "
            "extra."
        )
    else:
        sentence = price_sentence(entry, tokens, settings.epochs, certain_share=certain_share)
    if cost > settings.max_cost_usd:
        raise ConfigurationError(
            f"max_cost_usd: {sentence} That is above {settings.max_cost_usd:g}. Raise it, lower "
            "epochs, or tune on less."
        )
    return cost, sentence


def _uncounted(entry: ModelEntry | None, train: SentSplit) -> str:
    """Modalities of the rows whose tokens nobody counts."""
    known = entry.media_tokens if entry else {}
    # The counter knows images alone: of other files it would have to know the length.
    counted = {"image"} & set(known)
    kinds = train.numbers.kinds
    found = [name for bit, name in _MEDIA.items() if name not in counted and (kinds & bit).any()]
    return " and ".join(found)
