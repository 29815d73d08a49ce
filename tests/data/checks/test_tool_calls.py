import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.targets.batches import batch, call, response, text
from tuneline.data.checks.function_schema import DeclarationError, to_json_schema
from tuneline.data.checks.tool_calls import RULES, declarations, tool_calls
from tuneline.data.schema import Example, Part, Turn

GEMINI = {
    "type": "OBJECT",
    "properties": {
        "city": {"type": "STRING"},
        "days": {"type": "INTEGER", "minimum": 1, "maxItems": "3"},
        "unit": {"type": "STRING", "enum": ["C", "F"], "nullable": True},
        "tags": {"type": "ARRAY", "items": {"type": "STRING"}, "maxItems": "2"},
        "free": {"type": "OBJECT"},
    },
    "required": ["city"],
}


def lower(schema):
    return json.loads(
        json.dumps(schema)
        .replace("OBJECT", "object")
        .replace("ARRAY", "array")
        .replace("STRING", "string")
        .replace("INTEGER", "integer")
    )


JSON_SCHEMA = lower(GEMINI)


def tools(parameters=None, name="weather", key="parameters"):
    function = {"name": name} | ({key: parameters} if parameters is not None else {})
    return json.dumps([{"functionDeclarations": [function]}])


def example(*turns, declared=None):
    given = [Turn("user", (Part("hi"),)), *turns]
    if given[-1].role != "model":
        given.append(Turn("model", (Part("done"),)))
    return Example(tuple(given), tools=declared)


def model(*parts):
    return Turn("model", parts)


def user(*parts):
    return Turn("user", parts)


def found(*examples):
    hits = list(tool_calls(batch(*examples)))
    assert {hit.code for hit in hits} <= {rule.code for rule in RULES}
    return hits


def arguments(args, parameters):
    hits = found(example(model(call("weather", json.dumps(args))), declared=tools(parameters)))
    assert {hit.code for hit in hits} <= {"bad_arguments_for_declaration"}
    return [hit.message for hit in hits]


@pytest.mark.parametrize("parameters", [GEMINI, JSON_SCHEMA], ids=["gemini", "json schema"])
@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"city": "Bern"}, None),
        ({"city": "Bern", "days": 2, "unit": "C", "tags": ["a"], "free": {"any": [1]}}, None),
        ({"city": "Bern", "unit": None}, None),
        ({}, "weather: args lacks city."),
        ({"city": 3}, "weather: args.city must be string, not integer."),
        ({"city": None}, "weather: args.city must be string, not null."),
        ({"city": "Bern", "days": "2"}, "weather: args.days must be integer, not string."),
        ({"city": "Bern", "days": 0}, "weather: args.days breaks minimum 1."),
        ({"city": "Bern", "unit": "K"}, "weather: args.unit must be one of ['C', 'F', None]."),
        ({"city": "Bern", "tags": ["a", 1]}, "args.tags[1] must be string, not integer."),
        ({"city": "Bern", "tags": ["a"] * 3}, "args.tags breaks maxItems 2."),
        ({"city": "Bern", "day": 2}, "args has 'day', which is not declared. Did you mean 'days'?"),
    ],
)
def test_arguments_are_held_to_both_dialects(parameters, args, said):
    messages = arguments(args, parameters)
    assert messages == [] if said is None else messages[0].endswith(said)


def test_no_value_of_the_row_is_in_a_message():
    secret = "hunter2-secret"
    for args in ({"city": [secret]}, {"city": "a", "unit": secret}, {"city": "a", "tags": secret}):
        messages = arguments(args, GEMINI)
        assert messages
        assert secret not in " ".join(messages)


def test_a_function_that_is_not_declared_is_refused_with_the_nearest():
    declared = tools(GEMINI)
    [hit] = found(text(), example(model(call("wether")), declared=declared))
    assert (hit.index, hit.code, hit.field) == (1, "undeclared_function", "turns[1].parts[0]")
    assert "Did you mean 'weather'?" in hit.message
    [hit] = found(example(model(call("f"))))
    assert "the example declares none" in hit.message


def test_a_call_and_its_response_in_order_are_fine():
    declared = tools()
    twice = model(call("weather"), Part("and"), call("weather"))
    assert (
        found(example(twice, user(response("weather"), response("weather")), declared=declared))
        == []
    )
    assert found(example(model(call("weather")), declared=declared)) == []


def test_responses_and_calls_want_each_other():
    declared = tools()
    asked, answered = model(call("weather")), user(response("weather"))
    [hit] = found(example(answered, declared=declared))
    assert (hit.code, hit.field) == ("response_without_call", "turns[1].parts[0]")
    [hit] = found(example(asked, user(Part("and?")), declared=declared))
    assert (hit.code, hit.field) == ("call_without_response", "turns[1].parts[0]")
    twice = example(asked, answered, model(Part("so")), answered, declared=declared)
    assert [hit.code for hit in found(twice)] == ["response_without_call"]
    one_of_two = example(model(call("weather"), call("weather")), answered, declared=declared)
    assert [hit.code for hit in found(one_of_two)] == ["call_without_response"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (tools(name="2go"), "the name '2go' must start"),
        (tools(name="a" * 129), "must start"),
        (tools({"type": "OBJEKT"}), "parameters.type 'objekt' is none of"),
        (tools({"type": "object", "properties": []}), None),
        (tools({"type": "object", "properties": [1]}), "parameters.properties must be an object"),
        (tools({"properties": {"a": {}}, "required": ["b"]}), "required names 'b'"),
        (tools({"properties": {"a": 3}}), "parameters.properties.a must be an object"),
        (tools({"$ref": "#/$defs/none"}), "which is not there"),
        (tools([1]), "parameters must be an object"),
        ('[{"functionDeclarations": 3}]', "must be a list"),
        ('[{"functionDeclarations": [{"name": "f"}, {"name": "f"}]}]', "declared twice"),
        ('[{"googleSearch": {}}]', None),
        ('{"function_declarations": [{"name": "f"}]}', None),
    ],
)
def test_declarations_that_cannot_be_right_are_named(declared, said):
    hits = found(Example(text().turns, tools=declared))
    assert [(hit.code, hit.field) for hit in hits] == [("bad_tool_declaration", "tools")] * bool(
        said
    )
    assert said is None or said in hits[0].message


def test_references_are_followed_inside_the_declaration_alone():
    parameters = {
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/Point"}, "far": {"$ref": "https://x.test/s"}},
        "$defs": {
            "Point": {
                "type": "object",
                "properties": {"x": {"type": "number"}, "next": {"$ref": "#/$defs/Point"}},
            }
        },
    }
    assert arguments({"at": {"x": 1, "next": {"any": 1}}, "far": 3}, parameters) == []
    assert arguments({"at": {"x": "1"}}, parameters) == [
        "weather: args.at.x must be number, not string."
    ]
    assert arguments({"at": {"x": "1"}}, {"$ref": "#/a", "a": {"$ref": "#/a"}}) == []


def test_a_declaration_made_to_exhaust_is_cut_short():
    steps = {f"s{i}": {"anyOf": [{"$ref": f"#/d/s{i + 1}"}] * 9} for i in range(30)}
    schema = to_json_schema({"$ref": "#/d/s0", "d": {**steps, "s30": {"type": "string"}}})
    assert len(json.dumps(schema)) < 200_000
    deep: dict[str, object] = {"type": "string"}
    for _ in range(900):
        deep = {"type": "array", "items": deep}
    nested: list[object] = []
    for _ in range(200):
        nested = [nested]
    assert arguments({"a": nested}, {"properties": {"a": deep}}) == []
    assert arguments({"a": [1]}, {"properties": {"a": deep}}) == [
        "weather: args.a[0] must be array, not integer."
    ]
    assert arguments({"a": nested}, {"properties": {"a": {"enum": [nested, [nested]]}}}) == []
    # Someone else's regular expression is never run.
    slow = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    assert arguments({"a": "a" * 60 + "b"}, slow) == []


def test_combined_schemas_do_not_refuse_each_others_properties():
    parameters = {
        "allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {}}}],
        "properties": {"c": {}},
    }
    assert arguments({"a": "1", "b": 2, "c": 3}, parameters) == []
    assert arguments({"a": 1}, parameters) == ["weather: args.a must be string, not integer."]
    either = {"properties": {"v": {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}}}
    assert arguments({"v": 1.5}, either) == []
    assert arguments({"v": []}, either) == ["weather: args.v fits none of the declared forms."]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "enum",
        "items",
        "anyOf",
        "$ref",
        "nullable",
        "minimum",
        "maxItems",
        "additionalProperties",
        "const",
    ]
)


@settings(max_examples=100)
@given(
    st.dictionaries(KEYS, JSON, max_size=4), st.dictionaries(st.text(max_size=4), JSON, max_size=3)
)
def test_any_declaration_and_any_arguments_give_hits_and_no_crash(parameters, args):
    found(example(model(call("weather", json.dumps(args))), declared=tools(parameters)))
    try:
        to_json_schema(parameters)
    except DeclarationError:
        assert declarations(tools(parameters)).problems
    else:
        assert declarations(tools(parameters)).problems == ()
