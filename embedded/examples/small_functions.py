"""Descriptions of small Python functions, the functions, and tests that tell right from wrong.

What a test expects is what the reference function gives, so a reference passes its own tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.phrases import Row, draw_rows, fill, json_lines, read_phrases

if TYPE_CHECKING:
    from random import Random

ROWS = 500
SEED = 16
_SOURCE = Path(__file__).with_suffix(".yaml")


def make_functions(rows: int = ROWS, seed: int = SEED) -> list[Row]:
    """Make ``rows`` different descriptions; a row's completion is the function."""
    phrases = read_phrases(_SOURCE)
    return draw_rows(lambda generator, _: _function(phrases, generator), rows, seed)


def tests_jsonl(rows: list[Row]) -> str:
    """Render the tests as JSON Lines: ``prompt``, and in ``tests`` asserts, one a line."""
    phrases = read_phrases(_SOURCE)
    inputs = {
        name: kind.get("inputs", phrases["inputs"][kind["takes"]])
        for kind in phrases["kinds"]
        for name in kind["names"]
    }
    return json_lines(
        [{"prompt": row.prompt, "tests": "\n".join(_asserts(row, inputs))} for row in rows]
    )


def _function(phrases: dict[str, Any], generator: Random) -> Row:
    kind = generator.choice(phrases["kinds"])
    said = {
        "name": generator.choice(kind["names"]),
        "argument": generator.choice(phrases["arguments"][kind["takes"]]),
    }
    description = generator.choice(phrases["frames"]) + generator.choice(kind["asks"])
    code = "def {name}({argument}):\n    " + "\n    ".join(kind["code"].splitlines())
    prompt, function = (
        fill(text, phrases["slots"], generator, said) for text in (description, code)
    )
    return Row(f"{prompt}.", function)


def _asserts(row: Row, inputs: dict[str, list[Any]]) -> list[str]:
    """What the reference gives for each input of its kind."""
    name = row.completion.removeprefix("def ").partition("(")[0]
    space: dict[str, Any] = {}
    exec(row.completion, space)  # noqa: S102 - this module wrote the code
    return [f"assert {name}({value!r}) == {space[name](value)!r}" for value in inputs[name]]
