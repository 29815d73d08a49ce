"""Answers of an open model to many prompts: batched, greedy, in any order that is fast."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm
from transformers import GenerationConfig

from tuneline.models.chat import stop_token_ids
from tuneline.prediction.shared_prefix import SharedPrefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.prediction.store import FinishReason

logger = logging.getLogger("tuneline")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said to one prompt, and why it ended."""

    text: str
    prompt_tokens: int
    output_tokens: int
    finish_reason: FinishReason


class Generator:
    """A loaded model that answers rendered prompts.

    Args:
        model: A causal language model in evaluation mode; its generation settings are replaced.
        tokenizer: Its tokenizer.
        max_new_tokens: Longest answer in tokens.
        batch_size: Prompts answered together.
    """

    def __init__(self, model: Any, tokenizer: Any, *, max_new_tokens: int, batch_size: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        self._stop = stop_token_ids(tokenizer, model.generation_config)
        # A model's own settings may sample or punish repetition; every candidate answers greedily.
        model.generation_config = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=self._stop,
            pad_token_id=tokenizer.pad_token_id,
        )
        self._room = model.config.get_text_config().max_position_embeddings - max_new_tokens

    def answer(self, prompts: Sequence[str], name: str) -> list[Answer]:
        """Answer every prompt, in the order given.

        A prompt with no room left for an answer in the model's context is not asked: its answer
        is empty, with the reason ``prompt_too_long``.

        Args:
            prompts: Texts rendered by the chat template.
            name: Candidate's name, for the progress.
        """
        ids: list[list[int]] = self._tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
        answers: dict[int, Answer] = {
            i: Answer("", len(prompt), 0, "prompt_too_long")
            for i, prompt in enumerate(ids)
            if len(prompt) > self._room
        }
        # Prompts of one length need no padding; the longest come first, so that a batch that does
        # not fit into memory shows at once.
        order = sorted((i for i in range(len(ids)) if i not in answers), key=lambda i: -len(ids[i]))
        bar = tqdm(total=len(order), desc=f"predict {name}", disable=not sys.stderr.isatty())
        with bar, torch.inference_mode():
            prefix = SharedPrefix.read(self._model, [ids[i] for i in order])
            for start in range(0, len(order), self._batch_size):
                batch = order[start : start + self._batch_size]
                answers.update(
                    zip(batch, self._batch([ids[i] for i in batch], prefix), strict=True)
                )
                bar.update(len(batch))
        if skipped := len(ids) - len(order):
            logger.warning("predict: %s: %d prompts do not fit the model's context", name, skipped)
        return [answers[i] for i in range(len(ids))]

    def _batch(self, prompts: Sequence[list[int]], prefix: SharedPrefix) -> list[Answer]:
        width = max(len(prompt) for prompt in prompts)
        device = self._model.device
        rows = [self._padded(prompt, width, prefix.length) for prompt in prompts]
        output = self._model.generate(
            input_ids=torch.tensor([ids for ids, _ in rows], device=device),
            attention_mask=torch.tensor([mask for _, mask in rows], device=device),
            past_key_values=prefix.cache_for(len(prompts)),
        )
        return [
            self._read(len(prompt), row)
            for prompt, row in zip(prompts, output[:, width:].tolist(), strict=True)
        ]

    def _padded(self, prompt: list[int], width: int, shared: int) -> tuple[list[int], list[int]]:
        """Token ids and attention mask of a prompt, padded behind the shared beginning."""
        missing = width - len(prompt)
        ids = prompt[:shared] + [self._tokenizer.pad_token_id] * missing + prompt[shared:]
        return ids, [1] * shared + [0] * missing + [1] * (len(prompt) - shared)

    def _read(self, prompt_tokens: int, generated: list[int]) -> Answer:
        stop = set(self._stop)
        end = next((i for i, token in enumerate(generated) if token in stop), None)
        kept = generated if end is None else generated[:end]
        text = self._tokenizer.decode(
            kept, skip_special_tokens=True, clean_up_tokenization_spaces=False
        ).strip()
        return Answer(text, prompt_tokens, len(kept), "length" if end is None else "stop")
