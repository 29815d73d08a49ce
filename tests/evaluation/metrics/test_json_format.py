import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.errors import ConfigurationError
from tuneline.evaluation.metrics.json_format import (
    MOST_LEVELS,
    MOST_REFERENCES,
    JsonValid,
    SchemaValid,
    parsed_json,
    unfenced,
)
from tuneline.evaluation.rows import Rows

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=15,
)
TEXTS = st.text() | st.text(st.sampled_from('{}[]",:\\0123456789.eE-+truefalsnl \n`json'))

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
TICKET = {
    "type": "object",
    "properties": {
        "queue": {"enum": ["billing", "shipping"]},
        "priority": {"type": "integer", "minimum": 1},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": True},
    },
    "required": ["queue"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "pattern": "^[a-z]+$"}},
}


def scores(metric, *answers):
    return metric.measure(Rows.of([""] * len(answers), answers))[:, 0].tolist()


@pytest.mark.parametrize(
    "text", ["{}", " [1, 2.5e3]\n", "null", '"text"', "-0", '{"a": {"a": 1}, "b": {"a": 1}}']
)
def test_json_is_valid(text):
    assert scores(JsonValid(), text) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "positive",
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 1} {"b": 2}',
        '```json\n{"a": 1}\n```',
        'Here it is: {"a": 1}',
        "\u00a0{}",
        "\ufeff{}",
        "NaN",
        "[Infinity]",
        "[-Infinity]",
        "1e400",
        "9" * 5000,
        "01",
        '"\\ud800"',
        '"\ud800"',
        '"\x01"',
        '{"a": 1, "a": 1}',
        '{"a": 1, "\\u0061": 2}',
        '[{"b": {"a": 1, "c": 2, "a": 3}}]',
    ],
)
def test_what_a_strict_reader_refuses_is_invalid(text):
    assert scores(JsonValid(), text) == [0]


@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_nesting_has_a_limit(left, right):
    def nested(levels):
        return left * levels + "1" * (left != "[") + right * levels

    assert scores(
        JsonValid(), nested(MOST_LEVELS), nested(MOST_LEVELS + 1), nested(1000), nested(100_000)
    ) == [1, 0, 0, 0]
    # Many brackets alone are no deep nesting, nor are those within a text.
    assert scores(JsonValid(), json.dumps(["[" * 1000, [[]] * 1000])) == [1]


@given(VALUES)
def test_written_json_is_read_back(value):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        parsed = parsed_json(text)
        assert parsed is not None
        assert json.dumps(parsed.value) == json.dumps(value)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=5), VALUES)
def test_a_repeated_key_is_refused_wherever_it_stands(keys, value):
    members = ", ".join(f'"{key}": {json.dumps(value)}' for key in keys)
    text = f'[0, {{"outer": {{{members}}}}}]'
    assert (parsed_json(text) is None) == (len(set(keys)) < len(keys))


@settings(max_examples=300)
@given(TEXTS)
def test_any_text_can_be_read_and_what_is_read_is_json(text):
    parsed = parsed_json(text)
    if parsed is not None:
        assert json.loads(text) == pytest.approx(parsed.value) if text.strip() else False
    assert len(unfenced(text)) <= len(text)


@given(VALUES, st.sampled_from(["json", "JSON", "", "json\r"]), st.sampled_from(["\n", " ", ""]))
def test_one_fence_is_taken_off(value, language, space):
    text = json.dumps(value, indent=1)
    assert unfenced(f" ```{language}\n{text}{space}```\n") == text
    assert unfenced(f" {text} ") == text


@pytest.mark.parametrize("text", ["```", "`````", "```json", "```{}", "{}```", "``````"])
def test_half_a_fence_is_none(text):
    assert unfenced(text) == ("" if text == "``````" else text)


@pytest.mark.parametrize(
    ("answer", "valid"),
    [
        ('{"queue": "billing"}', 1),
        ('{"queue": "billing", "priority": 2.0, "tags": ["a", "b"]}', 1),
        ('{"queue": "sales"}', 0),
        ('{"queue": "billing", "priority": 0}', 0),
        ('{"queue": "billing", "tags": ["a", "a"]}', 0),
        ('{"queue": "billing", "tags": ["A"]}', 0),
        ('{"queue": "billing", "more": 1}', 0),
        ('{"queue": "billing", "queue": "billing"}', 0),
        ('```json\n{"queue": "billing"}\n```', 0),
        ("[]", 0),
        ("billing", 0),
    ],
)
def test_answers_are_held_against_the_schema(answer, valid):
    metric = pickle.loads(pickle.dumps(SchemaValid(TICKET)))
    assert scores(metric, answer) == [valid]


def test_the_schema_chooses_its_draft():
    pair = {"items": [{"type": "integer"}, {"type": "string"}]}
    draft_7 = {"$schema": DRAFT_7, **pair}
    assert scores(SchemaValid(draft_7), '[1, "a"]', '["a", 1]') == [1, 0]
    with pytest.raises(ConfigurationError, match=r"invalid at \$\.items"):
        SchemaValid(pair)


def test_format_checks_nothing():
    assert scores(SchemaValid({"format": "ipv4"}), '"no address"') == [1]


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "strng"}, r"\$\.type: 'strng'"),
        ({"properties": {"a": {"pattern": "("}}}, r"\$\.properties\.a\.pattern: '\(' is not a"),
        ({"$schema": "draft-99"}, "'draft-99' is no known draft"),
        ({"$schema": [1]}, "is no known draft"),
        ({"$ref": "#/$defs/none"}, "'/\\$defs/none' in .*holds no such thing"),
        ({"properties": {"a": {"$ref": "https://example.org/a.json"}}}, "holds no such thing"),
        ({"items": {"$ref": "#other"}}, "holds no such thing"),
        ({"$ref": "#"}, "refers to itself without end"),
        ({"allOf": [{"$schema": DRAFT_7, "$ref": "#"}]}, "only the top may choose the draft"),
        ({"properties": {"a": {"$schema": DRAFT_7}}}, "only the top may choose the draft"),
        (
            {"properties": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/properties/a"}]}}},
            "refers to itself without end",
        ),
        (
            {
                "$defs": {
                    "a": {"not": {"$ref": "#/$defs/b"}},
                    "b": {"allOf": [{"$ref": "#/$defs/a"}]},
                }
            },
            "refers to itself without end",
        ),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema, problem):
    with pytest.raises(ConfigurationError, match=problem):
        SchemaValid(schema)


def test_a_property_may_be_named_schema():
    schema = {"properties": {"$schema": {"type": "string"}}}
    assert scores(SchemaValid(schema), '{"$schema": "a"}', '{"$schema": 1}') == [1, 0]


def test_a_dead_end_below_an_unknown_keyword_is_named_when_an_answer_leads_there():
    shape = {"properties": {"a": {"$ref": "#/nowhere"}}}
    metric = SchemaValid({"$ref": "#/shapes/one", "shapes": {"one": shape}})
    assert scores(metric, "{}") == [1]
    with pytest.raises(ConfigurationError, match="'/nowhere', and holds no such thing"):
        scores(metric, '{"a": 1}')


def test_every_problem_of_a_schema_is_listed():
    with pytest.raises(ConfigurationError) as caught:
        SchemaValid({"type": "strng", "properties": {"a": {"minimum": "1"}}, "required": "a"})
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("levels", [51, 5000])
def test_a_schema_without_bottom_is_refused(levels):
    with pytest.raises(ConfigurationError, match="deeper than 50 levels"):
        SchemaValid(schema_of_levels(levels))
    assert scores(SchemaValid(schema_of_levels(50)), "{}", "1") == [0, 1]


def schema_of_levels(levels):
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels - 1):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    "tree",
    [
        {"type": "object", "additionalProperties": {"$ref": "#"}},
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        },
        {
            "$schema": "https://json-schema.org/draft/2019-09/schema",
            "type": "object",
            "additionalProperties": {"$recursiveRef": "#"},
        },
        {
            "$schema": DRAFT_7,
            "type": "object",
            "additionalProperties": {"allOf": [{"oneOf": [{"$ref": "#"}, {"type": "null"}]}]},
        },
    ],
)
def test_answers_are_followed_through_references_to_a_depth(tree):
    def nested(levels):
        return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)

    metric = SchemaValid(tree)
    within = MOST_REFERENCES + 1
    answers = ['{"a": {"b": {}}}', '{"a": {"b": 1}}', *map(nested, (within, within + 1, 100))]
    assert scores(metric, *answers) == [1, 0, 1, 0, 0]
    assert scores(metric, answers[2]) == [1]


WIDE = {
    "anyOf": [
        {"type": "number", "multipleOf": 0.01, "minimum": -1e308},
        {"type": "string", "minLength": 1, "pattern": "^a"},
        {"type": "array", "uniqueItems": True, "contains": {"const": 1}},
        {"type": "object", "propertyNames": {"maxLength": 3}, "unevaluatedProperties": True},
    ]
}


@settings(max_examples=200)
@given(TEXTS | VALUES.map(json.dumps))
def test_any_answer_can_be_held_against_a_schema(text):
    valid = scores(JsonValid(), text)
    fits = scores(SchemaValid(WIDE), text)
    assert np.less_equal(fits, valid).all()
    assert scores(SchemaValid({}), text) == valid
