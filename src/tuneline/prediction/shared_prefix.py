"""The beginning that all prompts share, read by the model once instead of once for each prompt.

A baseline's instruction and shots stand before every question. With 77 labels they are 900 of 920
tokens, so nearly all of the work would be the same work again.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORTH_SHARING_TOKENS = 32


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """Tokens that every prompt starts with, and the model's keys and values for them."""

    length: int
    _cache: DynamicCache | None

    @classmethod
    def read(cls, model: Any, prompts: Sequence[list[int]]) -> SharedPrefix:
        """Find the shared beginning of some prompts and run the model over it.

        Its length is 0 where it is too short to be worth it, and for models whose layers attend
        to a window or keep a state: padding would then stand between the beginning and the rest.

        Args:
            model: A causal language model.
            prompts: Token ids of each prompt.
        """
        length = _shared_length(prompts)
        if length < _WORTH_SHARING_TOKENS or len(prompts) < 2:
            return NOTHING_SHARED
        ids = torch.tensor([prompts[0][:length]], device=model.device)
        cache = model(input_ids=ids, use_cache=True).past_key_values
        plain = isinstance(cache, DynamicCache) and all(
            type(layer) is DynamicLayer for layer in cache.layers
        )
        return cls(length, cache) if plain else NOTHING_SHARED

    def cache_for(self, prompts: int) -> DynamicCache | None:
        """A copy of the keys and values for a batch; ``None`` where nothing is shared."""
        if self._cache is None:
            return None
        cache = copy.deepcopy(self._cache)
        cache.batch_repeat_interleave(prompts)
        return cache


NOTHING_SHARED = SharedPrefix(0, None)
"""For prompts that are read whole."""


def _shared_length(prompts: Sequence[list[int]]) -> int:
    """Tokens that all prompts start with; at least one of each prompt is left to read."""
    shared = len(commonprefix(prompts))  # noqa: RUF071 - of token ids, not of paths
    return min([shared, *(len(prompt) - 1 for prompt in prompts)])
