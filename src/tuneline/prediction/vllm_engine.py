"""Answers through vLLM, where it is installed and a CUDA GPU is there.

The prompts, the stop tokens and the limits are those of `Generator`; only what runs the model is
another. It was written against vLLM's documented offline interface (``LLM.generate`` with prompts
as token ids) and tested with a stand-in of that interface: it was not run on a GPU.
"""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from tuneline.models.chat import stop_token_ids
from tuneline.models.loading import context_length
from tuneline.prediction.decoding import seed_of
from tuneline.prediction.generate import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.prediction.answer import Answer
    from tuneline.prediction.decoding import AnswerPlan, Decoding


def vllm_problem() -> str | None:
    """Say why vLLM cannot run here; None where it can."""
    if find_spec("vllm") is None:
        return (
            "engine: vllm is not installed. Install it (`pip install vllm`, in an environment with "
            "CUDA), or set engine to 'transformers'."
        )
    if not torch.cuda.is_available():
        return (
            "engine: vllm is installed, but torch sees no CUDA GPU. Run on a machine with one, or "
            "set engine to 'transformers'."
        )
    return None


class VllmGenerator:
    """A model in vLLM that answers rendered prompts.

    Args:
        folder: The model's folder.
        tokenizer: Its tokenizer.
        generation_config: Its generation settings, for the tokens that end a turn.
        plan: How answers are written; vLLM chooses its batches by itself.
    """

    def __init__(
        self, folder: Path, tokenizer: Any, generation_config: Any, plan: AnswerPlan
    ) -> None:
        # In this process alone does vLLM answer the same way every time.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        self._vllm = importlib.import_module("vllm")
        self._plan = plan
        stop = stop_token_ids(tokenizer, generation_config)
        self._tokens = Tokens(tokenizer, stop, context_length(folder) - plan.max_new_tokens)
        self._model = self._vllm.LLM(
            model=str(folder),
            dtype="bfloat16",
            seed=plan.seed % 2**32,
            skip_tokenizer_init=True,
            trust_remote_code=False,
            generation_config="vllm",  # the settings are ours, not those in the model's folder
            enable_prefix_caching=True,
        )

    def answer(self, prompts: Sequence[str]) -> Iterator[tuple[int, Answer]]:
        """Answer every prompt, see `Generator.answer`."""
        ids, fitting = self._tokens.ids(prompts)
        yield from self._tokens.not_asked(ids)
        written = self._generate([ids[i] for i in fitting], self._plan.decoding, 1)
        for i, (generated,) in zip(fitting, written, strict=True):
            yield i, self._tokens.answer(ids[i], generated)

    def sample(self, prompts: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Draw further answers to every prompt, see `Generator.sample`."""
        ids, fitting = self._tokens.ids(prompts)
        asked = [ids[i] for i in fitting]
        written = self._generate(asked, self._plan.sampling, self._plan.samples)
        for i, drawn in zip(fitting, written, strict=True):
            for generated in drawn:
                yield i, self._tokens.text(generated)

    def _generate(
        self, prompts: Sequence[list[int]], decoding: Decoding, many: int
    ) -> list[list[list[int]]]:
        """Token ids that the model writes after each prompt, so many times each."""
        requests = self._model.generate(
            [{"prompt_token_ids": prompt} for prompt in prompts],
            [self._sampling(prompt, decoding, many) for prompt in prompts],
            use_tqdm=False,
        )
        return [[list(output.token_ids) for output in request.outputs] for request in requests]

    def _sampling(self, prompt: list[int], decoding: Decoding, many: int) -> Any:
        return self._vllm.SamplingParams(
            n=many,
            max_tokens=self._plan.max_new_tokens,
            stop_token_ids=self._tokens.stop,
            detokenize=False,
            seed=seed_of(self._plan.seed, [prompt]),
            **decoding.for_vllm(),
        )
