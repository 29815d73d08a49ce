"""Write the demo's data set: messages to an invented shop, each with the queue that handles it.

Run from the repository's root:

    .venv/bin/python -m embedded.make_tickets

The same rows come out each time. Every message is put together from a queue's ask, often with a
remark that belongs to another queue, and with the greetings, slips and moods of real mail.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tuneline.files import write_text

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


@dataclass(frozen=True, slots=True)
class Ticket:
    """One customer's message and the queue it went to."""

    message: str
    queue: str


def make_tickets(rows: int = ROWS, seed: int = SEED) -> list[Ticket]:
    """Make ``rows`` tickets with different messages, about the same number for each queue."""
    phrases = yaml.safe_load(_SOURCE.read_text(encoding="utf-8"))
    generator = random.Random(seed)
    queues = sorted(phrases["queues"])
    tickets: dict[str, Ticket] = {}
    while len(tickets) < rows:
        ticket = _ticket(phrases, queues[len(tickets) % len(queues)], generator)
        tickets.setdefault(ticket.message.casefold(), ticket)
    shuffled = list(tickets.values())
    generator.shuffle(shuffled)
    return shuffled


def to_jsonl(tickets: list[Ticket]) -> str:
    """Render tickets as JSON Lines with the fields ``prompt`` and ``completion``."""
    rows = ({"prompt": ticket.message, "completion": ticket.queue} for ticket in tickets)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _ticket(phrases: dict[str, Any], queue: str, generator: random.Random) -> Ticket:
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
    return Ticket(message, queue)


def _body(phrases: dict[str, Any], queue: str, ask: str, generator: random.Random) -> list[str]:
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


def _fill(sentence: str, phrases: dict[str, Any], generator: random.Random) -> str:
    return _SLOT.sub(lambda slot: str(generator.choice(phrases["slots"][slot[1]])), sentence)


def _punctuate(sentences: list[str], generator: random.Random) -> str:
    """Join sentences as a hasty or a careful writer does: with or without capitals and marks."""
    if generator.random() < 0.25:
        return " ".join(sentences).lower()
    if generator.random() < 0.2:
        return ", ".join(sentences) + generator.choice(["", "!", "..."])
    mark = generator.choice([".", ".", "!"])
    return " ".join(
        sentence[0].upper() + sentence[1:] + ("?" if _QUESTION.search(sentence) else mark)
        for sentence in sentences
    )


def _mistype(message: str, generator: random.Random) -> str:
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
    print(f"{OUTPUT}: {len(tickets)} tickets, {len({ticket.queue for ticket in tickets})} queues")


if __name__ == "__main__":
    main()
