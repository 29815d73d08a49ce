"""Masking takes out every find of the named kinds and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.checks.batches import batch_of, example
from tests.data.checks.labelled import labelled_texts
from tuneline.data.checks.masking import MASKABLE, mask_examples
from tuneline.data.checks.rule import Severity
from tuneline.data.checks.text import RULES, TextChecks
from tuneline.data.schema import Example, FunctionCall, FunctionResponse, Part, Turn

ALL = sorted(MASKABLE)
SEVERITIES: dict[str, Severity] = {
    rule.code: "warn" if rule.code in MASKABLE else "off" for rule in RULES
}
CHECKS = TextChecks(SEVERITIES)
TEXTS = st.lists(
    st.sampled_from([row.text for row in labelled_texts()]) | st.text(max_size=15), max_size=3
).map(" ".join)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none() | st.just(4111111111111111),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def with_function(args: str, response: str = "{}") -> Example:
    return Example(
        (
            Turn("user", (Part("Go"),)),
            Turn("model", (Part(function_call=FunctionCall("f", args)),)),
            Turn("user", (Part(function_response=FunctionResponse("f", response)),)),
            Turn("model", (Part("Done"),)),
        )
    )


def test_only_the_named_kinds_are_replaced() -> None:
    text = "ann@example.com, (202) 555-0143"
    (masked,), counts = mask_examples([example(text, "ok", system=text)], ["pii_email"])
    assert masked == example("[EMAIL], (202) 555-0143", "ok", system="[EMAIL], (202) 555-0143")
    assert counts == Counter(pii_email=2)


def test_an_example_without_a_find_is_the_same_object() -> None:
    clean = example("order 123456789012", "fine")
    (masked,), counts = mask_examples([clean], ALL)
    assert masked is clean
    assert not counts


def test_a_multi_line_key_goes_as_a_whole() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "Ab1+" * 16 + "\n-----END RSA PRIVATE KEY-----"
    (masked,), _ = mask_examples([example(f"use {key} now", "ok")], ["secret_private_key"])
    assert masked.turns[0].text == "use [PRIVATE_KEY] now"


@pytest.mark.parametrize(
    ("document", "masked"),
    [
        ('{"to": "a\\nann@example.org", "n": 1.50}', '{"to": "a\\n[EMAIL]", "n": 1.50}'),
        ('{"pan":4111111111111111}', '{"pan":"[CARD]"}'),
        ('{"password":"hunter22!","x":1e3}', '{"password":"[PASSWORD]","x":1e3}'),
        (
            '{"cards":[4111111111111111,7,5555555555554444],"x":"4111111111111111"}',
            '{"cards":["[CARD]",7,"[CARD]"],"x":"[CARD]"}',
        ),
        (
            '{"ann@example.org":1,"bob@example.org":2}',
            '{"[EMAIL]":1,"[EMAIL] 2":2}',
        ),
    ],
)
def test_function_data_stays_json(document: str, masked: str) -> None:
    (result,), counts = mask_examples([with_function(document, document)], ALL)
    call = result.turns[1].parts[0].function_call
    response = result.turns[2].parts[0].function_response
    assert call is not None
    assert call.args == masked
    assert response is not None
    assert response.response == masked
    assert counts.total() == 2 * len(re.findall(r"\[[A-Z]", masked))


@settings(max_examples=80)
@given(TEXTS, TEXTS, st.none() | TEXTS, st.sets(st.sampled_from(ALL), min_size=1))
def test_masked_texts_hold_nothing_more(
    prompt: str, answer: str, system: str | None, codes: set[str]
) -> None:
    before = example(prompt, answer, system=system)
    (after,), counts = mask_examples([before], sorted(codes))
    assert not {hit.code for hit in CHECKS(batch_of([after]))} & codes
    again, more = mask_examples([after], sorted(codes))
    assert again == [after]
    assert not more
    if not counts:
        assert after is before


@settings(max_examples=80)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_masked_function_data_is_json_of_the_same_form(value: dict[str, Any]) -> None:
    document = orjson.dumps(value).decode() if _fits(value) else "{}"
    (after,), _ = mask_examples([with_function(document)], ALL)
    call = after.turns[1].parts[0].function_call
    assert call is not None
    assert _form(orjson.loads(call.args)) == _form(orjson.loads(document))
    assert not list(CHECKS(batch_of([after])))


def _fits(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def _form(value: Any) -> Any:
    if isinstance(value, dict):
        return [_form(inner) for inner in value.values()]
    if isinstance(value, list):
        return [_form(inner) for inner in value]
    return "leaf"
