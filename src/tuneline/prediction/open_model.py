"""An open model on this machine that answers questions, and tells how likely it finds answers."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from transformers import GenerationConfig

from tuneline.errors import ConfigurationError
from tuneline.models.chat import render, to_messages
from tuneline.models.loading import load_config, load_model, load_tokenizer, model_class
from tuneline.models.threads import choose_threads
from tuneline.prediction.answering import TimedAnswers
from tuneline.prediction.asked import read_asked
from tuneline.prediction.decoding import GREEDY, AnswerPlan, Decoding
from tuneline.prediction.generate import Generator
from tuneline.prediction.likelihood import Scorer
from tuneline.prediction.vllm_engine import VllmGenerator, vllm_problem
from tuneline.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tuneline.models.chat import Message
    from tuneline.prediction.answer import Answer
    from tuneline.prediction.likelihood import Likelihood
    from tuneline.prediction.prompts import Question
    from tuneline.prediction.settings import PredictSettings

logger = logging.getLogger("tuneline")

Item = TypeVar("Item")

OpenEngine = Literal["transformers", "vllm"]

_ROWS_AT_ONCE = 4096
"""Rows whose prompts are held together; 900 tokens each are 150 MB."""


@dataclass(slots=True)
class _Found:
    """Answers by the place of their question, and the seconds that they took."""

    answers: dict[int, Answer] = field(default_factory=dict)
    seconds: float = 0.0

    def add_sample(self, place: int, text: str) -> None:
        answer = self.answers[place]
        self.answers[place] = replace(answer, samples=(*answer.samples, text))

    def add_likelihood(self, place: int, found: Likelihood | None) -> None:
        if found is not None:
            self.answers[place] = replace(
                self.answers[place], reference_nll=found.nll, reference_tokens=found.tokens
            )


@dataclass(frozen=True, slots=True)
class _Counted:
    """Shows how far a candidate is: answers, samples and likelihoods each by a count of its own."""

    doing: str
    total: int
    done: int

    def of(self, items: Iterable[Item], unit: str, each: int = 1) -> Iterator[Item]:
        """Pass items on, of which every question has so many."""
        with Progress(self.doing, each * self.total, unit, each * self.done) as progress:
            for item in items:
                yield item
                progress.add()


def choose_engine(settings: PredictSettings) -> OpenEngine:
    """What runs an open model here.

    Raises:
        ConfigurationError: vLLM is wanted and cannot run here.
    """
    if settings.engine == "transformers":
        return "transformers"
    problem = vllm_problem()
    if settings.engine == "vllm" and problem:
        raise ConfigurationError(problem)
    return "transformers" if problem else "vllm"


class OpenModel:
    """An open model, loaded.

    Args:
        folder: Folder of the weights and the tokenizer.
        train: Canonical Parquet of the training split, which the answers' length comes from.
        settings: How to ask.
        base: Folder of the base model, whose generation settings ``decoding: model`` takes: those
            of a tuned model's folder are greedy.

    Raises:
        ConfigurationError: The model cannot be loaded, or vLLM is wanted and cannot run here.
        DataError: The training split is empty or holds what open models cannot take.
    """

    def __init__(self, folder: Path, train: Path, settings: PredictSettings, base: Path) -> None:
        self.engine = choose_engine(settings)
        self._settings = settings
        self._tokenizer = load_tokenizer(folder)
        plan = AnswerPlan(
            max_new_tokens=settings.max_new_tokens
            or longest_answer(self._tokenizer, train, settings),
            batch_size=settings.batch_size,
            decoding=Decoding.of_model(_generation_config(base))
            if settings.decoding == "model"
            else GREEDY,
            samples=settings.samples,
            sample_temperature=settings.sample_temperature,
            seed=settings.seed,
        )
        self._generator: Generator | VllmGenerator
        self._scorer: Scorer | None = None
        if self.engine == "vllm":
            self.parameters = _count_parameters(folder)
            own = _generation_config(folder)
            self._generator = VllmGenerator(folder, self._tokenizer, own, plan)
            if settings.likelihood:
                logger.info("predict: vLLM gives no perplexity; engine 'transformers' does")
            return
        model = load_for_answers(folder)
        self.parameters = model.num_parameters()
        self._generator = Generator(model, self._tokenizer, plan)
        if settings.likelihood:
            self._scorer = Scorer(model, self._tokenizer, settings.batch_size)

    def prompt(self, question: Question) -> str:
        """The prompt of a question as the model sees it, special tokens included."""
        return self._render(to_messages(question.solved))

    def answer(self, questions: Sequence[Question], name: str) -> TimedAnswers:
        """Answer every question, in the order given.

        Args:
            questions: What to ask.
            name: Candidate's name, for the progress.

        Raises:
            DataError: A question holds what open models cannot take.
            MachineError: A single prompt does not fit into the device's memory.
        """
        found = _Found()
        for start in range(0, len(questions), _ROWS_AT_ONCE):
            counted = _Counted(f"predict: {name}", len(questions), start)
            self._work(questions[start : start + _ROWS_AT_ONCE], counted, found)
        answers = [found.answers[i] for i in range(len(questions))]
        if skipped := sum(answer.finish_reason == "prompt_too_long" for answer in answers):
            logger.warning("predict: %s: %d prompts do not fit the model's context", name, skipped)
        logger.info("predict: %s answered %d rows in %.1f s", name, len(answers), found.seconds)
        return TimedAnswers(answers, found.seconds)

    def _work(self, piece: Sequence[Question], counted: _Counted, found: _Found) -> None:
        """Fill ``found`` with the answers, samples and likelihoods of some questions."""
        first, drawn = counted.done, self._settings.samples
        chats = [to_messages(question.solved) for question in piece]
        prompts = [self._render(chat) for chat in chats]
        started = time.monotonic()
        for i, answer in counted.of(self._generator.answer(prompts), "answers"):
            found.answers[first + i] = answer
        found.seconds += time.monotonic() - started
        if drawn:
            for i, text in counted.of(self._generator.sample(prompts), "samples", drawn):
                found.add_sample(first + i, text)
        if self._scorer is not None:
            for i, likelihood in counted.of(self._scorer.score(chats), "likelihoods"):
                found.add_likelihood(first + i, likelihood)

    def _render(self, chat: Sequence[Message]) -> str:
        """A solved chat up to the place where the model answers."""
        return render(self._tokenizer, chat[:-1], generation_prompt=True)


def load_for_answers(folder: Path) -> Any:
    """Load a model onto this machine's device, to be asked and not to be trained."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = "bfloat16" if device == "cuda" else "float32"
    model = load_model(folder, dtype=dtype).to(device).eval()
    choose_threads(model.num_parameters())
    return model


def _count_parameters(folder: Path) -> int:
    """Parameters of a model, counted without its weights."""
    with torch.device("meta"):
        parameters: int = model_class(folder).from_config(load_config(folder)).num_parameters()
    return parameters


def _generation_config(folder: Path) -> GenerationConfig:
    """A model's own generation settings; what its configuration says where it brings none."""
    if (folder / "generation_config.json").is_file():
        return GenerationConfig.from_pretrained(folder, local_files_only=True)
    return GenerationConfig.from_model_config(load_config(folder))


def longest_answer(tokenizer: Any, train: Path, settings: PredictSettings) -> int:
    """A quarter more tokens than the longest training answer, and one for the end of the turn."""
    longest = 0
    answers: set[str] = set()
    for asked in read_asked(train, settings.turns):
        answers.add(asked.reference)
        if len(answers) == _ROWS_AT_ONCE:
            longest = max(longest, _most_tokens(tokenizer, answers))
            answers.clear()
    return 1 + max(longest, _most_tokens(tokenizer, answers)) * 5 // 4


def _most_tokens(tokenizer: Any, texts: set[str]) -> int:
    ids = tokenizer(sorted(texts), add_special_tokens=False)["input_ids"] if texts else []
    return max(map(len, ids), default=0)
