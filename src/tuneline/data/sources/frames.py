"""Data frames and Arrow tables as sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.data.sources.source import Source
from tuneline.errors import DataError, MachineError
from tuneline.files import sha256_file

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_GROUP_ROWS = 16_384


def source_from_frame(frame: pd.DataFrame | pa.Table, folder: Path, name: str = "frame") -> Source:
    """Write a frame as Parquet and make a source of it; a data frame's index is left out.

    Args:
        frame: One example in each row.
        folder: Where to write; the file must last as long as the source is read.
        name: What messages call it.

    Raises:
        DataError: A column holds what Arrow has no type for, such as texts and numbers mixed.
        MachineError: The file cannot be written.
    """
    try:
        table = (
            frame
            if isinstance(frame, pa.Table)
            else pa.Table.from_pandas(frame, preserve_index=False)
        )
    except (pa.ArrowException, ValueError, TypeError) as error:
        said = ". ".join(str(part) for part in error.args)
        raise DataError(f"{name}: cannot be made a table ({said}).") from error
    path = folder / f"{name.replace('/', '_')}.parquet"
    try:
        pq.write_table(table, path, row_group_size=_GROUP_ROWS)
    except (pa.ArrowException, OSError) as error:
        raise MachineError(f"{path}: cannot be written ({error}).") from error
    return Source("data", name, path, sha256_file(path), mixture=name)
