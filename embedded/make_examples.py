"""Write the data sets in ``examples/``, one for each kind of task.

Run from the repository's root:

    .venv/bin/python -m embedded.make_examples

The same files come out each time; the database's bytes depend on the version of SQLite, its rows
do not.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.examples.meeting_notes import make_notes
from embedded.examples.order_entities import make_messages, schema
from embedded.examples.sentiment_reviews import make_reviews
from embedded.examples.shop_database import make_database
from embedded.examples.shop_queries import make_questions
from embedded.examples.small_functions import make_functions, tests_jsonl
from embedded.phrases import to_jsonl
from tuneline.files import write_bytes, write_text

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path("examples")
DATABASE = FOLDER / "shop_queries/shop.sqlite"
TEXTS: dict[str, Callable[[], str]] = {
    "sentiment_reviews/reviews.jsonl": lambda: to_jsonl(make_reviews()),
    "order_entities/messages.jsonl": lambda: to_jsonl(make_messages()),
    "order_entities/entities.schema.json": schema,
    "meeting_notes/notes.jsonl": lambda: to_jsonl(make_notes()),
    "shop_queries/questions.jsonl": lambda: to_jsonl(make_questions()),
    "small_functions/functions.jsonl": lambda: to_jsonl(make_functions()),
    "small_functions/tests.jsonl": lambda: tests_jsonl(make_functions()),
}
"""What each text file in `FOLDER` holds."""


def main() -> None:
    """Write every file and name it."""
    for name, text in TEXTS.items():
        write_text(FOLDER / name, text())
        print(FOLDER / name)
    with closing(make_database()) as database:
        write_bytes(DATABASE, database.serialize())
    print(DATABASE)


if __name__ == "__main__":
    main()
