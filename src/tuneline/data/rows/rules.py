"""Rules of reading: what a row must be before it has a shape."""

from __future__ import annotations

from tuneline.data.checks.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "bad_json",
        "error",
        "The row is not JSON.",
        "Write it with a JSON library; the message says where it breaks.",
        fixed=True,
    ),
    Rule(
        "bad_utf8",
        "error",
        "The row holds bytes that are not UTF-8.",
        "Save the file as UTF-8.",
        fixed=True,
    ),
    Rule(
        "not_object",
        "error",
        "The row is JSON, but not an object.",
        "Write one object with named fields for each example.",
        fixed=True,
    ),
    Rule(
        "duplicate_key",
        "error",
        "An object names a key twice, and parsers disagree on which value counts.",
        "Keep one of them. With `warn` or `off` the last value counts.",
    ),
    Rule(
        "too_long_line",
        "error",
        "The row is longer than 16 MiB.",
        "Split the example, or refer to media by URI instead of putting it into the row.",
        fixed=True,
    ),
    Rule(
        "bad_csv",
        "error",
        "The record is not CSV.",
        "Put quotes around fields that hold quotes or line ends, and double the quotes in them.",
        fixed=True,
    ),
    Rule(
        "wrong_columns",
        "error",
        "The record has more or fewer fields than the header.",
        "Put quotes around fields that hold the delimiter.",
        fixed=True,
    ),
    Rule(
        "nan",
        "error",
        "A number is NaN or infinite, which JSON cannot hold.",
        "Write null, or take the field out.",
        fixed=True,
    ),
    Rule(
        "lone_surrogate",
        "error",
        "A text holds half a surrogate pair, which is no character.",
        "Cut texts between characters, not between UTF-16 units.",
        fixed=True,
    ),
    Rule(
        "nul_byte",
        "error",
        "The row holds a NUL byte.",
        "Take it out; it often says that the file is damaged or no text.",
        fixed=True,
    ),
    Rule(
        "deep_nesting",
        "error",
        "Objects or lists are nested about a thousand levels deep or deeper.",
        "Flatten the row.",
        fixed=True,
    ),
    Rule(
        "binary_cell",
        "error",
        "A cell holds bytes that are no text.",
        "Drop the column, or give media by URI.",
        fixed=True,
    ),
    Rule(
        "bad_cell",
        "error",
        "A cell of a Parquet or Arrow file cannot be read.",
        "Write the column as text.",
        fixed=True,
    ),
)
