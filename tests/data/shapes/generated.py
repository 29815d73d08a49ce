"""Generated examples, by what a shape can hold."""

from typing import Any, cast

import orjson
from hypothesis import strategies as st

from tuneline.data.schema import (
    Example,
    File,
    FunctionCall,
    FunctionResponse,
    Part,
    Role,
    Turn,
)
from tuneline.data.shapes.content import Content

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda text: text + ".")
"""Texts that say something; lone surrogates never come out of a reader."""

names = st.text("abcdefg_", min_size=1, max_size=5)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(st.text(max_size=4), values, max_size=3).filter(
    # Keys with lone surrogates are no JSON.
    lambda value: all(key.isascii() or key.isprintable() for key in value)
)


def json_text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


arguments = objects.map(json_text)
tool_names = st.sampled_from(["weather", "search_flights"])
declared_tools = st.lists(
    st.fixed_dictionaries(
        {"name": tool_names, "description": texts},
        optional={
            "parameters": st.just(
                {
                    "type": "OBJECT",
                    "properties": {"max_price": {"type": "NUMBER"}},
                    "required": ["max_price"],
                }
            )
        },
    ),
    min_size=1,
    max_size=2,
).map(lambda functions: json_text([{"functionDeclarations": functions}]))

calls = st.builds(FunctionCall, tool_names, arguments)
text_parts = texts.map(Part)
images = st.sampled_from(["png", "jpeg", "webp"]).map(
    lambda kind: Part(file=File(f"gs://bucket/a.{kind}", f"image/{kind}"))
)
clips = st.fixed_dictionaries({"startOffset": st.just("1s")}, optional={"fps": st.just(2)})
sounds_and_clips = st.one_of(
    st.just(Part(file=File("https://host/a?id=1", "audio/wav"))),
    clips.map(lambda clip: Part(file=File("gs://b/c.mp4", "video/mp4", json_text(clip)))),
)


def alternating(parts: list[list[Part]]) -> tuple[Turn, ...]:
    roles: tuple[Role, Role] = ("user", "model")
    return tuple(Turn(roles[place % 2], tuple(own)) for place, own in enumerate(parts))


def conversations(asked: Any = text_parts, answered: Any = text_parts, most_parts: int = 1) -> Any:
    """Turns that alternate, of up to three questions and answers."""
    question = st.lists(asked, min_size=1, max_size=most_parts)
    answer = st.lists(answered, min_size=1, max_size=most_parts)
    pairs = st.lists(st.tuples(question, answer), min_size=1, max_size=3)
    return pairs.map(lambda pairs: alternating([own for pair in pairs for own in pair]))


@st.composite
def weighted(draw: Any, turns: Any) -> tuple[Turn, ...]:
    """Turns of which some answers are not learned."""
    given = draw(turns)
    learned = draw(st.integers(0, len(given) // 2 - 1)) * 2 + 1
    return tuple(
        Turn(turn.role, turn.parts, trained=place == learned or draw(st.booleans()))
        if turn.role == "model"
        else turn
        for place, turn in enumerate(given)
    )


@st.composite
def tool_conversations(draw: Any, *, texts_beside_calls: bool, in_order: bool) -> Any:
    """A question, rounds of calls and their responses, and an answer."""
    turns = [Turn("user", (Part(draw(texts)),))]
    for _ in range(draw(st.integers(1, 2))):
        made = draw(st.lists(calls, min_size=1, max_size=3))
        said = [Part(draw(texts))] if texts_beside_calls and draw(st.booleans()) else []
        turns.append(Turn("model", (*said, *(Part(function_call=call) for call in made))))
        answered = [call.name for call in made]
        if not in_order:
            answered = draw(st.permutations(answered))
        responses = [
            Part(function_response=FunctionResponse(name, draw(responses_of_tools)))
            for name in answered
        ]
        more = [Part(draw(texts))] if texts_beside_calls and draw(st.booleans()) else []
        turns.append(Turn("user", (*responses, *more)))
    return (*turns, Turn("model", (Part(draw(texts)),)))


responses_of_tools = objects.map(json_text) | st.sampled_from(
    ['{"result":""}', '{"result":" "}', '{"result":"sunny"}', '{"result":"{}"}', '{"result":"[1]"}']
)


def examples(turns: Any, **more: Any) -> Any:
    """Examples of those turns; the other fields are none unless given."""
    return st.builds(Example, turns, **more)


def content_of(example: Example) -> Content:
    """What a converter should give back."""
    return Content(example.turns, example.system, example.tools, example.media_resolution)


def said(*given: str) -> tuple[Turn, ...]:
    """Turns of one text each, the user's first."""
    return alternating([[Part(text)] for text in given])


def through_json(row: Any) -> dict[str, Any]:
    """The row as a file has it."""
    return cast("dict[str, Any]", orjson.loads(orjson.dumps(row)))
