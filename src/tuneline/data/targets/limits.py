"""What a managed model takes of one example: the service's refusals, said before it is paid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.batch import files_of
from tuneline.data.checks.beyond_text import (
    with_media_resolution,
    with_system,
    with_untrained_turns,
)
from tuneline.data.checks.rule import Hit, Rule
from tuneline.data.media.mime_types import modality
from tuneline.data.targets.kinds import has_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuneline.data.batch import Batch
    from tuneline.data.schema import File
    from tuneline.data.targets.catalogue import Modality, ModelEntry, Support
    from tuneline.data.targets.tokens import TokenCounter

    BatchCheck = Callable[[Batch], Iterator[Hit]]

_TOO_MANY = {
    "image": "too_many_images",
    "audio": "too_many_audio_files",
    "video": "too_many_videos",
    "document": "too_many_documents",
}
_TAKE_OUT = "Take the rows out, or tune a model that takes them."

RULES: tuple[Rule, ...] = (
    Rule(
        "over_token_limit",
        "error",
        "The example is longer than the target model trains on.",
        "Shorten it, or choose a target with a higher limit.",
    ),
    Rule(
        "may_be_over_token_limit",
        "warn",
        "By the estimate of tokens the example may be longer than the target model trains on.",
        "Name the model's tokenizer to know, or shorten it.",
    ),
    Rule(
        "too_many_tokens",
        "error",
        "The example has more tokens than max_tokens.",
        "Raise max_tokens, shorten it, or set over_length to truncate.",
    ),
    Rule(
        "template_refuses_chat",
        "error",
        "The chat template of the tokenizer does not take the conversation.",
        "Change the roles as the message says, or name another tokenizer.",
    ),
    *(
        Rule(
            code,
            "error",
            f"The example has more {kind} files than the target model takes in one example.",
            "Split the example, or take files out.",
        )
        for kind, code in _TOO_MANY.items()
    ),
    Rule(
        "unsupported_modality",
        "error",
        "The example holds a kind of file that the target model does not take.",
        _TAKE_OUT,
    ),
    Rule(
        "unsupported_mime_type",
        "error",
        "The example holds a file of a MIME type that the target model does not take.",
        "Convert the file, or correct its MIME type.",
    ),
    Rule(
        "unsupported_media_resolution",
        "error",
        "The example names a media resolution that the target model does not take.",
        "Use one of the resolutions that the message lists.",
    ),
    Rule(
        "function_calls_unsupported",
        "error",
        "The example holds function calls or responses, which the target model does not take.",
        _TAKE_OUT,
    ),
    Rule(
        "tools_unsupported",
        "error",
        "The example declares tools, which the target model does not take.",
        _TAKE_OUT,
    ),
    Rule(
        "turn_weights_unsupported",
        "error",
        "The example leaves a model's turn out of the loss, and the service would train it.",
        "Cut the conversation before that turn, or train with a tuner that knows weights.",
    ),
    Rule(
        "system_unsupported",
        "error",
        "The example has a system instruction, which the target model does not take.",
        "Set drop_system, or put the instruction into the first prompt.",
    ),
    Rule(
        "target_support_unsure",
        "warn",
        "The example holds what the target model is not known to take.",
        "Try a few rows first, or take them out.",
    ),
)


_FEATURES: dict[str, tuple[str, str, str]] = {
    "tools": ("tools_unsupported", "tools", "declared tools"),
    "function_calls": ("function_calls_unsupported", "", "function calls or responses"),
    "turn_weights": ("turn_weights_unsupported", "", "a model's turn outside the loss"),
    "system": ("system_unsupported", "", "a system instruction"),
}
"""By feature: its rule, its field where all shapes agree on one, and its name for messages."""


def token_and_target_checks(
    counter: TokenCounter, entry: ModelEntry | None, max_tokens: int
) -> list[BatchCheck]:
    """The batch checks of a run that count tokens or know the target.

    Args:
        counter: The run's counter.
        entry: The target, if one is named.
        max_tokens: The user's limit; 0 for none.
    """
    checks: list[BatchCheck] = [ChatTemplate(counter)] if counter.certain_share == 1 else []
    if max_tokens:
        checks.append(TokenLimit(counter, max_tokens))
    if entry is not None:
        checks.append(TargetChecks(entry, counter))
    return checks


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """Finds conversations that the tokenizer's chat template refuses."""

    counter: TokenCounter

    def __call__(self, batch: Batch) -> Iterator[Hit]:
        """One hit for each example that the template refuses, in its words."""
        for index, problem in self.counter.count(batch).refused.items():
            yield Hit(index, "template_refuses_chat", "", problem)


@dataclass(frozen=True, slots=True)
class TokenLimit:
    """Finds examples with more tokens than ``max_tokens``, a setting of the user's."""

    counter: TokenCounter
    max_tokens: int

    def __call__(self, batch: Batch) -> Iterator[Hit]:
        """One hit for each example over the limit."""
        total = self.counter.count(batch).total
        for index in np.flatnonzero(total > self.max_tokens).tolist():
            yield Hit(
                index,
                "too_many_tokens",
                "",
                f"has {total[index]:,} tokens ({self.counter.name}) and max_tokens is "
                f"{self.max_tokens:,}.",
            )


@dataclass(frozen=True, slots=True)
class TargetChecks:
    """Finds examples that a managed model would refuse, drop or misread."""

    entry: ModelEntry
    counter: TokenCounter

    def __call__(self, batch: Batch) -> Iterator[Hit]:
        """Hits for everything that the catalogue says the model does not take."""
        yield from self._tokens(batch)
        yield from self._media_resolution(batch)
        if self.entry.turn_weights != "yes":
            for index in with_untrained_turns(batch.examples):
                yield self._judged(index, self.entry.turn_weights, "turn_weights")
        if self.entry.system != "yes":
            for index in with_system(batch.examples):
                yield self._judged(index, self.entry.system, "system")
        for index in batch.beyond_text:
            yield from self._functions(batch, index)
            yield from self._files(batch, index)

    def _tokens(self, batch: Batch) -> Iterator[Hit]:
        limit = self.entry.max_example_tokens
        if isinstance(limit, str):
            return
        total = self.counter.count(batch).total
        for index in np.flatnonzero(total > limit).tolist():
            tokens = int(total[index])
            least = int(tokens * self.counter.certain_share)
            if least > limit:
                code, said = "over_token_limit", "has"
            else:
                code, said = "may_be_over_token_limit", f"has {least:,} or more, perhaps"
            yield Hit(
                index,
                code,
                "",
                f"{said} {tokens:,} tokens ({self.counter.name}) and {self.entry.id} takes "
                f"{limit:,} in an example, prompt and answer together.",
            )

    def _media_resolution(self, batch: Batch) -> Iterator[Hit]:
        taken = self.entry.media_resolutions
        for index in with_media_resolution(batch.examples):
            given = batch.examples[index].media_resolution
            field = "generationConfig.mediaResolution"
            if taken == "unknown":
                yield self._unsure(index, field, "a media resolution", "unknown")
            elif given not in taken:
                yield Hit(
                    index,
                    "unsupported_media_resolution",
                    field,
                    f"is {given!r}; {self.entry.id} takes {', '.join(taken)}.",
                )

    def _functions(self, batch: Batch, index: int) -> Iterator[Hit]:
        example = batch.examples[index]
        if example.tools and self.entry.tools != "yes":
            yield self._judged(index, self.entry.tools, "tools")
        if self.entry.function_calls != "yes" and has_functions(example):
            yield self._judged(index, self.entry.function_calls, "function_calls")

    def _files(self, batch: Batch, index: int) -> Iterator[Hit]:
        example = batch.examples[index]
        found: defaultdict[Modality, int] = defaultdict(int)
        for turn, part, file in files_of(example):
            kind = modality(file.mime_type)
            problem = self._file_problem(file, kind)
            if problem:
                yield Hit(index, problem[0], batch.shape.field(example, turn, part), problem[1])
            elif kind:
                found[kind] += 1
        for name, count in found.items():
            limit = self.entry.media.get(name)
            if limit and not isinstance(limit.files, str) and count > limit.files:
                yield Hit(
                    index,
                    _TOO_MANY[name],
                    "",
                    f"has {count} {name} files and {self.entry.id} takes {limit.files} in an "
                    "example.",
                )

    def _file_problem(self, file: File, kind: Modality | None) -> tuple[str, str] | None:
        if kind is None:
            return "unsupported_mime_type", f"{file.mime_type!r} is no MIME type of media."
        if kind not in self.entry.modalities:
            takes = ", ".join(self.entry.modalities)
            return "unsupported_modality", f"is {kind}; {self.entry.id} takes {takes}."
        limit = self.entry.media.get(kind)
        if limit is None or isinstance(limit.mime_types, str):
            return None
        if file.mime_type.strip().lower() not in limit.mime_types:
            takes = ", ".join(limit.mime_types)
            return (
                "unsupported_mime_type",
                f"has MIME type {file.mime_type!r}; {self.entry.id} takes {takes}.",
            )
        return None

    def _judged(self, index: int, support: Support, name: str) -> Hit:
        code, field, what = _FEATURES[name]
        if support == "no":
            return Hit(index, code, field, f"holds {what}, which {self.entry.id} does not take.")
        return self._unsure(index, field, what, support)

    def _unsure(self, index: int, field: str, what: str, support: Support) -> Hit:
        why = (
            "which is documented and reported as refused"
            if support == "disputed"
            else "of which no page says whether it is taken"
        )
        return Hit(
            index, "target_support_unsure", field, f"holds {what}, {why} by {self.entry.id}."
        )
