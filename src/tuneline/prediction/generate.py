"""Answers of an open model to many prompts: batched, in any order that is fast."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

from tuneline.models.chat import stop_token_ids
from tuneline.models.loading import longest_sequence
from tuneline.prediction.answer import Answer
from tuneline.prediction.batches import Batches, device_memory
from tuneline.prediction.decoding import seed_of
from tuneline.prediction.shared_prefix import NOTHING_SHARED, SharedPrefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from tuneline.prediction.answer import FinishReason
    from tuneline.prediction.decoding import AnswerPlan, Decoding


class Tokens:
    """Between texts and token ids, the same for every engine.

    Args:
        tokenizer: The model's tokenizer.
        stop: Tokens that end an answer.
        room: Longest prompt that leaves room for an answer, in tokens.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[int], room: int) -> None:
        self._tokenizer = tokenizer
        self.stop = list(stop)
        self.room = room

    def ids(self, prompts: Sequence[str]) -> tuple[list[list[int]], list[int]]:
        """Token ids of each prompt, and the places of those that leave room for an answer."""
        ids: list[list[int]] = self._tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
        return ids, [i for i, prompt in enumerate(ids) if len(prompt) <= self.room]

    def not_asked(self, ids: Sequence[Sequence[int]]) -> Iterator[tuple[int, Answer]]:
        """The empty answers of prompts that leave no room, with their places."""
        for i, prompt in enumerate(ids):
            if len(prompt) > self.room:
                yield i, Answer("", len(prompt), 0, "prompt_too_long")

    def answer(self, prompt: Sequence[int], generated: Sequence[int]) -> Answer:
        """What generated token ids say, and why they ended."""
        kept, ended = self._cut(generated)
        reason: FinishReason = "stop" if ended else "length"
        return Answer(self._text(kept), len(prompt), len(kept), reason)

    def text(self, generated: Sequence[int]) -> str:
        """What generated token ids say."""
        return self._text(self._cut(generated)[0])

    def _cut(self, generated: Sequence[int]) -> tuple[Sequence[int], bool]:
        stop = set(self.stop)
        end = next((i for i, token in enumerate(generated) if token in stop), None)
        return (generated, False) if end is None else (generated[:end], True)

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text.strip()


class Generator:
    """A loaded model that answers rendered prompts.

    Args:
        model: A causal language model in evaluation mode; its generation settings are replaced.
        tokenizer: Its tokenizer.
        plan: How answers are written.
    """

    def __init__(self, model: Any, tokenizer: Any, plan: AnswerPlan) -> None:
        self._model = model
        self._padding = tokenizer.pad_token_id
        self._plan = plan
        self._batches = Batches(plan.batch_size)
        context: int = longest_sequence(model.config)
        stop = stop_token_ids(tokenizer, model.generation_config)
        self._tokens = Tokens(tokenizer, stop, context - plan.max_new_tokens)

    def answer(self, prompts: Sequence[str]) -> Iterator[tuple[int, Answer]]:
        """Answer every prompt; each answer comes with its prompt's place when it is there.

        A prompt with no room left for an answer in the model's context is not asked: its answer
        is empty, with the reason ``prompt_too_long``.

        Args:
            prompts: Texts rendered by the chat template.

        Raises:
            MachineError: A single prompt does not fit into the device's memory.
        """
        ids, fitting = self._tokens.ids(prompts)
        yield from self._tokens.not_asked(ids)
        asked = [ids[i] for i in fitting]
        for order, generated in self._generate(asked, self._plan.decoding):
            i = fitting[order]
            yield i, self._tokens.answer(ids[i], generated)

    def sample(self, prompts: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Draw further answers to every prompt, as many as planned; none where it has no room.

        Each comes with its prompt's place.

        Args:
            prompts: Texts rendered by the chat template.

        Raises:
            MachineError: A single prompt does not fit into the device's memory.
        """
        ids, fitting = self._tokens.ids(prompts)
        repeated = [i for i in fitting for _ in range(self._plan.samples)]
        asked = [ids[i] for i in repeated]
        for order, generated in self._generate(asked, self._plan.sampling):
            yield repeated[order], self._tokens.text(generated)

    def _generate(
        self, prompts: Sequence[list[int]], decoding: Decoding
    ) -> Iterator[tuple[int, list[int]]]:
        """Place of each prompt, and the token ids that the model writes after it."""
        # A model's own settings may sample or punish repetition; every candidate answers alike.
        self._model.generation_config = decoding.for_transformers(
            max_new_tokens=self._plan.max_new_tokens, stop=self._tokens.stop, padding=self._padding
        )
        # Prompts of one length need no padding; the longest come first, so that a batch that does
        # not fit into memory shows at once.
        order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
        prefix = NOTHING_SHARED
        if decoding.shares_prefixes:
            with device_memory("The beginning that all prompts share"), torch.inference_mode():
                prefix = SharedPrefix.read(self._model, [prompts[i] for i in order])
        return self._batches.run(
            [order], lambda batch: self._batch([prompts[i] for i in batch], prefix, decoding)
        )

    def _batch(
        self, prompts: Sequence[list[int]], prefix: SharedPrefix, decoding: Decoding
    ) -> list[list[int]]:
        width = max(len(prompt) for prompt in prompts)
        device = self._model.device
        rows = [self._padded(prompt, width, prefix.length) for prompt in prompts]
        with self._randomness(prompts, decoding), torch.inference_mode():
            output = self._model.generate(
                input_ids=torch.tensor([ids for ids, _ in rows], device=device),
                attention_mask=torch.tensor([mask for _, mask in rows], device=device),
                past_key_values=prefix.cache_for(len(prompts)),
            )
        written: list[list[int]] = output[:, width:].tolist()
        return written

    def _randomness(
        self, prompts: Sequence[list[int]], decoding: Decoding
    ) -> AbstractContextManager[None]:
        if decoding.temperature == 0:
            return nullcontext()
        return _seeded(seed_of(self._plan.seed, prompts), self._model.device)

    def _padded(self, prompt: list[int], width: int, shared: int) -> tuple[list[int], list[int]]:
        """Token ids and attention mask of a prompt, padded behind the shared beginning."""
        missing = width - len(prompt)
        ids = prompt[:shared] + [self._padding] * missing + prompt[shared:]
        return ids, [1] * shared + [0] * missing + [1] * (len(prompt) - shared)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
