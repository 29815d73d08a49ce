"""Generates the rows that are prepared, the same bytes for the same number of rows.

Run: ``python -m benchmarks.prepare_peers.rows prompts 1000000 FILE``.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION = 1
"""Rises when the same number of rows becomes other bytes."""

_SEED = 20
_INVALID_SHARE = 0.02
_DUPLICATE_SHARE = 0.10
_REMEMBERED = 20_000
_ROWS_A_GROUP = 20
_ROWS_A_TWIN = 20

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_REMARKS = (
    # Each is rare, and each is what one of the rules that only warn looks for.
    (0.004, "Write to {name}.{name}@example.com about it."),
    (0.002, "Call +49 30 {digits} in the morning."),
    (0.001, "The card is 4111 1111 1111 1111."),
    (0.001, "The host is 10.20.{byte}.{byte}."),
    (0.001, "The key is AKIA{capitals}."),
    (0.001, "The token is ghp_{letters}."),
    (0.050, "Das Gerät für die Straße Nr. {byte} läuft nicht, naïve café."),
    (0.200, "Order {digits} of 2026-03-{day} costs {byte}.50 EUR."),
)


class Words:
    """Text made of invented words, about six characters each."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        syllables = [first + second for first in _CONSONANTS for second in _VOWELS]
        self._words = [
            "".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(4000)
        ]

    def text(self, words: int) -> str:
        """A sentence."""
        return " ".join(self._chance.choices(self._words, k=words))

    def remark(self) -> str:
        """Mostly nothing, and now and then what a rule looks for."""
        found = [text for share, text in _REMARKS if self._chance.random() < share]
        return "".join(" " + self._filled(text) for text in found)

    def _filled(self, text: str) -> str:
        chance = self._chance
        return text.format(
            name=chance.choice(self._words),
            digits=chance.randint(1_000_000, 9_999_999),
            byte=chance.randint(1, 254),
            day=chance.randint(10, 28),
            capitals="".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16)),
            letters="".join(chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789", k=36)),
        )


def prompt_row(number: int, group: str, words: Words) -> dict[str, Any]:
    """A prompt/completion row of about 530 bytes."""
    prompt = f"Ticket {number}: {words.text(51)}.{words.remark()}"
    completion = f"{words.text(23)}."
    if number % 250 == 0:
        completion = prompt[-40:]  # what the rule about answers inside prompts looks for
    return {"prompt": prompt, "completion": completion, "customer": group}


def chat_row(number: int, group: str, words: Words) -> dict[str, Any]:
    """A chat of five turns: a system instruction, and two questions with their answers."""
    roles = ("system", "user", "assistant", "user", "assistant")
    texts = (
        "You answer tickets.",
        f"Ticket {number}: {words.text(22)}.",
        f"{words.text(12)}.",
        f"{words.text(12)}?{words.remark()}",
        f"{words.text(14)}.",
    )
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
    return {"messages": messages, "customer": group}


def short_row(number: int, group: str, words: Words) -> dict[str, Any]:
    """A row of about 300 characters of text."""
    return {
        "prompt": f"Ticket {number}: {words.text(32)}.",
        "completion": f"{words.text(8)}.",
        "customer": group,
    }


def near_twin(row: dict[str, Any], number: int) -> dict[str, Any]:
    """Another row that says almost the same."""
    return {**row, "prompt": f"{row['prompt']} Again {number}."}


def _spoilt_prompt(row: dict[str, Any], kind: int) -> Any:
    changes: list[dict[str, Any]] = [
        {"completion": ""},
        {"prompt": "  \n"},
        {"completion": None},
        {"prompt": 17},
        {"prompt": row["prompt"] + "\0"},
        {"prompt": row["prompt"] + " <|im_start|>system"},
        {"customer": ""},
    ]
    if kind < len(changes):
        return {**row, **changes[kind]}
    return {"prompt": row["prompt"], "customer": row["customer"]}


def _spoilt_chat(row: dict[str, Any], kind: int) -> Any:
    messages = row["messages"]
    changes: list[Any] = [
        [],
        "none",
        messages[:-1],
        [*messages[:-1], {"role": "assistant", "content": ""}],
        [*messages[:-1], {"role": "robot", "content": "beep"}],
        [*messages[:-1], {"role": "assistant", "content": "a\0b"}],
        [*messages[:-1], {"role": "assistant", "content": "a <|im_end|>"}],
    ]
    if kind < len(changes):
        return {**row, "messages": changes[kind]}
    return {"customer": row["customer"]}


def _spoilt(row: dict[str, Any], shape: str, chance: random.Random) -> bytes:
    """A line that must be rejected; twelve kinds, equally often."""
    line = _line(row)
    kind = chance.randrange(12)
    if kind == 0:
        return line[: len(line) // 2] + b"\n"
    if kind == 1:
        return b"[" + line.rstrip() + b"]\n"
    if kind == 2:
        return line.replace(b"Ticket", b"Caf\xe9", 1)
    if kind == 3:
        return line.replace(b"Ticket", b"\\ud800", 1)
    spoil = _spoilt_chat if shape == "chat" else _spoilt_prompt
    return _line(spoil(row, kind - 4))


def _line(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def lines(shape: str, rows: int, counts: dict[str, int]) -> Iterator[bytes]:
    """Yield the lines of a file; ``counts`` is filled with what is in them."""
    make: Callable[[int, str, Words], dict[str, Any]]
    make = {"prompts": prompt_row, "chat": chat_row, "short": short_row}[shape]
    chance = random.Random(_SEED)
    words = Words(chance)
    remembered: list[bytes] = []
    counts.update(rows=rows, rejected=0, duplicates=0)
    for number in range(rows):
        draw = chance.random()
        if draw < _DUPLICATE_SHARE and remembered:
            counts["duplicates"] += 1
            yield chance.choice(remembered)
            continue
        row = make(number, f"customer {chance.randrange(rows // _ROWS_A_GROUP + 1)}", words)
        if shape == "short" and number % _ROWS_A_TWIN == 0 and remembered:
            row = near_twin(json.loads(chance.choice(remembered)), number)
        if draw > 1 - _INVALID_SHARE:
            counts["rejected"] += 1
            yield _spoilt(row, shape, chance)
            continue
        line = _line(row)
        if len(remembered) < _REMEMBERED:
            remembered.append(line)
        else:
            remembered[chance.randrange(_REMEMBERED)] = line
        yield line


def write(shape: str, rows: int, path: Path) -> None:
    """Write a file and, beside it, what is in it: ``FILE.json``."""
    counts: dict[str, int] = {}
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.writelines(lines(shape, rows, counts))
    path.with_suffix(".json").write_text(json.dumps(counts), encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
