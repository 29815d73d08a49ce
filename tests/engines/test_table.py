"""The page says something of every pipeline on every engine."""

import pytest

from tests.engines.table import DOCUMENT, ENGINES, Tried, write_document
from tuneline.pipelines import PIPELINES


def tried():
    return [
        Tried(pipeline, engine, "checked", f"tuneline submit {pipeline} -p x='a|b'")
        for pipeline in PIPELINES
        for engine in ENGINES
    ]


def test_page_has_a_row_for_each_pipeline_and_a_column_for_each_engine(tmp_path):
    write_document(tried(), tmp_path / "engines.md")
    lines = (tmp_path / "engines.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| `") and line.count("checked") > 1]
    assert len(rows) == len(PIPELINES)
    assert all(row.count("checked") == len(ENGINES) for row in rows)
    assert sum("tuneline submit" in line for line in lines) == len(PIPELINES) * len(ENGINES)


def test_nothing_is_left_out(tmp_path):
    with pytest.raises(ValueError, match="tried 29 of 30 cells"):
        write_document(tried()[1:], tmp_path / "engines.md")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_committed_page_is_of_these_pipelines(pipeline):
    (row,) = (
        line
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith(f"| `{pipeline}` | ") and line.count("|") == len(ENGINES) + 2
    )
    states = {cell.strip() for cell in row.split("|")[2:-1]}
    assert states <= {"ran", "checked", "not available here", "not offered"}, "run `make engines`"
