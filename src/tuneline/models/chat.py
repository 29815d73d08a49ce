"""Examples as chats: rendered by the model's own template, with the trained tokens marked.

Training and prediction both come through here, so a model is asked in exactly the form in which it
was tuned.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tuneline.data.schema import Example, Part, Turn

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

Message = dict[str, Any]
"""``role``, and ``content``: a text, or for processors a list of parts with a ``type`` each."""


@dataclass(frozen=True, slots=True)
class TrainingSequence:
    """Token ids with a label for each: the id itself where trained, `IGNORED` elsewhere."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trained_tokens(self) -> int:
        """How many tokens the loss falls on."""
        return sum(label != IGNORED for label in self.labels)


def to_messages(example: Example, *, images: bool = False) -> list[Message]:
    """Turn an example into chat messages with roles system, user and assistant.

    Args:
        example: What to turn.
        images: Whether the model's processor takes images; contents are lists of parts then.

    Raises:
        DataError: The example holds what open models cannot take: function calls, files that are
            no images, images where ``images`` is false, or images in an answer.
    """
    if example.tools:
        raise _not_taken(example, "tools", images=images)
    messages = []
    if example.system:
        content = [{"type": "text", "text": example.system}] if images else example.system
        messages.append({"role": "system", "content": content})
    for turn in example.turns:
        parts = [_part(example, turn, part, images=images) for part in turn.parts]
        role = "assistant" if turn.role == "model" else "user"
        messages.append({"role": role, "content": parts if images else turn.text})
    return messages


def images_of(example: Example) -> list[str]:
    """The URIs of an example's images, in the order in which its chat shows them."""
    return [part.file.uri for turn in example.turns for part in turn.parts if part.file]


def _part(example: Example, turn: Turn, part: Part, *, images: bool) -> dict[str, str]:
    if part.text is not None:
        return {"type": "text", "text": part.text}
    if part.file is None:
        raise _not_taken(example, "a function part", images=images)
    if not images:
        raise _not_taken(example, "a file part", images=images)
    if turn.role == "model" or not part.file.mime_type.startswith("image/"):
        raise _not_taken(example, f"{part.file.mime_type} in a {turn.role} turn", images=images)
    return {"type": "image"}


def text_of(message: Message) -> str:
    """What a message says, without its images."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def render(tokenizer: Any, messages: Sequence[Message], *, generation_prompt: bool = False) -> str:
    """Render messages by the tokenizer's chat template.

    Templates of models that can reason first are told not to: the answer alone is learned and
    asked for. Other templates do not read that. Where a template knows no system role, the system
    instruction stands at the beginning of the first user turn.

    Args:
        tokenizer: A tokenizer, or a processor that has one.
        messages: The chat.
        generation_prompt: Whether the text ends where the model begins to answer.

    Raises:
        ConfigurationError: The template refuses these messages, with its own words.
    """
    from jinja2 import TemplateError

    try:
        try:
            return _apply(tokenizer, messages, generation_prompt)
        except TemplateError:
            folded = _without_system_role(messages)
            if folded is None:
                raise
            return _apply(tokenizer, folded, generation_prompt)
    except TemplateError as error:
        raise ConfigurationError(
            f"The chat template of {_name(tokenizer)} refuses a chat with roles "
            f"{[message['role'] for message in messages]}: {error}"
        ) from error


def _apply(tokenizer: Any, messages: Sequence[Message], generation_prompt: bool) -> str:  # noqa: FBT001
    # A processor's template goes through its tokenizer, which takes what templates read.
    text: str = getattr(tokenizer, "tokenizer", tokenizer).apply_chat_template(
        list(messages),
        chat_template=tokenizer.chat_template,
        tokenize=False,
        add_generation_prompt=generation_prompt,
        enable_thinking=False,
    )
    return text


def _without_system_role(messages: Sequence[Message]) -> list[Message] | None:
    """The same chat, its system instruction put before the first user's words, if it can be."""
    if len(messages) < 2 or [message["role"] for message in messages[:2]] != ["system", "user"]:
        return None
    system, first, *rest = messages
    before = f"{text_of(system)}\n\n"
    if isinstance(first["content"], str):
        return [{**first, "content": before + first["content"]}, *rest]
    return [{**first, "content": [{"type": "text", "text": before}, *first["content"]]}, *rest]


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A chat as the model reads it, and what it has to say itself.

    ``answers`` are places in ``text``, in characters: where each answer starts, and where the
    token that ends its turn ends.
    """

    text: str
    answers: tuple[tuple[int, int], ...]


def marked_texts(
    tokenizer: Any,
    messages: Sequence[Message],
    untrained: Collection[int] = (),
    *,
    together: bool = True,
) -> list[MarkedText]:
    """Render one chat with the answers marked, whether or not the template marks them.

    An answer is what follows the rendered prompt, up to and with the token that ends the turn.
    Where the rendering of every prefix of the chat is a prefix of the whole, which holds for most
    templates, the result is one text that marks all answers. Templates that render an earlier turn
    otherwise once more turns follow (those that drop old reasoning) give one text for each answer,
    which is what the model sees when it is asked. So do those whose answered chat is not the
    prompt with the answer behind it, or ends with no special token: there the text is the prompt,
    the answer, and the template's own end of turn or else the tokenizer's ``eos_token``.

    Args:
        tokenizer: With the model's chat template.
        messages: The chat.
        untrained: Places of messages that are read and not learned (``weight: 0``).
        together: Whether several answers may be marked in one text.

    Raises:
        ConfigurationError: The template refuses the chat, or neither it nor the tokenizer has a
            token that ends a turn.
    """
    special = special_tokens(getattr(tokenizer, "tokenizer", tokenizer))
    found = [
        _answered(tokenizer, messages, place, special)
        for place, message in enumerate(messages)
        if message["role"] == "assistant" and place not in untrained
    ]
    if together and len(found) > 1 and all(answer.as_rendered for answer in found):
        whole = found[-1].text
        if all(whole.startswith(answer.text) for answer in found):
            return [MarkedText(whole, tuple((answer.start, answer.end) for answer in found))]
    return [MarkedText(answer.text, ((answer.start, answer.end),)) for answer in found]


@dataclass(frozen=True, slots=True)
class _Answered:
    """A chat up to and with one answer; ``as_rendered``: by the template alone."""

    text: str
    start: int
    end: int
    as_rendered: bool


def _answered(
    tokenizer: Any, messages: Sequence[Message], place: int, special: Sequence[str]
) -> _Answered:
    prompt = render(tokenizer, messages[:place], generation_prompt=True)
    text = render(tokenizer, messages[: place + 1])
    answer = text_of(messages[place])
    # Of characters, not of paths; most texts start with the whole prompt.
    shared = len(prompt if text.startswith(prompt) else commonprefix([prompt, text]))  # noqa: RUF071
    end = _end_of_turn(text, shared, special)
    said = text[shared : end.start].strip() if end else ""
    if end and shared == len(prompt) and said.endswith(answer.strip()):
        return _Answered(text, shared, end.stop, as_rendered=True)
    eos = getattr(tokenizer, "tokenizer", tokenizer).eos_token
    closing = text[end.start : end.stop] if end else eos
    if not closing:
        raise ConfigurationError(
            f"The chat template of {_name(tokenizer)} ends the model's turn with no special token, "
            "and the tokenizer has no eos_token, so a model tuned by it would never stop. Add the "
            "end-of-turn token after the answer in the template."
        )
    text = f"{prompt}{answer}{closing}"
    return _Answered(text, len(prompt), len(text), as_rendered=False)


def _end_of_turn(text: str, start: int, special: Sequence[str]) -> range | None:
    """Place of the last special token behind ``start``: what follows it is never generated."""
    found = (
        range(place, place + len(token))
        for token in special
        if (place := text.rfind(token, start)) >= 0
    )
    return max(found, key=lambda place: place.stop, default=None)


@lru_cache(maxsize=4)
def special_tokens(tokenizer: Any) -> tuple[str, ...]:
    """Every special token as text; not those alone that have a role such as eos."""
    added = tokenizer.added_tokens_decoder  # made anew at each look, of a thousand tokens for some
    return tuple(token.content for token in added.values() if token.special)


def training_sequences(
    tokenizer: Any, messages: Sequence[Message], untrained: Collection[int] = ()
) -> list[TrainingSequence]:
    """Tokenize one chat with the loss on the assistant's tokens and nothing else.

    Args:
        tokenizer: With the model's chat template.
        messages: The chat.
        untrained: Places of messages that are read and not learned (``weight: 0``).

    Raises:
        ConfigurationError: See `marked_texts`.
    """
    return encode(tokenizer, marked_texts(tokenizer, messages, untrained))


def encode(tokenizer: Any, texts: Sequence[MarkedText]) -> list[TrainingSequence]:
    """Tokenize marked texts together; the tokens that touch an answer get labels.

    A token that reaches over an answer's start is trained: the model has to write it.
    """
    encodings = tokenizer.backend_tokenizer.encode_batch(
        [marked.text for marked in texts], add_special_tokens=False
    )
    return [
        _labeled(encoding.ids, encoding.offsets, marked.answers)
        for encoding, marked in zip(encodings, texts, strict=True)
    ]


def _labeled(
    ids: list[int], offsets: list[tuple[int, int]], answers: Sequence[tuple[int, int]]
) -> TrainingSequence:
    labels = [IGNORED] * len(ids)
    lefts = [left for left, _ in offsets]
    rights = [right for _, right in offsets]
    for start, end in answers:
        # Tokenizers that trim offsets give a token of spaces alone no width: it still counts.
        first, behind = bisect_right(rights, start), bisect_left(lefts, end)
        labels[first:behind] = ids[first:behind]
    return TrainingSequence(ids, labels)


def stop_token_ids(speaker: Any, generation_config: Any) -> list[int]:
    """Every token that ends a turn: the template's own, the tokenizer's and the model's.

    Args:
        speaker: The model's tokenizer, or its processor.
        generation_config: The model's own generation settings.
    """
    tokenizer = getattr(speaker, "tokenizer", speaker)
    chat: list[Message] = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "!"},
    ]
    if speaker is not tokenizer:
        chat = [{**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in chat]
    (sequence,) = encode(tokenizer, marked_texts(speaker, chat))
    last_trained = [label for label in sequence.labels if label != IGNORED][-1]
    configured = generation_config.eos_token_id
    known = configured if isinstance(configured, list) else [configured]
    return sorted({last_trained, tokenizer.eos_token_id, *known} - {None})


def _name(tokenizer: Any) -> str:
    return repr(getattr(tokenizer, "name_or_path", type(tokenizer).__name__))


def _not_taken(example: Example, what: str, *, images: bool) -> DataError:
    taken = "text and images of the user" if images else "text"
    return DataError(
        f"{example.source}:{example.row}: turns: holds {what}, and this model is tuned on {taken} "
        "here. Remove the row, or tune a Gemini model."
    )
