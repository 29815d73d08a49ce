import json
import pickle
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tuneline.errors import DataError
from tuneline.evaluation.metrics.tool_calls import (
    Call,
    ToolCallMatch,
    ToolCallValid,
    ToolNameMatch,
    calls_of,
    canonical_calls,
)
from tuneline.evaluation.rows import Rows

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)
CALLS = st.lists(
    st.builds(
        Call,
        name=st.text(min_size=1, max_size=6),
        args=st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    ),
    max_size=4,
)
LIKE_CALLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "args", "arguments", "function", "functionCall", "id", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
TEXTS = st.text() | st.lists(
    st.sampled_from(["<tool_call>", "</tool_call>", "```", "json", '{"name": "f"}', "[]", " ", "x"])
).map("".join)

WEATHER = Call("weather", {"city": "Rome", "days": 2})


def scores(metric, reference, *predictions):
    return metric.measure(Rows.of([reference] * len(predictions), predictions))[:, 0].tolist()


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "weather", "args": {"city": "Rome", "days": 2}}]',
        '{"name": "weather", "args": {"days": 2, "city": "Rome"}}',
        '{"name": "weather", "arguments": {"city": "Rome", "days": 2}}',
        '{"name": "weather", "parameters": {"city": "Rome", "days": 2}}',
        '{"name": "weather", "arguments": "{\\"city\\": \\"Rome\\", \\"days\\": 2}"}',
        (
            '[{"id": "call_1", "index": 0, "type": "function", "function": {"name": "weather", '
            '"arguments": "{\\"city\\": \\"Rome\\", \\"days\\": 2}"}}]'
        ),
        '{"functionCall": {"name": "weather", "args": {"city": "Rome", "days": 2}}}',
        '{"function_call": {"id": "1", "name": "weather", "args": {"city": "Rome", "days": 2}}}',
        '```json\n[{"name": "weather", "args": {"city": "Rome", "days": 2}}]\n```',
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome", "days": 2}}\n</tool_call>',
        (
            'I look.\n<tool_call>{"name": "weather", "arguments": {"city": "Rome", "days": 2}}'
            "</tool_call>\nWait."
        ),
        '<tool_call>[{"name": "weather", "args": {"city": "Rome", "days": 2}}]</tool_call>',
    ],
)
def test_every_form_of_the_same_call_is_read_alike(text):
    assert calls_of(text) == [WEATHER]
    for metric in (ToolCallValid(), ToolNameMatch(), ToolCallMatch()):
        assert scores(metric, canonical_calls([WEATHER]), text) == [1]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "now"}',
        '{"name": "now", "args": {}}',
        '{"name": "now", "args": null}',
        '{"name": "now", "arguments": ""}',
        '{"name": "now", "arguments": "{}"}',
    ],
)
def test_a_call_without_arguments(text):
    assert calls_of(text) == [Call("now", {})]


def test_several_tagged_calls_are_parallel_ones():
    text = '<tool_call>{"name": "a"}</tool_call> and <tool_call>{"name": "b"}</tool_call>'
    assert calls_of(text) == [Call("a", {}), Call("b", {})]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It rains in Rome.",
        "null",
        "[1]",
        "{}",
        '{"name": ""}',
        '{"name": 3}',
        '{"name": "weather", "args": [1]}',
        '{"name": "weather", "arguments": "Rome"}',
        '{"name": "weather", "arguments": "[1]"}',
        '{"name": "weather", "args": {}, "arguments": {}}',
        '{"name": "weather", "city": "Rome"}',
        '{"name": "weather", "args": {"city": "Rome", "city": "Oslo"}}',
        '{"function": "weather"}',
        '{"name": "weather", "args": {}',
        '[{"name": "weather"}, "Rome"]',
        'weather(city="Rome")',
        'Sure: {"name": "weather"}',
        '<tool_call>{"name": "weather"}',
        "<tool_call></tool_call>",
        '<tool_call>{"name": "a"}</tool_call><tool_call>{"name": "b"',
        '<tool_call>{"name": "a"}</tool_call><tool_call>b</tool_call>',
    ],
)
def test_anything_else_is_no_answer_in_calls(text):
    assert calls_of(text) is None
    for metric in (ToolCallValid(), ToolNameMatch(), ToolCallMatch()):
        assert scores(metric, canonical_calls([WEATHER]), text) == [0]


@pytest.mark.parametrize(
    ("args", "name", "match"),
    [
        ('{"city": "Rome", "days": 2.0}', 1, 1),
        ('{"city": "Rome", "days": 3}', 1, 0),
        ('{"city": "Rome", "days": "2"}', 1, 0),
        ('{"city": "rome", "days": 2}', 1, 0),
        ('{"city": "Rome"}', 1, 0),
        ('{"city": "Rome", "days": 2, "unit": null}', 1, 0),
    ],
)
def test_arguments_have_to_be_equal(args, name, match):
    prediction = f'{{"name": "weather", "args": {args}}}'
    reference = canonical_calls([WEATHER])
    assert scores(ToolCallValid(), reference, prediction) == [1]
    assert scores(ToolNameMatch(), reference, prediction) == [name]
    assert scores(ToolCallMatch(), reference, prediction) == [match]


def one(value):
    return canonical_calls([Call("f", {"x": value})])


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, 1),
        (-0.0, 0, 1),
        ([{"a": 1e3}], [{"a": 1000}], 1),
        (2**63, float(2**63), 1),
        (2**53 + 1, float(2**53), 0),
        (True, 1, 0),
        (False, 0, 0),
        (None, 0, 0),
        ("1", 1, 0),
        ([1, 2], [2, 1], 0),
        (1e300, 1e300, 1),
    ],
)
def test_numbers_are_equal_by_value_alone(left, right, equal):
    assert scores(ToolCallMatch(), one(left), one(right)) == [equal]


def test_the_order_of_parallel_calls_does_not_count_but_their_number_does():
    a, b = Call("f", {"x": 1}), Call("f", {"x": 2})
    reference = canonical_calls([a, b])
    predictions = [canonical_calls(calls) for calls in ([b, a], [a], [a, a], [a, b, b])]
    assert scores(ToolCallMatch(), reference, *predictions) == [1, 0, 0, 0]
    assert scores(ToolNameMatch(), reference, *predictions) == [1, 0, 1, 0]
    assert scores(ToolCallValid(), reference, *predictions) == [1, 1, 1, 1]


@pytest.mark.parametrize("reference", ["[]", "It rains."])
def test_where_no_call_is_wanted_none_is_right(reference):
    call = canonical_calls([WEATHER])
    for metric in (ToolCallValid(), ToolNameMatch(), ToolCallMatch()):
        assert scores(metric, reference, "It is dry.", "[]", call) == [1, 1, 0]
        assert metric.right_or_wrong
        assert pickle.loads(pickle.dumps(metric)).name == metric.name


@given(CALLS)
def test_written_calls_are_read_back(calls):
    text = canonical_calls(calls)
    assert calls_of(text) == calls
    assert json.dumps(json.loads(text), sort_keys=True) == json.dumps(
        [{"name": call.name, "args": call.args} for call in calls], sort_keys=True
    )


@given(CALLS, st.randoms())
def test_calls_in_any_order_and_form_match(calls, random):
    assume(not any("tool_call>" in json.dumps(call) for call in calls))
    mixed = random.sample(calls, len(calls))
    written = [{"name": one.name, "arguments": json.dumps(one.args)} for one in mixed]
    tagged = "\n".join(f"<tool_call>{json.dumps(one)}</tool_call>" for one in written)
    for prediction in (canonical_calls(mixed), tagged):
        assert scores(ToolCallMatch(), canonical_calls(calls), prediction) == [1]


@given(TEXTS | LIKE_CALLS.map(json.dumps))
def test_any_text_can_be_measured(text):
    for metric in (ToolCallValid(), ToolNameMatch(), ToolCallMatch()):
        assert scores(metric, text, text) == [1]
        assert scores(metric, canonical_calls([WEATHER]), text) in ([0], [1])


def test_hostile_answers_are_read_quickly_as_no_calls():
    deep = '{"name": "f", "args": ' + '{"a":' * 5000 + "1" + "}" * 5001
    digits = '{"name": "f", "args": {"n": ' + "9" * 10_000 + "}}"
    for text in (deep, digits, "<tool_call>" * 100_000, "[" * 100_000):
        assert calls_of(text) is None


def test_calls_that_json_cannot_hold_are_refused():
    nested: dict[str, Any] = {}
    for _ in range(99):
        nested = {"a": nested}
    for args in ({"x": object()}, {"x": 2**70}, {"x": "\ud800"}):
        with pytest.raises(DataError, match=r"call \(f\) cannot be written as JSON"):
            canonical_calls([Call("f", args)])
    for call in (Call("", {}), Call("f", nested)):
        with pytest.raises(DataError, match="cannot be read back"):
            canonical_calls([call])
