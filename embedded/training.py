"""Training the embedded model from scratch: a plain loop, the same weights every time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from embedded.tokenizer import CONTEXT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from embedded.instructions import Chat

THREADS = 1
"""One thread sums in one order, whatever the machine is busy with."""

SEED = 1
BATCH_SIZE = 32
LEARNING_RATE = 4e-3
WARMUP_SHARE = 0.05
WEIGHT_DECAY = 0.05

_BATCHES_SORTED_TOGETHER = 16
_IGNORED = -100

Encoded = tuple[list[int], list[int]]
"""A chat's token ids and labels."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids, attention mask and labels, each (chats, tokens), padded on the right.

    Labels are the ids of the answers' tokens and -100 elsewhere.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor


def make_configuration(tokenizer: PreTrainedTokenizerFast) -> Qwen3Config:
    """The architecture: small enough to tune in seconds on a CPU."""
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=CONTEXT_LENGTH,
        tie_word_embeddings=True,
        initializer_range=0.04,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def train(
    corpus: list[Chat], tokenizer: PreTrainedTokenizerFast, configuration: Qwen3Config
) -> Qwen3ForCausalLM:
    """Train once through the corpus.

    Returns:
        The model in evaluation mode, float32.
    """
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(SEED)
    model = Qwen3ForCausalLM(configuration)
    model.train()
    batches = make_batches(corpus, tokenizer)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _learning_rate_factor(step, len(batches))
    )
    progress = tqdm(batches, desc="train", unit="step")
    for step, batch in enumerate(progress):
        loss = model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels
        ).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 20 == 0:
            progress.set_postfix(loss=f"{loss.item():.3f}")
    return model.eval()


def make_batches(corpus: list[Chat], tokenizer: PreTrainedTokenizerFast) -> list[Batch]:
    """Batches of chats of like length, in the corpus's order but for windows of some batches."""
    encoded = [_encode(chat, tokenizer) for chat in tqdm(corpus, desc="encode", unit="chat")]
    pad = int(tokenizer.pad_token_id)
    return [_collate(group, pad) for group in _groups_of_like_length(encoded, Random(SEED))]


def _encode(chat: Chat, tokenizer: PreTrainedTokenizerFast) -> Encoded:
    encoded = tokenizer.apply_chat_template(
        chat, return_dict=True, return_assistant_tokens_mask=True
    )
    ids, answers = encoded["input_ids"], encoded["assistant_masks"]
    return ids, [i if answer else _IGNORED for i, answer in zip(ids, answers, strict=True)]


def _groups_of_like_length(encoded: list[Encoded], generator: Random) -> Iterator[list[Encoded]]:
    window = BATCH_SIZE * _BATCHES_SORTED_TOGETHER
    for start in range(0, len(encoded), window):
        near = sorted(encoded[start : start + window], key=lambda pair: len(pair[0]))
        groups = [near[i : i + BATCH_SIZE] for i in range(0, len(near), BATCH_SIZE)]
        generator.shuffle(groups)
        yield from groups


def _collate(group: list[Encoded], pad: int) -> Batch:
    length = max(len(ids) for ids, _ in group)
    return Batch(
        torch.tensor([ids + [pad] * (length - len(ids)) for ids, _ in group]),
        torch.tensor([[1] * len(ids) + [0] * (length - len(ids)) for ids, _ in group]),
        torch.tensor([labels + [_IGNORED] * (length - len(labels)) for _, labels in group]),
    )


def _learning_rate_factor(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to a hundredth."""
    warmup = max(1, int(steps * WARMUP_SHARE))
    if step < warmup:
        return (step + 1) / warmup
    return 0.01 + 0.99 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
