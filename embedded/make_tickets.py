"""Write the demo's data set: messages to an invented shop, each with the queue that handles it.

Run from the repository's root:

    .venv/bin/python -m embedded.make_tickets

The same rows come out each time. Every message is put together from a queue's ask, often with a
remark that belongs to another queue, and with the greetings, slips and moods of real mail.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.phrases import Row, capitalized, draw_rows, read_phrases, to_jsonl
from tuneline.files import write_text

if TYPE_CHECKING:
    from random import Random

__all__ = ["OUTPUT", "make_tickets", "to_jsonl"]

ROWS = 1600
SEED = 7
OUTPUT = Path("examples/support_tickets/tickets.jsonl")
_SOURCE = Path(__file__).with_name("tickets.yaml")

_AMBIGUOUS_SHARE = 0.07
_REMARK_SHARE = 0.45
_TYPO_SHARE = 0.30
_SLOT = re.compile(r"\{(\w+)\}")
_QUESTION = re.compile(
    r"(^|[:,] |\b(but|however|still|now|yet|that) )"
    r"(how|where|what|when|which|who|why|can|could|may|do|does|is|would|any) ",
    re.IGNORECASE,
)


def make_tickets(rows: int = ROWS, seed: int = SEED) -> list[Row]:
    """Make ``rows`` tickets with different messages, about the same number for each queue.

    A row's prompt is the message, its completion the queue that it went to.
    """
    phrases = read_phrases(_SOURCE)
    queues = sorted(phrases["queues"])
    return draw_rows(
        lambda generator, drawn: _ticket(phrases, queues[drawn % len(queues)], generator),
        rows,
        seed,
    )


def _ticket(phrases: dict[str, Any], queue: str, generator: Random) -> Row:
    if generator.random() < _AMBIGUOUS_SHARE:
        case = generator.choice(phrases["ambiguous"])
        asks, queue = case["asks"], generator.choice(case["queues"])
    else:
        asks = phrases["queues"][queue]["asks"]
    sentences = _body(phrases, queue, generator.choice(asks), generator)
    if generator.random() < 0.5:
        sentences.append(generator.choice(phrases["closings"]))
    if generator.random() < 0.4:
        sentences.insert(0, generator.choice(phrases["greetings"]))
    message = _punctuate([_fill(sentence, phrases, generator) for sentence in sentences], generator)
    if generator.random() < _TYPO_SHARE:
        message = _mistype(message, generator)
    return Row(message, queue)


def _body(phrases: dict[str, Any], queue: str, ask: str, generator: Random) -> list[str]:
    """The ask, with an opener before it, or with another queue's remark before or after it."""
    if generator.random() >= _REMARK_SHARE:
        return [f"{generator.choice(phrases['openers'])} {ask}".strip()]
    other = generator.choice([name for name in sorted(phrases["queues"]) if name != queue])
    remark = generator.choice(phrases["queues"][other]["remarks"])
    match generator.randrange(3):
        case 0:
            return [f"{remark}, {generator.choice(phrases['links'])} {ask}"]
        case 1:
            return [remark, ask]
        case _:
            return [ask, remark]


def _fill(sentence: str, phrases: dict[str, Any], generator: Random) -> str:
    return _SLOT.sub(lambda slot: str(generator.choice(phrases["slots"][slot[1]])), sentence)


def _punctuate(sentences: list[str], generator: Random) -> str:
    """Join sentences as a hasty or a careful writer does: with or without capitals and marks."""
    if generator.random() < 0.25:
        return " ".join(sentences).lower()
    if generator.random() < 0.2:
        return ", ".join(sentences) + generator.choice(["", "!", "..."])
    mark = generator.choice([".", ".", "!"])
    return " ".join(
        capitalized(sentence) + ("?" if _QUESTION.search(sentence) else mark)
        for sentence in sentences
    )


def _mistype(message: str, generator: Random) -> str:
    """Swap, drop or double one or two letters inside words."""
    letters = list(message)
    for _ in range(generator.randint(1, 2)):
        inner = [i for i in range(1, len(letters) - 1) if "".join(letters[i - 1 : i + 2]).isalpha()]
        place = generator.choice(inner)
        match generator.randrange(3):
            case 0:
                letters[place], letters[place + 1] = letters[place + 1], letters[place]
            case 1:
                del letters[place]
            case _:
                letters.insert(place, letters[place])
    return "".join(letters)


def main() -> None:
    """Write the data set and say what it holds."""
    tickets = make_tickets()
    write_text(OUTPUT, to_jsonl(tickets))
    queues = {ticket.completion for ticket in tickets}
    print(f"{OUTPUT}: {len(tickets)} tickets, {len(queues)} queues")


if __name__ == "__main__":
    main()
