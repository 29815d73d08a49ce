"""Whatever is in a file: every row is accounted for, or one error of the project says why not."""

import csv
import gzip
import io
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.accounting import require_reconciled
from tests.data.hostile_rows import (
    FILE_DAMAGES,
    LINE_DAMAGES,
    LOOKS_BINARY,
    MAX_LINE_BYTES,
    SHAPES,
    cut,
    line_of,
)
from tests.data.source_files import names_in, prepare_into
from tuneline.data.rows import lines
from tuneline.data.rows.pieces import pieces
from tuneline.errors import TunelineError

GOOD_ROWS = 16

shapes = st.sampled_from(sorted(SHAPES))
numbers = st.integers(0, 2**16)
damages = st.lists(st.tuples(st.sampled_from(sorted(LINE_DAMAGES)), numbers), max_size=12)
text_damages = st.lists(
    st.tuples(st.sampled_from(sorted(LINE_DAMAGES.keys() - LOOKS_BINARY)), numbers), max_size=12
)


@contextmanager
def folder_with_a_low_limit():
    """A folder for one example of hypothesis; lines of 64 KiB are too long while it lasts."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "MAX_LINE_BYTES", MAX_LINE_BYTES)
        yield Path(name)


def prepared(folder, data, **more):
    """The manifest and the left-out rows; the counts were reconciled with every file."""
    given = {"max_rejected_share": 1, "near_duplicates": "off", "exports": ["gemini_jsonl"]}
    manifest = prepare_into(folder / "out", data, **{"workers": 1, **given, **more})
    return manifest, require_reconciled(folder / "out", manifest)


def prepared_or_refused(folder, data):
    """As `prepared`, or None where the file was refused with a message that helps."""
    try:
        return prepared(folder, data)
    except TunelineError as error:
        message = str(error)
        assert len(message) > 20
        assert data.name in message or "splits" in message
        assert "Traceback" not in message
        assert names_in(folder / "out") == []
        return None


def mixed(shape, chosen, shuffle):
    """Lines of a file with good and damaged rows, and what each damaged line must become."""
    make = SHAPES[shape]
    rows = [(line_of(make(number)), "kept") for number in range(GOOD_ROWS)]
    for number, (name, place) in enumerate(chosen, start=GOOD_ROWS):
        damage = LINE_DAMAGES[name]
        rows.append((damage.of(line_of(make(number)), place), damage.fate))
    shuffle.shuffle(rows)
    return rows


def rows_in(content):
    """Lines that are rows: blank ones are none, nor is a mark at the start."""
    return sum(bool(line.strip()) for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"))


@pytest.mark.slow
@settings(max_examples=80)
@given(shapes, text_damages, st.randoms())
def test_a_damaged_line_costs_its_own_row_alone(shape, chosen, shuffle):
    # The first line says what kind of file this is: that one is sound here.
    rows = [(line_of(SHAPES[shape](999)), "kept"), *mixed(shape, chosen, shuffle)]
    content = b"".join(line + b"\n" for line, _ in rows)
    with folder_with_a_low_limit() as folder:
        (folder / "a.jsonl").write_bytes(content)
        manifest, left_out = prepared(folder, folder / "a.jsonl")
    assert manifest.counts.read == rows_in(content)
    rejected = {row["row"]: row for row in left_out if row["kind"] == "rejected"}
    for place, (line, fate) in enumerate(rows, start=1):
        if fate == "rejected" and line.strip():
            assert place in rejected, line[:200]
            text = rejected[place]["text"].removeprefix("\ufeff")
            assert text[:1] == line.decode(errors="backslashreplace").removeprefix("\ufeff")[:1]
        elif fate != "either":
            assert place not in rejected, rejected.get(place)


@settings(max_examples=60)
@given(shapes, damages, st.sampled_from(sorted(FILE_DAMAGES)), numbers, st.randoms())
def test_a_damaged_file_is_accounted_for_or_refused(shape, chosen, name, place, shuffle):
    content = b"".join(line + b"\n" for line, _ in mixed(shape, chosen, shuffle))
    damaged = FILE_DAMAGES[name](content, place)
    with folder_with_a_low_limit() as folder:
        (folder / "a.jsonl").write_bytes(damaged)
        if found := prepared_or_refused(folder, folder / "a.jsonl"):
            assert found[0].counts.read == rows_in(damaged)


@settings(max_examples=40)
@given(shapes, damages, st.sampled_from(sorted(FILE_DAMAGES)), numbers)
def test_a_damaged_array_is_accounted_for_or_refused(shape, chosen, name, place):
    make = SHAPES[shape]
    elements = [line_of(make(number)) for number in range(GOOD_ROWS)]
    for number, (damage, at) in enumerate(chosen, start=GOOD_ROWS):
        elements.append(LINE_DAMAGES[damage].of(line_of(make(number)), at))
    damaged = FILE_DAMAGES[name](b"[" + b",\n".join(elements) + b"]\n", place)
    with folder_with_a_low_limit() as folder:
        (folder / "a.json").write_bytes(damaged)
        prepared_or_refused(folder, folder / "a.json")


CELLS = st.sampled_from(
    ["a", '"', '""', ",", "\r", "\n", "\0", "é", "\ufeff", "'", "x" * 300, "=1+1", "\u2028", ""]
)


@settings(max_examples=50)
@given(st.lists(st.lists(CELLS, max_size=4), max_size=8), st.booleans(), numbers)
def test_a_damaged_table_is_accounted_for_or_refused(records, quoted, place):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerow(["prompt", "completion"])
    writer.writerows([f"question {number}", f"answer {number}"] for number in range(GOOD_ROWS))
    raw = text.getvalue() + "\r\n".join(",".join(cells) for cells in records)
    content = raw.encode()
    damaged = cut(content, place) if place % 3 == 0 else content + b"\xff" * (place % 2)
    with folder_with_a_low_limit() as folder:
        (folder / "a.csv").write_bytes(damaged)
        prepared_or_refused(folder, folder / "a.csv")


@settings(max_examples=25)
@given(numbers, st.sampled_from(["cut", "footer", "gzip", "cut gzip"]))
def test_a_damaged_binary_file_is_accounted_for_or_refused(place, way):
    rows = [SHAPES["prompt_completion"](number) for number in range(GOOD_ROWS)]
    with folder_with_a_low_limit() as folder:
        plain = b"".join(line_of(row) + b"\n" for row in rows)
        if "gzip" in way:
            data = folder / "a.jsonl.gz"
            packed = gzip.compress(plain, mtime=0)
            data.write_bytes(cut(packed, place) if way == "cut gzip" else packed)
        else:
            data = folder / "a.parquet"
            pq.write_table(pa.Table.from_pylist(rows), data)
            whole = data.read_bytes()
            data.write_bytes(
                cut(whole, place) if way == "cut" else whole[:-8] + b"\xff" * 4 + b"PAR1"
            )
        found = prepared_or_refused(folder, data)
        assert found is None or found[0].counts.kept == GOOD_ROWS
        assert way != "gzip" or found


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_clean_rows_of_every_shape_are_kept(tmp_path, shape):
    rows = [line_of(SHAPES[shape](number)) + b"\n" for number in range(40)]
    (tmp_path / "a.jsonl").write_bytes(b"".join(rows))
    manifest, _ = prepared(tmp_path, tmp_path / "a.jsonl")
    assert (manifest.counts.read, manifest.counts.kept) == (40, 40)
    assert manifest.sources[0].shape == shape


@pytest.mark.parametrize("name", sorted(LINE_DAMAGES))
def test_each_way_to_damage_a_line_has_its_fate(tmp_path, name):
    """The ways are wrong themselves if a harmless one is rejected or a harmful one passes."""
    make, damage = SHAPES["prompt_completion"], LINE_DAMAGES[name]
    good = [line_of(make(number)) for number in range(GOOD_ROWS)]
    bad = damage.of(line_of(make(GOOD_ROWS)), 10)
    with folder_with_a_low_limit() as folder:
        (folder / "a.jsonl").write_bytes(b"\n".join([*good[:8], bad, *good[8:], b""]))
        found = prepared_or_refused(folder, folder / "a.jsonl")
    if not found:
        assert name in LOOKS_BINARY
        return
    manifest, left_out = found
    assert manifest.counts.kept >= GOOD_ROWS
    if damage.fate == "rejected":
        assert [row["row"] for row in left_out] == [9]
    if damage.fate in ("kept", "blank"):
        assert left_out == []


def hostile_folder(folder):
    """Several files with good, broken and repeated rows, of several shapes."""
    folder.mkdir()
    for place, shape in enumerate(sorted(SHAPES)):
        make = SHAPES[shape]
        rows = [line_of(make(number % 90)) for number in range(100)]
        for spoilt, damage in enumerate(("cut short", "Latin-1", "NaN", "list", "blank", "CRLF")):
            rows.insert(7 * spoilt + place + 1, LINE_DAMAGES[damage].of(line_of(make(spoilt)), 5))
        (folder / f"{place}-{shape}.jsonl").write_bytes(b"\n".join(rows) + b"\n")
    return folder


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module", name="_small_pieces")
def small_pieces():
    """Files are cut into pieces of 2 KiB, so that small ones have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "__defaults__", (2048,))
        yield


@pytest.fixture(scope="module")
def read_by_one(tmp_path_factory, _small_pieces):
    folder = tmp_path_factory.mktemp("hostile")
    data = hostile_folder(folder / "data")
    manifest, left_out = prepared(folder, data)
    return data, manifest, left_out, bytes_of(folder / "out")


def test_files_of_several_shapes_are_accounted_for(read_by_one):
    _, manifest, left_out, _ = read_by_one
    assert [source.rows for source in manifest.sources] == [105] * len(SHAPES)
    assert {row["source"] for row in left_out} == {source.file for source in manifest.sources}
    rejected = {(row["source"], row["row"]) for row in left_out if row["kind"] == "rejected"}
    assert rejected == {
        (f"{place}-{shape}.jsonl", 7 * spoilt + place + 2)
        for place, shape in enumerate(sorted(SHAPES))
        for spoilt in range(4)
    }


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_changes_no_byte(tmp_path, read_by_one, workers):
    data, _, _, expected = read_by_one
    prepared(tmp_path, data, workers=workers)
    found = bytes_of(tmp_path / "out")
    assert found.keys() == expected.keys()
    for name, content in expected.items():
        assert found[name] == content, name


def test_where_the_output_goes_changes_no_byte(tmp_path, read_by_one):
    data, _, _, expected = read_by_one
    prepared(tmp_path / "some" / "where", data)
    assert bytes_of(tmp_path / "some" / "where" / "out") == expected


def test_a_held_out_file_of_nothing_but_damage_is_refused(tmp_path):
    good = [line_of(SHAPES["prompt_completion"](number)) for number in range(40)]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(good))
    for name in ("cut short", "list", "only NUL bytes", "UTF-16"):
        bad = [LINE_DAMAGES[name].of(line, place) for place, line in enumerate(good)]
        (tmp_path / "test.jsonl").write_bytes(b"\n".join(bad))
        with pytest.raises(TunelineError, match=r"test\.jsonl"):
            prepared(tmp_path, tmp_path / "a.jsonl", test_data=str(tmp_path / "test.jsonl"))
        assert names_in(tmp_path / "out") == []


def test_user_text_cannot_leave_its_cell(tmp_path):
    """Markup, quotes and escapes in rows come back as they were."""
    nasty = ["</script><script>alert(1)</script>", "a\r\nb", '","', "\\", "{{7*7}}", "%s%n", "`$x`"]
    rows = [
        {"prompt": f"{number} {nasty[number % 7]}", "completion": nasty[-1 - number % 7] + "."}
        for number in range(42)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    prepared(tmp_path, tmp_path / "a.jsonl")
    found = {
        (row["turns"][0]["parts"][0]["text"], row["turns"][1]["parts"][0]["text"])
        for split in ("train", "validation", "test")
        for row in pq.read_table(tmp_path / "out" / f"{split}.parquet").to_pylist()
    }
    assert found == {(row["prompt"], row["completion"]) for row in rows}
    assert "<script>alert" not in (tmp_path / "out" / "report.html").read_text()
