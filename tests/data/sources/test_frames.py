import pandas as pd
import pyarrow as pa
import pytest

from tests.data.rows.reading import read_file
from tuneline.data.sources.frames import source_from_frame
from tuneline.errors import DataError, MachineError

COLUMNS = {"prompt": ["a", "b"], "completion": ["c", None]}


@pytest.mark.parametrize("frame", [pd.DataFrame(COLUMNS, index=[7, 8]), pa.table(COLUMNS)])
def test_a_frame_is_a_source(tmp_path, frame):
    source = source_from_frame(frame, tmp_path, "sheet/1")
    assert (source.purpose, source.name, source.mixture) == ("data", "sheet/1", "sheet/1")
    assert source.sha256 == source_from_frame(frame, tmp_path, "sheet/1").sha256
    assert read_file(source.path, "parquet") == [
        (1, {"prompt": "a", "completion": "c"}),
        (2, {"prompt": "b", "completion": None}),
    ]


def test_a_frame_that_arrow_cannot_hold_is_named(tmp_path):
    frame = pd.DataFrame({"prompt": ["a", 1, object()]})
    with pytest.raises(DataError, match="sheet: cannot be made a table.*prompt"):
        source_from_frame(frame, tmp_path, "sheet")


def test_a_folder_that_is_not_there_is_a_machine_error(tmp_path):
    with pytest.raises(MachineError, match="cannot be written"):
        source_from_frame(pa.table(COLUMNS), tmp_path / "none", "sheet")
