"""Source files for the tests of the data stage."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tuneline.data.manifest import Manifest
from tuneline.data.prepare import PreparedPaths, prepare
from tuneline.data.schema import Example, read_examples
from tuneline.data.settings import PrepareSettings
from tuneline.data.split.names import SPLITS

LABELS = ("refund", "delivery", "account")


def pair(number: int, answer: str = "") -> dict[str, str]:
    """A good prompt/completion row; its answer is one of `LABELS` unless given."""
    return {"prompt": f"question {number}", "completion": answer or LABELS[number % len(LABELS)]}


def pairs(count: int, start: int = 0) -> list[dict[str, str]]:
    return [pair(number) for number in range(start, start + count)]


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """One line for each row: text and bytes as they are, everything else as JSON."""
    lines = [
        row
        if isinstance(row, bytes)
        else row.encode()
        if isinstance(row, str)
        else json.dumps(row, ensure_ascii=False).encode()
        for row in rows
    ]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def prepare_into(folder: Path, data: Path | str, **settings: Any) -> Manifest:
    return prepare(PrepareSettings(data=str(data), **settings), PreparedPaths.in_folder(folder))


def splits_in(folder: Path) -> dict[str, list[Example]]:
    return {split: list(read_examples(folder / f"{split}.parquet")) for split in SPLITS}


def names_in(folder: Path) -> Sequence[str]:
    """Every name in a folder, temporary ones too; none where the folder is missing."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
