"""Names of the exported files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.data.settings import ExportName
    from tuneline.data.split.names import SplitName


def export_path(folder: Path, split: SplitName, export: ExportName) -> Path:
    """The file of one split in one form, such as ``gemini.train.jsonl``.

    The split's name does not come first, so that ``train*.parquet`` finds the canonical file alone.
    """
    form, _, suffix = export.rpartition("_")
    return folder / f"{form}.{split}.{suffix}"
