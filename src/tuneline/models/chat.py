"""Examples as chats: rendered by the model's own template, with the trained tokens marked.

Training and prediction both come through here, so a model is asked in exactly the form in which it
was tuned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tuneline.data.schema import Example

DEFAULT_CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "### {{ message['role'] | capitalize }}:\n{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}\n\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}### Assistant:\n{% endif %}"
)
"""Template for models that bring none. It is saved with the tuned model's tokenizer."""

IGNORED = -100
"""Label of a token that the loss leaves out, as torch's cross entropy has it."""

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class TrainingSequence:
    """Token ids with a label for each: the id itself where trained, `IGNORED` elsewhere."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trained_tokens(self) -> int:
        """How many tokens the loss falls on."""
        return sum(label != IGNORED for label in self.labels)


def to_messages(example: Example) -> list[Message]:
    """Turn a text example into chat messages with roles system, user and assistant.

    Raises:
        DataError: The example holds files or function calls, which this trainer cannot take.
    """
    messages = [{"role": "system", "content": example.system}] if example.system else []
    if example.tools:
        raise _not_text(example, "tools")
    for turn in example.turns:
        for part in turn.parts:
            if part.text is None:
                kind = "file" if part.file else "function"
                raise _not_text(example, f"a {kind} part")
        role = "assistant" if turn.role == "model" else "user"
        messages.append({"role": role, "content": turn.text})
    return messages


def render(tokenizer: Any, messages: Sequence[Message], *, generation_prompt: bool = False) -> str:
    """Render messages by the tokenizer's chat template.

    Templates of models that can reason first are told not to: the answer alone is learned and
    asked for. Other templates do not read that.

    Raises:
        ConfigurationError: The template refuses these messages, with its own words.
    """
    from jinja2 import TemplateError

    try:
        text: str = tokenizer.apply_chat_template(
            list(messages),
            tokenize=False,
            add_generation_prompt=generation_prompt,
            enable_thinking=False,
        )
    except TemplateError as error:
        raise ConfigurationError(
            f"The chat template of {tokenizer.name_or_path!r} refuses a chat with roles "
            f"{[message['role'] for message in messages]}: {error}"
        ) from error
    return text


def training_sequences(
    tokenizer: Any, messages: Sequence[Message], untrained: Collection[int] = ()
) -> list[TrainingSequence]:
    """Tokenize one chat with the loss on the assistant's tokens and nothing else.

    Where the rendering of every prefix of the chat is a prefix of the whole, which holds for most
    templates, the result is one sequence that trains all assistant turns. Templates that render
    an earlier turn otherwise once more turns follow (those that drop old reasoning) give one
    sequence for each assistant turn, which is the text that the model sees when it is asked.

    Args:
        tokenizer: With the model's chat template.
        messages: The chat.
        untrained: Places of messages that are read and not learned (``weight: 0``).
    """
    answers = [
        i
        for i, message in enumerate(messages)
        if message["role"] == "assistant" and i not in untrained
    ]
    whole = render(tokenizer, messages)
    spans = [_span(tokenizer, messages, i) for i in answers]
    if all(whole.startswith(text) for text, _ in spans):
        return [_encode(tokenizer, whole, [(start, len(text)) for text, start in spans])]
    return [_encode(tokenizer, text, [(start, len(text))]) for text, start in spans]


def _span(tokenizer: Any, messages: Sequence[Message], answer: int) -> tuple[str, int]:
    """Text up to and with an answer, and the place where that answer starts."""
    prompt = render(tokenizer, messages[:answer], generation_prompt=True)
    text = render(tokenizer, messages[: answer + 1])
    if not text.startswith(prompt):
        raise ConfigurationError(
            f"The chat template of {tokenizer.name_or_path!r} renders a generation prompt that an "
            "answered chat does not start with, so a model tuned by it would be asked in another "
            "form than it learned. Give the tokenizer a template whose generation prompt agrees."
        )
    return text, len(prompt)


def _encode(tokenizer: Any, text: str, spans: Sequence[tuple[int, int]]) -> TrainingSequence:
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = encoded["input_ids"]
    labels = [IGNORED] * len(ids)
    for start, end in spans:
        # Tokenizers that trim offsets give a token of spaces alone no width: it still counts.
        inside = [
            i
            for i, (left, right) in enumerate(encoded["offset_mapping"])
            if right > start and left < end
        ]
        for i in _up_to_end_of_turn(tokenizer, ids, inside):
            labels[i] = ids[i]
    return TrainingSequence(ids, labels)


def _up_to_end_of_turn(tokenizer: Any, ids: Sequence[int], inside: Sequence[int]) -> Sequence[int]:
    """Cut what a template puts after the end-of-turn token; it is never generated."""
    # Not `all_special_ids`, which knows only those that have a role such as eos.
    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    ends = [place for place, i in enumerate(inside) if ids[i] in special]
    if not ends:
        raise ConfigurationError(
            f"The chat template of {tokenizer.name_or_path!r} ends the model's turn with no "
            "special token, so a model tuned by it would never stop. Add the end-of-turn token "
            "after the answer in the template."
        )
    return inside[: ends[-1] + 1]


def stop_token_ids(tokenizer: Any, generation_config: Any) -> list[int]:
    """Every token that ends a turn: the template's own, the tokenizer's and the model's."""
    chat = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    (sequence,) = training_sequences(tokenizer, chat)
    last_trained = [label for label in sequence.labels if label != IGNORED][-1]
    configured = generation_config.eos_token_id
    known = configured if isinstance(configured, list) else [configured]
    return sorted({last_trained, tokenizer.eos_token_id, *known} - {None})


def _not_text(example: Example, what: str) -> DataError:
    return DataError(
        f"{example.source}:{example.row}: turns: holds {what}, and open models are tuned on text "
        "here. Remove the row, or tune a Gemini model."
    )
