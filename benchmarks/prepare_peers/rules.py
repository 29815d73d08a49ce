"""The rules that a row must keep, as a user of the standard library would write them.

Every peer runs these functions, so that the peers differ in how they read, hold and write rows and
not in what they check. Patterns are compiled once, and a pattern that needs a certain character is
tried on texts that have it alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "customer"
ROLES = ("user", "model")

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_TEMPLATE = re.compile(
    r"<\|[a-z_]+\|>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</?s>|<(?:bos|eos|pad|unk)>"
)
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b")
_PHONE = re.compile(r"(?<![\w.])\+\d{1,3}[ \-./]?\(?\d{1,4}\)?(?:[ \-./]?\d{2,4}){2,4}\b")
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_SOCIAL_SECURITY = re.compile(r"\b\d{3}-\d{2}-\d{4}\b")
_PERSONAL = (
    ("email", "@", _EMAIL),
    ("phone", "+", _PHONE),
    ("iban", "", _IBAN),
    ("ip_address", ".", _ADDRESS),
    ("social_security", "-", _SOCIAL_SECURITY),
)
_SECRETS = (
    ("AKIA", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("gh", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b")),
    ("AIza", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("xox", re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}")),
    ("sk-", re.compile(r"\bsk-[A-Za-z0-9_-]{20,}")),
    ("eyJ", re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+")),
    ("PRIVATE KEY", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
)
_MIN_ECHO = 30
"""Characters of an answer that is worth looking for in its prompt."""


class Checked(NamedTuple):
    """A row that was looked at: what is wrong with it, or its turns.

    ``turns`` are pairs of role and text; ``warnings`` names the rules that only warn.
    """

    reason: str = ""
    system: str | None = None
    turns: tuple[tuple[str, str], ...] = ()
    group: str = ""
    digest: bytes = b""
    warnings: tuple[str, ...] = ()

    @property
    def answer_chars(self) -> int:
        """Characters of the answer."""
        return len(self.turns[-1][1])

    @property
    def prompt_chars(self) -> int:
        """Characters of everything before the answer."""
        return len(self.system or "") + sum(len(text) for _, text in self.turns[:-1])


class BrokenRuleError(Exception):
    """A row that must be left out, with the reason's code."""


def check_line(line: str, shape: str, *, structure_only: bool = False) -> Checked:
    """Look at one line of JSON, decoded with ``errors="backslashreplace"``.

    That way a byte that is no UTF-8 becomes an escape that JSON does not know.
    """
    try:
        row = _object(line)
        system, turns = (_chat if shape == "chat" else _prompt)(row)
        group = _text(row, GROUP)
    except BrokenRuleError as broken:
        return Checked(reason=str(broken))
    texts = [text for _, text in turns] if system is None else [system, *(it[1] for it in turns)]
    digest = hashlib.blake2b("\x1f".join(texts).encode(), digest_size=16).digest()
    warnings = () if structure_only else tuple(_warnings(texts))
    return Checked("", system, turns, group, digest, warnings)


def split_of(group: str) -> str:
    """The split of a group, by its hash: 10 % validation, 20 % test."""
    digest = hashlib.blake2b(group.encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2**64
    return "validation" if place < 0.1 else "test" if place < 0.3 else "train"


def gemini(checked: Checked) -> dict[str, Any]:
    """The row as Gemini's tuning takes it."""
    contents = [{"role": role, "parts": [{"text": text}]} for role, text in checked.turns]
    if checked.system is None:
        return {"contents": contents}
    instruction = {"role": "system", "parts": [{"text": checked.system}]}
    return {"systemInstruction": instruction, "contents": contents}


def canonical(checked: Checked, source: str, number: int) -> dict[str, Any]:
    """The row with the columns of the canonical Parquet file."""
    return {
        "example_id": checked.digest.hex(),
        "system": checked.system,
        "turns": [
            {"role": role, "parts": [{"text": text}], "trained": True}
            for role, text in checked.turns
        ],
        "group": checked.group,
        "source": source,
        "row": number,
    }


def _no_constant(_name: str) -> NoReturn:
    raise BrokenRuleError("nan")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def _object(line: str) -> dict[str, Any]:
    try:
        row = _decode(line)
    except ValueError as error:
        raise BrokenRuleError("bad_json") from error
    if not isinstance(row, dict):
        raise BrokenRuleError("not_object")
    return row


def _text(row: dict[str, Any], name: str) -> str:
    if name not in row:
        raise BrokenRuleError("missing_field")
    text = row[name]
    if not isinstance(text, str):
        raise BrokenRuleError("wrong_type")
    if not text or text.isspace():
        raise BrokenRuleError("empty_text")
    if _CONTROL.search(text):
        raise BrokenRuleError("control_character")
    if ("<" in text or "[" in text) and _TEMPLATE.search(text):
        raise BrokenRuleError("template_token")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BrokenRuleError("lone_surrogate") from error
    return text


def _prompt(row: dict[str, Any]) -> tuple[None, tuple[tuple[str, str], ...]]:
    return None, (("user", _text(row, "prompt")), ("model", _text(row, "completion")))


def _chat(row: dict[str, Any]) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BrokenRuleError("missing_field")
    system = None
    turns: list[tuple[str, str]] = []
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise BrokenRuleError("wrong_type")
        role, text = message.get("role"), _text(message, "content")
        if role == "system" and place == 0:
            system = text
            continue
        if role not in ("user", "assistant"):
            raise BrokenRuleError("unknown_role")
        if (role == "user") != (len(turns) % 2 == 0):
            raise BrokenRuleError("consecutive_turns")
        turns.append(("user" if role == "user" else "model", text))
    if not turns or turns[-1][0] != "model":
        raise BrokenRuleError("last_not_model")
    return system, tuple(turns)


def _warnings(texts: list[str]) -> Iterator[str]:
    for code, needed, pattern in _PERSONAL:
        if any(needed in text and pattern.search(text) for text in texts):
            yield code
    if any(_luhn(found[0]) for text in texts for found in _CARD.finditer(text)):
        yield "card"
    if any(needed in text and found.search(text) for needed, found in _SECRETS for text in texts):
        yield "secret"
    answer = texts[-1]
    if len(answer) >= _MIN_ECHO and any(answer in text for text in texts[:-1]):
        yield "answer_in_prompt"


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number) if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
