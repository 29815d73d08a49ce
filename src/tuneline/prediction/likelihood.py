"""How likely a model finds the right answers: the very loss that tuning lowers, on held-out rows.

The negative log-likelihood of an answer is that of its tokens, end of turn included, each given
the prompt and the answer's true tokens before it. The tokens are those that training would train
(`tuneline.models.chat.training_sequences`), so over the same rows the sum of the values divided by
the sum of the tokens is the trainer's validation loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from tuneline.models.chat import IGNORED, TrainingSequence, training_sequences
from tuneline.models.loading import longest_sequence
from tuneline.prediction.batches import Batches, device_memory
from tuneline.prediction.shared_prefix import SharedPrefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.models.chat import Message

_LOGITS_AT_ONCE = 2**27
"""Logits that are held at one time; 0.5 GiB in 32 bits."""


class Likelihood(NamedTuple):
    """Sum of the negative log-likelihoods of an answer's tokens in nats, and their number."""

    nll: float
    tokens: int


@dataclass(frozen=True, slots=True)
class _Answered:
    """A chat as token ids; the answer's are those from ``start`` to ``end``."""

    sequence: TrainingSequence
    start: int
    end: int

    @classmethod
    def of(cls, sequence: TrainingSequence) -> _Answered:
        trained = [i for i, label in enumerate(sequence.labels) if label != IGNORED]
        return cls(sequence, trained[0], trained[-1] + 1)

    @property
    def tokens(self) -> int:
        return len(self.sequence.input_ids)

    @property
    def prompt(self) -> list[int]:
        return self.sequence.input_ids[: self.start]


class Scorer:
    """A loaded model that tells how likely it finds given answers.

    Args:
        model: A causal language model in evaluation mode.
        tokenizer: Its tokenizer.
        batch_size: Most chats that are read together.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._batches = Batches(batch_size)
        self._context = longest_sequence(model.config)
        self._rows_of_logits = _LOGITS_AT_ONCE // model.config.get_text_config().vocab_size

    def score(self, chats: Sequence[Sequence[Message]]) -> Iterator[tuple[int, Likelihood | None]]:
        """Likelihood of the last message of each chat, given those before it.

        Each comes with its chat's place; None for a chat that does not fit the model's context.

        Args:
            chats: Each ends with the assistant's right answer.

        Raises:
            MachineError: A single chat does not fit into the device's memory.
        """
        read = [self._encode(chat) for chat in chats]
        order = sorted(range(len(read)), key=lambda i: -read[i].tokens)
        while order and read[order[0]].tokens > self._context:
            yield order.pop(0), None
        with device_memory("The beginning that all prompts share"), torch.inference_mode():
            prefix = SharedPrefix.read(self._model, [read[i].prompt for i in order])
        yield from self._batches.run(
            self._cut(order, read), lambda batch: self._batch([read[i] for i in batch], prefix)
        )

    def _encode(self, chat: Sequence[Message]) -> _Answered:
        (sequence,) = training_sequences(self._tokenizer, chat, untrained=range(len(chat) - 1))
        return _Answered.of(sequence)

    def _cut(self, order: Sequence[int], chats: Sequence[_Answered]) -> Iterator[list[int]]:
        """Batches whose logits do not exceed the bound; a single chat may."""
        batch: list[int] = []
        for i in order:
            together = [chats[j] for j in (*batch, i)]
            span = max(chat.end for chat in together) - min(chat.start for chat in together)
            if batch and (
                len(batch) == self._batches.size or len(together) * span > self._rows_of_logits
            ):
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def _batch(self, chats: Sequence[_Answered], prefix: SharedPrefix) -> list[Likelihood]:
        device = self._model.device
        ids, mask, labels = (
            torch.tensor(rows, device=device) for rows in self._padded(chats, prefix.length)
        )
        # The logits at one place are those of the next token, so they start one before an answer.
        first = min(chat.start for chat in chats) - 1
        end = max(chat.end for chat in chats) - 1
        cache = prefix.cache_for(len(chats))
        kept = torch.arange(first - prefix.length, end - prefix.length, device=device)
        with torch.inference_mode():
            logits = self._model(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=cache is not None,
                logits_to_keep=kept,
            ).logits
        targets = labels[:, first + 1 : end + 1]
        trained = targets != IGNORED
        losses = cross_entropy(logits[trained].float(), targets[trained], reduction="none")
        counts = trained.sum(dim=1).tolist()
        return [
            Likelihood(float(part.double().sum()), count)
            for part, count in zip(losses.split(counts), counts, strict=True)
        ]

    def _padded(
        self, chats: Sequence[_Answered], shared: int
    ) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
        """Token ids behind the shared beginning, attention mask and labels, padded at the end."""
        width = max(chat.tokens for chat in chats)
        ids, mask, labels = [], [], []
        for chat in chats:
            own, missing = chat.sequence.input_ids, width - chat.tokens
            ids.append(own[shared:] + [self._tokenizer.pad_token_id] * missing)
            mask.append([1] * len(own) + [0] * missing)
            labels.append(chat.sequence.labels + [IGNORED] * missing)
        return ids, mask, labels
