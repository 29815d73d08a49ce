"""Rows of every shape, and ways to damage them, for the tests with hostile files."""

import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

MAX_LINE_BYTES = 64 * 1024
"""The limit that the tests set, so that a huge line need not be huge."""

DEPTHS = (1_100, 60_000)


def prompt_completion(number: int) -> dict[str, Any]:
    return {"prompt": f"question {number} é", "completion": f"answer {number} 🙂"}


def input_output(number: int) -> dict[str, Any]:
    return {"input": f"input {number}", "output": f"output {number}"}


def alpaca(number: int) -> dict[str, Any]:
    return {
        "instruction": "Answer.",
        "input": f"question {number}",
        "output": f"answer {number}",
    }


def messages(number: int) -> dict[str, Any]:
    roles = ("system", "user", "assistant", "user", "assistant")
    return {"messages": [{"role": role, "content": f"{role} {number}"} for role in roles]}


def sharegpt(number: int) -> dict[str, Any]:
    sides = ("human", "gpt", "human", "gpt")
    return {"conversations": [{"from": side, "value": f"{side} {number}"} for side in sides]}


def contents(number: int) -> dict[str, Any]:
    turns = [{"role": role, "parts": [{"text": f"{role} {number}"}]} for role in ("user", "model")]
    return {
        "systemInstruction": {"role": "system", "parts": [{"text": "Be kind."}]},
        "contents": turns,
    }


def input_text(number: int) -> dict[str, Any]:
    return {"input_text": f"input text {number}", "output_text": f"output text {number}"}


SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "prompt_completion": prompt_completion,
    "input_output": input_output,
    "alpaca": alpaca,
    "messages": messages,
    "sharegpt": sharegpt,
    "contents": contents,
    "input_text_output_text": input_text,
}

Fate = Literal["rejected", "kept", "blank", "either"]


class Damage(NamedTuple):
    """A way to damage one line, and what must become of its row.

    ``of`` takes the line without its end and a number to vary by; the fate ``either`` leaves it
    to the rules, and ``kept`` means that the row is harmless although it looks odd.
    """

    of: Callable[[bytes, int], bytes]
    fate: Fate


def line_of(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


def _with(extra: bytes) -> Callable[[bytes, int], bytes]:
    """The line with one more field."""
    return lambda line, _: line[:-1] + b', "extra": ' + extra + b"}"


def _nested(line: bytes, place: int) -> bytes:
    depth = DEPTHS[place % len(DEPTHS)]
    if depth > MAX_LINE_BYTES // 2:
        depth = MAX_LINE_BYTES // 2 - len(line) - 40
    return line[:-1] + b', "extra": ' + b"[" * depth + b"]" * depth + b"}"


def _without_first_field(line: bytes, _: int) -> bytes:
    row: dict[str, Any] = json.loads(line)
    del row[next(iter(row))]
    return line_of(row)


def _twice(line: bytes, _: int) -> bytes:
    first = str(next(iter(json.loads(line))))
    return b'{"' + first.encode() + b'": "twice", ' + line[1:]


def _in_last_text(text: bytes) -> Callable[[bytes, int], bytes]:
    """The line with something more at the end of its last text."""

    def damaged(line: bytes, _: int) -> bytes:
        end = line.rindex(b'"')
        return line[:end] + text + line[end:]

    return damaged


def _last_value(value: bytes) -> Callable[[bytes, int], bytes]:
    """The line with its last text replaced, quotes included."""

    def damaged(line: bytes, _: int) -> bytes:
        end = line.rindex(b'"')
        start = line.rindex(b'"', 0, end)
        return line[:start] + value + line[end + 1 :]

    return damaged


LINE_DAMAGES: dict[str, Damage] = {
    "cut short": Damage(lambda line, place: line[: 1 + place % (len(line) - 1)], "rejected"),
    "cut at the front": Damage(lambda line, place: line[1 + place % (len(line) - 1) :], "rejected"),
    "two rows in one line": Damage(lambda line, _: line + b" " + line, "rejected"),
    "Latin-1": Damage(_in_last_text(b"caf\xe9"), "rejected"),
    "UTF-16": Damage(lambda line, _: line.decode().encode("utf-16-le"), "rejected"),
    "overlong UTF-8": Damage(_in_last_text(b"\xc0\xaf"), "rejected"),
    "encoded surrogate": Damage(_in_last_text(b"\xed\xa0\x80"), "rejected"),
    "lone surrogate": Damage(_in_last_text(b"\\ud800"), "rejected"),
    "pair of surrogates": Damage(_in_last_text(b"\\ud83d\\ude00"), "kept"),
    "NUL byte": Damage(_in_last_text(b"\0"), "rejected"),
    "only NUL bytes": Damage(lambda _, place: b"\0" * (1 + place % 9), "rejected"),
    "escaped NUL": Damage(_in_last_text(b"\\u0000"), "either"),
    "raw control character": Damage(_in_last_text(b"\x01"), "rejected"),
    "line separator": Damage(_in_last_text("\u2028\u2029\x85".encode()), "either"),
    "byte order mark inside": Damage(lambda line, _: b"\xef\xbb\xbf" + line, "either"),
    "CRLF": Damage(lambda line, _: line + b"\r", "kept"),
    "blanks around": Damage(lambda line, _: b" \t" + line + b"  ", "kept"),
    "blank": Damage(lambda _, place: b" \t\r"[: place % 4], "blank"),
    "NaN": Damage(_with(b"NaN"), "rejected"),
    "Infinity": Damage(_with(b"-Infinity"), "rejected"),
    "number beyond doubles": Damage(_with(b"1e999"), "either"),
    "long integer": Damage(_with(b"9" * 400), "either"),
    "deep nesting": Damage(_nested, "either"),
    "huge": Damage(_with(b'"' + b"x" * MAX_LINE_BYTES + b'"'), "rejected"),
    "list": Damage(lambda line, _: b"[" + line + b"]", "rejected"),
    "number": Damage(lambda _, place: str(place).encode(), "rejected"),
    "text": Damage(lambda _, __: b'"text"', "rejected"),
    "null": Damage(lambda _, __: b"null", "rejected"),
    "true": Damage(lambda _, __: b"true", "rejected"),
    "empty object": Damage(lambda _, __: b"{}", "rejected"),
    "field missing": Damage(_without_first_field, "either"),
    "field twice": Damage(_twice, "either"),
    "answer empty": Damage(_last_value(b'""'), "rejected"),
    "answer blank": Damage(_last_value(b'" \\n"'), "rejected"),
    "answer null": Damage(_last_value(b"null"), "rejected"),
    "answer a number": Damage(_last_value(b"7"), "rejected"),
    "answer an object": Damage(_last_value(b'{"a": 1}'), "rejected"),
}


LOOKS_BINARY = frozenset({"UTF-16", "only NUL bytes"})
"""Lines that may make the whole file look like no text, which is refused as a whole."""


def cut(content: bytes, place: int) -> bytes:
    return content[: place % (len(content) + 1)]


def noise_inside(content: bytes, place: int) -> bytes:
    at = place % (len(content) + 1)
    return content[:at] + bytes((place * step) % 256 for step in range(1, 40)) + content[at:]


def part_repeated(content: bytes, place: int) -> bytes:
    at = place % (len(content) + 1)
    return content[:at] + content[at // 2 : at] + content[at:]


FILE_DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "none": lambda content, _: content,
    "cut short": cut,
    "no line end at the end": lambda content, _: content[:-1],
    "byte order mark": lambda content, _: b"\xef\xbb\xbf" + content,
    "UTF-16 with its mark": lambda content, _: content.decode(errors="replace").encode("utf-16"),
    "CRLF": lambda content, _: content.replace(b"\n", b"\r\n"),
    "CR alone": lambda content, _: content.replace(b"\n", b"\r"),
    "NULs behind": lambda content, place: content + bytes(place % 5000),
    "NULs before": lambda content, place: bytes(1 + place % 5000) + content,
    "noise inside": noise_inside,
    "a part repeated": part_repeated,
    "empty": lambda _, __: b"",
}
