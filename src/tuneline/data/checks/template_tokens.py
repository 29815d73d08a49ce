"""Control tokens of chat templates that stand in a text as text.

A tokenizer that meets ``<|im_end|>`` in a prompt ends the turn there: whoever writes the data, or
whoever wrote the page that it was taken from, puts words into the model's mouth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneline.data.checks.rule import Rule
from tuneline.data.checks.screen import Detector, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_RULE = Rule(
    "template_token",
    "error",
    "A text holds a control token of a chat template, such as <|im_start|>, [INST] or "
    "<start_of_turn>: the tokenizer would open or close a turn there.",
    "Give the conversation as turns (messages, contents) rather than as text that a template "
    "already formatted, and delete the tokens that are left. Where the texts speak about such "
    'tokens, set rules: {template_token: "warn"}.',
)
_EXPRESSION = (
    r"<\|/?[A-Za-z0-9_]{1,40}\|>"  # ChatML, Llama 3, Phi, Command R, GPT-2
    "|<\uff5c[A-Za-z0-9_\u2581]{1,40}\uff5c>"  # DeepSeek
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]|\[TOOL_CALLS\]|<</?SYS>>"
    r"|<(?:start|end)_of_(?:turn|image|audio)>|<(?:bos|eos|pad|BOS_TOKEN|EOS_TOKEN|EOT)>"
)
_TOKENS = re.compile(_EXPRESSION)
_SENTENCE = re.compile(r"</?s>")


def _spans(text: str) -> Iterator[Span]:
    """Every control token; ``<s>`` and ``</s>`` only where they do not pair up as HTML's do."""
    finds = [Span(*match.span()) for match in _TOKENS.finditer(text)]
    if text.count("<s>") != text.count("</s>"):
        finds.extend(Span(*match.span()) for match in _SENTENCE.finditer(text))
    yield from sorted(finds)


DETECTORS = (
    Detector(
        _RULE,
        "a control token of a chat template",
        rf"{_EXPRESSION}|</?s>",
        _spans,
        r"<\||<\x{ff5c}|\[/?(?:INST|SYSTEM_P|AVAIL|TOOL_)|<</?SYS|<(?:start|end)_of_"
        "|<(?:bos|eos|pad|BOS|EOS|EOT)|</?s>",
    ),
)
RULES = (_RULE,)
