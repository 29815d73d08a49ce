"""Texts with personal data and secrets marked by hand, and hard cases that hold neither.

In ``labelled_texts.jsonl`` a mark such as ``⟦pii_email|ann@example.org⟧`` encloses what a rule must
find. ``¦`` inside a mark is no part of the text: it keeps scanners from taking the file for a leak.
Everything is made up or reserved: example domains, test cards, documentation addresses.
"""

import re
from pathlib import Path
from typing import NamedTuple

import orjson

from tuneline.data.checks.screen import Span

_MARK = re.compile(r"⟦(?P<code>\w+)\|(?P<value>[^⟧]*)⟧")


class Labelled(NamedTuple):
    text: str
    finds: tuple[tuple[str, Span], ...]


def labelled_texts() -> list[Labelled]:
    lines = Path(__file__).with_name("labelled_texts.jsonl").read_bytes().splitlines()
    return [_labelled(orjson.loads(line)["text"]) for line in lines]


def _labelled(marked: str) -> Labelled:
    text, finds, last = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[last : match.start()]
        value = match["value"].replace("¦", "")
        finds.append((match["code"], Span(len(text), len(text) + len(value))))
        text += value
        last = match.end()
    return Labelled(text + marked[last:], tuple(finds))
