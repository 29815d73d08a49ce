"""Data frames in, data frames out: the data stage for notebooks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.parquet as pq

from tuneline.data.prepare import PreparedPaths, prepare_sources
from tuneline.data.settings import PrepareSettings
from tuneline.data.sources.frames import source_from_frame
from tuneline.data.sources.opened import opened
from tuneline.settings import validated

if TYPE_CHECKING:
    import pandas as pd

    from tuneline.data.manifest import Manifest

_NAME = "frame"


class PreparedFrames(NamedTuple):
    """The splits in the canonical columns, the rows left out, and the manifest."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    rejected: pd.DataFrame
    manifest: Manifest


def prepare_frame(frame: pd.DataFrame, **settings: Any) -> PreparedFrames:
    """Prepare the rows of a data frame as `prepare` does those of a file.

    Args:
        frame: One example in each row, in any of the shapes.
        settings: Fields of `PrepareSettings`, without ``data``.

    Raises:
        ConfigurationError: A setting is wrong, or a held-out file is missing.
        DataError: The data cannot be used: see the message.
    """
    values = validated(PrepareSettings, {**settings, "data": _NAME}, source="settings")
    with tempfile.TemporaryDirectory(prefix="tuneline-") as name:
        folder = Path(name)
        outputs = PreparedPaths.in_folder(folder / "out")
        own = source_from_frame(frame, folder, _NAME)
        others = {**values.given, "data": values.given["data"][1:]}
        with opened(others) as sources:
            manifest = prepare_sources(values, [own, *sources], outputs)
        return PreparedFrames(
            train=pq.read_table(outputs.train).to_pandas(),
            validation=pq.read_table(outputs.validation).to_pandas(),
            test=pq.read_table(outputs.test).to_pandas(),
            rejected=pq.read_table(outputs.rejected).to_pandas(),
            manifest=manifest,
        )
