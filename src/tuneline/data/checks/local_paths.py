"""Paths in somebody's home folder: they name a person and mean nothing on another machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneline.data.checks.rule import Rule
from tuneline.data.checks.screen import Detector, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_RULE = Rule(
    "local_path",
    # Off, since tracebacks and shell sessions are full of such paths and rightly so.
    "off",
    "A text holds a path in the home folder of a named user, such as /home/ann/notes.txt.",
    "Replace the path by a neutral one (~/notes.txt). Names such as user, ubuntu or runner and "
    "variables do not count.",
)
_PATH = re.compile(
    r"(?:(?<![\w.~/-])(?:file://)?/(?:home|Users)/|(?<!\w)[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/))"
    r"(?P<user>[\w.-]{2,40})(?:\\{1,2}|/)[^\s\"'<>|]*"
)
_NOBODY = frozenset(
    [
        "user",
        "users",
        "username",
        "name",
        "your_name",
        "yourname",
        "your-name",
        "you",
        "me",
        "myuser",
        "someone",
        "admin",
        "root",
        "administrator",
        "public",
        "shared",
        "default",
        "guest",
        "runner",
        "ubuntu",
        "vagrant",
        "debian",
        "ec2-user",
        "jovyan",
        "app",
        "appuser",
        "node",
        "docker",
        "circleci",
        "travis",
        "build",
        "ci",
        "git",
        "test",
    ]
)


def _spans(text: str) -> Iterator[Span]:
    for match in _PATH.finditer(text):
        if match["user"].lower() not in _NOBODY:
            yield Span(*match.span())


DETECTORS = (Detector(_RULE, "a path of somebody's machine", r"[/\\](?:home|Users)[/\\]", _spans),)
RULES = (_RULE,)
