"""Attention over sequences that lie one behind another in one row, each seeing itself alone.

No token is padding then, and no sequence sees another: on GPUs PyTorch's own variable-length flash
attention does it in one kernel; elsewhere each sequence is attended to by itself, which costs
nothing that matters beside the rest of the model.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from tuneline.errors import TunelineError

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKED = "tuneline_packed"
"""Name under which transformers' models find this attention."""

_KERNEL_TYPES = (torch.bfloat16, torch.float16)
_KERNEL_CAPABILITY = (8, 0)  # Ampere, the first that flash attention runs on

_NOT_KNOWN = ("softcap", "s_aux", "cache", "head_mask")
"""What some models ask of attention beside the usual, and this one does not do."""


class CannotPackError(TunelineError):
    """A model asks for something that packed attention does not do."""


def bounds_of(lengths: list[int]) -> dict[str, Any]:
    """The arguments by which a model's layers tell attention where the sequences lie.

    Args:
        lengths: Tokens of each sequence, in their order in the row.
    """
    bounds = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    longest = max(lengths)
    return {
        "cu_seq_lens_q": bounds,
        "cu_seq_lens_k": bounds,
        "max_length_q": longest,
        "max_length_k": longest,
    }


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int = 0,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each sequence of a row.

    Args:
        module: The attention layer.
        query: (1, heads, tokens, size of a head).
        key: (1, key heads, tokens, size of a head).
        value: As ``key``.
        attention_mask: What `_no_mask` gave for this layer.
        cu_seq_lens_q: Where each sequence starts, and the end: (sequences + 1).
        max_length_q: Tokens of the longest sequence.
        scaling: What the products are multiplied by; None: one over the root of a head's size.
        dropout: Share of the attention weights that are dropped.
        sliding_window: How many tokens a token sees, itself included; None: all before it.
        **others: Must hold nothing else that changes attention.

    Returns:
        (1, tokens, heads, size of a head), and no weights.

    Raises:
        CannotPackError: The layer asks for something else, or did not pass on where sequences lie.
    """
    _require_known(module, cu_seq_lens_q, others)
    if attention_mask is not None and attention_mask.numel():
        raise CannotPackError("its layers mask tokens in a way of their own")
    if attention_mask is not None and sliding_window is None:
        raise CannotPackError("its layers see the nearest tokens alone, and do not say how many")
    if query.is_cuda and query.dtype in _KERNEL_TYPES and not dropout and _has_kernel(query.device):
        out = _by_kernel(query, key, value, cu_seq_lens_q, max_length_q, scaling, sliding_window)
    else:
        out = _one_by_one(query, key, value, cu_seq_lens_q, scaling, dropout, sliding_window)
    return out, None


def _require_known(
    module: torch.nn.Module, bounds: torch.Tensor | None, others: Mapping[str, Any]
) -> None:
    if bounds is None:
        raise CannotPackError("its layers do not tell attention where sequences lie")
    if asked := [name for name in _NOT_KNOWN if others.get(name) is not None]:
        raise CannotPackError(f"its attention has {', '.join(asked)}")
    if not others.get("is_causal", getattr(module, "is_causal", True)):
        raise CannotPackError("its attention is not causal")


def _has_kernel(device: torch.device) -> bool:
    capability: tuple[int, int] = torch.cuda.get_device_capability(device)
    return capability >= _KERNEL_CAPABILITY


def _by_kernel(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bounds: Any,
    longest: int,
    scaling: float | None,
    window: int | None,
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    rows = (states[0].transpose(0, 1) for states in (query, key, value))
    out: torch.Tensor = varlen_attn(
        *rows,
        bounds,
        bounds,
        longest,
        longest,
        scale=scaling,
        window_size=(-1 if window is None else window - 1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out.unsqueeze(0)


def _one_by_one(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bounds: Any,
    scaling: float | None,
    dropout: float,
    window: int | None,
) -> torch.Tensor:
    places = bounds.tolist()
    parts = []
    for start, end in pairwise(places):
        mask = None
        if window is not None and end - start > window:
            mask = _window_mask(end - start, window, query.device)
        parts.append(
            scaled_dot_product_attention(
                query[:, :, start:end],
                key[:, :, start:end],
                value[:, :, start:end],
                attn_mask=mask,
                dropout_p=dropout,
                is_causal=mask is None,
                scale=scaling,
                enable_gqa=query.shape[1] != key.shape[1],
            )
        )
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous()


def _window_mask(tokens: int, window: int, device: torch.device) -> torch.Tensor:
    """True where a token (row) sees another (column)."""
    places = torch.arange(tokens, device=device)
    distance = places[:, None] - places[None, :]
    return (distance >= 0) & (distance < window)


def _no_mask(*_: Any, local_size: int | None = None, **__: Any) -> torch.Tensor | None:
    """Nothing, since the bounds say what a mask would; for layers with a window an empty mask.

    By that attention knows of a window also where the layer does not speak of it.
    """
    return None if local_size is None else torch.empty(1, 1, 0, 0)


AttentionInterface.register(PACKED, packed_attention)
AttentionMaskInterface.register(PACKED, _no_mask)
