"""Questions about the invented shop, each with the SQL query that answers it from the database."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.examples.shop_database import make_database, read_shop
from embedded.phrases import Row, capitalized, draw_rows, fill, read_phrases

if TYPE_CHECKING:
    import sqlite3
    from random import Random

ROWS = 600
SEED = 15
_SOURCE = Path(__file__).with_suffix(".yaml")
_COMMANDS = ("count ", "list ", "show ", "tell ")


def make_questions(rows: int = ROWS, seed: int = SEED) -> list[Row]:
    """Make ``rows`` different questions; a row's completion is a query that gives an answer."""
    phrases, shop = read_phrases(_SOURCE), read_shop()
    phrases["slots"] |= {
        "category": list(shop["categories"]),
        "product": [name for names in shop["categories"].values() for name in names],
        "customer": shop["customers"],
        "city": shop["cities"],
        "status": shop["statuses"],
    }
    with closing(make_database()) as database:
        return draw_rows(lambda generator, _: _question(phrases, database, generator), rows, seed)


def _question(phrases: dict[str, Any], database: sqlite3.Connection, generator: Random) -> Row:
    """One of the kinds of questions, about something that the database can answer."""
    kind = generator.choice(phrases["kinds"])
    while True:
        said: dict[str, str] = {}
        question, query = (
            fill(text, phrases["slots"], generator, said)
            for text in (generator.choice(kind["asks"]), kind["query"])
        )
        if any(value is not None for row in database.execute(query) for value in row):
            mark = "." if question.startswith(_COMMANDS) else "?"
            return Row(capitalized(question) + mark, query)
