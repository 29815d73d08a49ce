"""Batches for the tests of targets: examples in one line each."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from tuneline.data.batch import Batch
from tuneline.data.schema import Example, File, FunctionCall, FunctionResponse, Part, Turn
from tuneline.data.targets.tokens import TokenCounts


class Fields:
    """A shape whose field names say the numbers of turn and part."""

    def field(self, example, turn, part):
        return f"turns[{turn}].parts[{part}]"


@dataclass(frozen=True)
class Counted:
    """A counter that gives the tokens it was made with."""

    tokens: tuple[int, ...]
    certain_share: float = 1.0
    name: str = "test"
    stated: str = "Counted by a test."

    def count(self, batch):
        answer = np.ones(len(self.tokens), np.uint32)
        return TokenCounts(np.array(self.tokens, np.uint32) - answer, answer, {})

    def tokens_of(self, example):
        return self.tokens[0]


def batch(*examples):
    return Batch(list(examples), cast(Any, Fields()))


def text(prompt="question", answer="answer", **fields):
    turns = (Turn("user", (Part(prompt),)), Turn("model", (Part(answer),)))
    return Example(turns, **fields)


def files(*mime_types, **fields):
    parts = tuple(Part(file=File(f"gs://b/{i}", kind)) for i, kind in enumerate(mime_types))
    turns = (Turn("user", (Part("look"), *parts)), Turn("model", (Part("seen"),)))
    return Example(turns, **fields)


def call(name, args="{}"):
    return Part(function_call=FunctionCall(name, args))


def response(name):
    return Part(function_response=FunctionResponse(name, "{}"))


def codes(hits):
    return [(hit.index, hit.code) for hit in hits]
