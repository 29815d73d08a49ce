"""How many tokens an example has: by a stated estimate, or by the model's own tokenizer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pyarrow.compute as pc

from tuneline.data.batch import SYSTEM, files_of, texts_of
from tuneline.data.media.mime_types import modality
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tuneline.data.batch import Batch
    from tuneline.data.schema import Example
    from tuneline.data.targets.catalogue import MediaTokens, Modality, ModelEntry
    from tuneline.models.chat import Message

    Counts = np.ndarray[tuple[int], np.dtype[np.uint32]]

_turns, _parts, _last = attrgetter("turns"), attrgetter("parts"), itemgetter(-1)

BYTES_PER_TOKEN = 3.0
"""Bytes of UTF-8 that the estimate takes for one token.

For Latin scripts that is 0.33 tokens a character, just above the 0.231 to 0.317 that the vendor's
tool measured. Counting bytes gives other scripts the more tokens a character that they have: with a
public tokenizer of 151,643 entries (Qwen), one paragraph in each of 16 languages had 2.2 to 6.0
bytes a token, and the estimate was at least 0.96 of the truth in all but Greek (0.73). Runs of
digits, dense JSON and base64 have 1.1 to 2.2 bytes a token, so they are underestimated.
"""

CERTAIN_SHARE = 0.5
"""Share of the estimate that an example has at the least: no text measured was below 0.50 of it."""


class TokenCounts(NamedTuple):
    """Tokens of a batch, example by example.

    ``refused`` says, by index, why the model's chat template takes an example not at all; such an
    example is counted without the template.
    """

    prompt: Counts
    answer: Counts
    refused: Mapping[int, str]

    @property
    def total(self) -> Counts:
        """Prompt and answer together."""
        return self.prompt + self.answer


class TokenCounter(Protocol):
    """Something that counts tokens."""

    @property
    def name(self) -> str:
        """What it is, in a word or by the name of its tokenizer."""
        ...

    @property
    def stated(self) -> str:
        """How it counts and what it leaves out, in a sentence for reports."""
        ...

    @property
    def certain_share(self) -> float:
        """Share of a count that an example has for certain; 1 where the count is exact."""
        ...

    def count(self, batch: Batch) -> TokenCounts:
        """Tokens of every example of a batch."""
        ...

    def tokens_of(self, example: Example) -> int:
        """Tokens of one example, prompt and answer together."""
        ...


def token_counter(tokenizer: str = "", entry: ModelEntry | None = None) -> TokenCounter:
    """The counter for a run: that of a tokenizer where one is named, else the estimate.

    Args:
        tokenizer: Folder or name of a tokenizer; empty for the estimate.
        entry: The target, whose tokens for media files are counted where they are known.

    Raises:
        ConfigurationError: The tokenizer cannot be loaded.
    """
    media = entry.media_tokens if entry else {}
    if not tokenizer:
        return LastBatch(EstimatedTokens(media=media))
    exact = TokenizerTokens(tokenizer, media=media)
    exact.load()
    return LastBatch(exact)


@dataclass(frozen=True)
class EstimatedTokens:
    """One token for so many bytes of UTF-8, rounded up.

    Args:
        bytes_per_token: Bytes that make a token.
        media: Tokens of media files, where known.
    """

    bytes_per_token: float = BYTES_PER_TOKEN
    media: Mapping[Modality, MediaTokens] = field(default_factory=dict)
    certain_share: float = CERTAIN_SHARE

    @property
    def name(self) -> str:
        """What it is."""
        return "estimate"

    @property
    def stated(self) -> str:
        """How it counts."""
        return (
            f"Tokens are estimated as one for every {self.bytes_per_token:g} bytes of text, which "
            "is above what prose has in most languages and below what long numbers and dense JSON "
            f"have. {_stated_media(self.media)} Name a tokenizer to count exactly."
        )

    def count(self, batch: Batch) -> TokenCounts:
        """Tokens of every example, from the lengths of the Arrow column of texts."""
        total, answer = _bytes(batch)
        extra = np.zeros(len(batch.examples), np.float64)
        for index in batch.beyond_text:
            example = batch.examples[index]
            total[index] += len((example.tools or "").encode())
            extra[index] = _media_tokens(example, self.media)
        answers = np.ceil(answer / self.bytes_per_token)
        prompts = np.ceil((total - answer) / self.bytes_per_token) + extra
        return TokenCounts(prompts.astype(np.uint32), answers.astype(np.uint32), {})

    def tokens_of(self, example: Example) -> int:
        """Tokens of one example."""
        answer = sum(len(text.encode()) for text in _answer_texts(example))
        prompt = sum(len(text.text.encode()) for text in texts_of(example)) - answer
        prompt += len((example.tools or "").encode())
        return (
            math.ceil(answer / self.bytes_per_token)
            + math.ceil(prompt / self.bytes_per_token)
            + _media_tokens(example, self.media)
        )


@dataclass(frozen=True)
class TokenizerTokens:
    """Tokens by a tokenizer and its chat template. It is loaded where it first counts.

    Args:
        reference: A folder with a ``tokenizer.json``, or a base model as the trainer takes it.
        media: Tokens of media files, where known.
    """

    reference: str
    media: Mapping[Modality, MediaTokens] = field(default_factory=dict)
    certain_share: float = 1.0

    @property
    def name(self) -> str:
        """The tokenizer's name; of a folder the last step alone: its path is this machine's."""
        path = Path(self.reference)
        return path.name if path.is_dir() else self.reference

    @property
    def stated(self) -> str:
        """How it counts."""
        return (
            f"Tokens are counted by the tokenizer of {self.name} with its chat template; "
            "function calls, responses and declared tools as their JSON text. "
            f"{_stated_media(self.media)}"
        )

    def load(self) -> None:
        """Load the tokenizer now, so that a wrong name fails before any row is read.

        Raises:
            ConfigurationError: There is no such tokenizer, or its libraries are not installed.
        """
        _tokenizer(self.reference)

    def count(self, batch: Batch) -> TokenCounts:
        """Tokens of every example: the whole by the template, the answer by itself."""
        counts = self._count(batch.examples)
        for index in batch.beyond_text:
            counts.prompt[index] += _media_tokens(batch.examples[index], self.media)
        return counts

    def tokens_of(self, example: Example) -> int:
        """Tokens of one example."""
        return int(self._count([example]).total[0]) + _media_tokens(example, self.media)

    def _count(self, examples: Sequence[Example]) -> TokenCounts:
        tokenizer = _tokenizer(self.reference)
        refused: dict[int, str] = {}
        wholes = []
        for index, example in enumerate(examples):
            text, problem = _rendered(tokenizer, example)
            wholes.append(text)
            if problem:
                refused[index] = problem
        whole = _encoded_lengths(tokenizer, wholes)
        answers = ["".join(_answer_texts(example)) for example in examples]
        # A template may trim the answer, which can make the answer alone longer than its share.
        answer = np.minimum(_encoded_lengths(tokenizer, answers), whole)
        return TokenCounts(whole - answer, answer, refused)


class LastBatch:
    """Counts each batch once, however many checks ask for it one after another.

    Args:
        counter: Who counts.
    """

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._last: tuple[Batch, TokenCounts] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_counter": self._counter, "_last": None}

    @property
    def name(self) -> str:
        """The counter's."""
        return self._counter.name

    @property
    def stated(self) -> str:
        """The counter's."""
        return self._counter.stated

    @property
    def certain_share(self) -> float:
        """The counter's."""
        return self._counter.certain_share

    def count(self, batch: Batch) -> TokenCounts:
        """Tokens of every example of a batch."""
        if self._last is None or self._last[0] is not batch:
            self._last = (batch, self._counter.count(batch))
        return self._last[1]

    def tokens_of(self, example: Example) -> int:
        """Tokens of one example."""
        return self._counter.tokens_of(example)


def _bytes(batch: Batch) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Bytes of UTF-8 of each example, and those of its answer."""
    lengths = pc.binary_length(batch.texts.values).to_numpy(zero_copy_only=False)
    before = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    ends = np.searchsorted(batch.texts.owners, np.arange(len(batch.examples)), side="right")
    starts = np.concatenate([[0], ends[:-1]])
    return before[ends] - before[starts], before[ends] - before[batch.answers]


def _answer_texts(example: Example) -> list[str]:
    last = len(example.turns) - 1
    return [text.text for text in texts_of(example) if text.turn == last]


def _media_tokens(example: Example, media: Mapping[Modality, MediaTokens]) -> int:
    """Tokens of an example's images; those of other files hang on lengths that are not here."""
    image = media.get("image")
    if image is None:
        return 0
    given = image.by_resolution.get(example.media_resolution or "default", 0)
    return given * sum(modality(file.mime_type) == "image" for _, _, file in files_of(example))


def _stated_media(media: Mapping[Modality, MediaTokens]) -> str:
    if "image" in media:
        return (
            f"An image counts as its resolution's tokens ({media['image'].source}); audio, video "
            "and documents are not counted."
        )
    return "Media files are not counted: their tokens are not known for this model."


@lru_cache(maxsize=2)
def _tokenizer(reference: str) -> Any:
    try:
        from tuneline.models.loading import load_tokenizer
        from tuneline.models.source import resolve_base_model

        folder = Path(reference).expanduser()
        if not (folder / "tokenizer.json").is_file():
            folder = resolve_base_model(reference).path
        return load_tokenizer(folder)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"tokenizer: {reference!r} needs {error.name}, which is not installed. Run `pip "
            "install 'tuneline[trainer]'`, or leave the tokenizer out for an estimate."
        ) from error
    except ConfigurationError as error:
        problems = [line.replace("base_model:", "tokenizer:", 1) for line in error.problems]
        raise ConfigurationError(problems) from error


def _rendered(tokenizer: Any, example: Example) -> tuple[str, str]:
    """An example as the model sees it, and why the template refuses it, empty where it does not."""
    from tuneline.models.chat import render

    messages = _messages(example)
    tools = example.tools or ""
    try:
        return tools + render(tokenizer, messages), ""
    except ConfigurationError as error:
        return tools + "\n".join(message["content"] for message in messages), str(error)


def _messages(example: Example) -> list[Message]:
    texts: dict[int, list[str]] = {}
    for text in texts_of(example):
        texts.setdefault(text.turn, []).append(text.text)
    messages = [{"role": "system", "content": "".join(texts.get(SYSTEM, []))}]
    for number, turn in enumerate(example.turns):
        role = "assistant" if turn.role == "model" else "user"
        messages.append({"role": role, "content": "".join(texts.get(number, []))})
    return messages if example.system else messages[1:]


def _encoded_lengths(tokenizer: Any, texts: list[str]) -> Counts:
    encoded = tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return np.fromiter(map(len, encoded), np.uint32, len(texts))
