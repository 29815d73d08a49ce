import json
import tracemalloc

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.rows.reading import read, read_file
from tuneline.data.rows import jsonl, lines
from tuneline.data.rows.pieces import pieces, read_piece
from tuneline.data.rows.row import BATCH_ROWS, KEPT_BYTES, raw_text


def test_numbers_are_physical_lines(tmp_path):
    content = b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": 2}\nnot json\n[1]\n"\xff"\n{"a": 3}'
    assert read(tmp_path / "a", content, "jsonl") == [
        (1, {"a": 1}),
        (4, {"a": 2}),
        (5, "bad_json"),
        (6, "not_object"),
        (7, "bad_utf8"),
        (8, {"a": 3}),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"a": NaN}', "nan"),
        (b'{"a": [-Infinity]}', "nan"),
        (b'{"a": 1e999}', "nan"),
        (b'{"a": "\\ud800"}', "lone_surrogate"),
        (b'{"\\udc00": 1}', "lone_surrogate"),
        (b'{"a": "\0"}', "nul_byte"),
        (b'{"a": 1}\0', "nul_byte"),
        (b"[" * 5000, "deep_nesting"),
        (b'{"a":' * 1500 + b"1" + b"}" * 1500, "deep_nesting"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "duplicate_key"),
        (b'{"a" : 1, "a"\t\t: 2, "c": "\\":"}', "duplicate_key"),
        (b'{"a\\\\":1,"a\\\\":2}', "duplicate_key"),
        (b'{"a": [[{"b": 1}, {"b": 1, "b": 1}]]}', "duplicate_key"),
        (b'{"a": "\xed\xa0\x80"}', "bad_utf8"),
        (b"null", "not_object"),
        (b'{"a": 1,}', "bad_json"),
        (b'{"a": "\x01"}', "bad_json"),
        (b"{'a': 1}", "bad_json"),
        (b'\xef\xbb\xbf{"a": 1}', "bad_json"),
        (b"9" * 5000, "nan"),
    ],
)
def test_every_damage_has_its_code_and_costs_one_row(tmp_path, line, code):
    content = b'{"a": 0}\n' + line + b'\n{"b": 0}\n'
    assert read(tmp_path / "a", content, "jsonl") == [(1, {"a": 0}), (2, code), (3, {"b": 0})]


@pytest.mark.parametrize(
    "line",
    [
        rb'{"a":"say \"b\": and \"c\" : \\","d":{"e":[{"f":"\\\":"}]}}',
        b'{"a": "x\\"  y", "b" : [1, [], {}]}',
        b'{"a":{"a":{"a":1}}}',
        b"{}",
    ],
)
def test_texts_that_look_like_keys_are_no_keys(tmp_path, line):
    assert read(tmp_path / "a", line, "jsonl") == [(1, orjson.loads(line))]


def test_a_repeated_key_may_pass_with_or_without_a_word(tmp_path):
    (tmp_path / "a").write_bytes(b'{"b": 0}\n{"a": 1, "a": 2}\n')
    [piece] = pieces(tmp_path / "a", "file", "jsonl")
    [rows] = read_piece(piece, "warn")
    assert rows.values == [{"b": 0}, {"a": 2}]
    [hit] = rows.hits
    assert (hit.index, hit.code) == (1, "duplicate_key")
    assert "'a' twice" in hit.message
    [rows] = read_piece(piece, "off")
    assert rows.values == [{"b": 0}, {"a": 2}]
    assert rows.hits == []


def test_a_line_that_is_too_long_is_skipped_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 16)
    content = b'{"a": "' + b"x" * 100 + b'"}\n{"a": 1}\n{"b":"12345678"}\n{"b":"123456789"}\n'
    assert read(tmp_path / "a", content, "jsonl") == [
        (1, "too_long_line"),
        (2, {"a": 1}),
        (3, {"b": "12345678"}),
        (4, "too_long_line"),
    ]


def test_a_huge_line_takes_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1024 * 1024)
    with (tmp_path / "a").open("wb") as file:
        file.write(b'{"a": 1}\n')
        file.truncate(64 * 1024 * 1024)
        file.seek(0, 2)
        file.write(b'\n{"b": 1}\n')
    tracemalloc.start()
    found = read_file(tmp_path / "a", "jsonl")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [(1, {"a": 1}), (2, "too_long_line"), (3, {"b": 1})]
    assert peak < 8 * 1024 * 1024


def test_batches_are_bounded_and_counted(tmp_path):
    (tmp_path / "a").write_bytes(b'{"a": 1}\n' * (2 * BATCH_ROWS + 1))
    [piece] = pieces(tmp_path / "a", "file", "jsonl")
    reader = read_piece(piece)
    assert [len(rows) for rows in reader] == [BATCH_ROWS, BATCH_ROWS, 1]
    assert reader.lines == 2 * BATCH_ROWS + 1


def test_raw_text_is_cut_and_shows_broken_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff" + b"x" * 50_000 + b"\r\n")
    [piece] = pieces(tmp_path / "a", "file", "jsonl")
    [rows] = read_piece(piece)
    assert raw_text(rows.rejected[0].raw) == "\\xff" + "x" * (KEPT_BYTES - 1)
    assert raw_text(None, {"a": 1}) == '{"a":1}'


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=4)


@st.composite
def written(draw):
    """An object as some writer would write it."""
    value = draw(objects)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", "  :\t")]))
    ascii_only = draw(st.booleans())
    try:
        line = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        line = json.dumps(value, separators=separators).encode()
    return line, value


@settings(max_examples=100)
@given(written())
def test_an_object_comes_back_whoever_wrote_it(tmp_path_factory, pair):
    line, value = pair
    path = tmp_path_factory.mktemp("jsonl") / "a"
    [(number, found)] = read(path, line, "jsonl")
    assert number == 1
    assert found == (value if isinstance(found, dict) else "lone_surrogate")


@settings(max_examples=100)
@given(objects.filter(bool), st.data())
def test_a_repeated_key_is_never_missed(tmp_path_factory, value, data):
    key = data.draw(st.sampled_from(sorted(value)))
    space = data.draw(st.sampled_from(["", " ", "  ", "\t\t"]))
    repeated = f"{json.dumps(key)}{space}:{space}0"
    line = json.dumps(value, separators=(",", ":"))[:-1] + f",{repeated}}}"
    nested = data.draw(st.booleans())
    path = tmp_path_factory.mktemp("jsonl") / "a"
    content = (f'{{"k":[{line}]}}' if nested else line).encode()
    [(_, found)] = read(path, content, "jsonl")
    assert found in ("duplicate_key", "lone_surrogate")


damaged = st.lists(
    st.one_of(
        objects.map(lambda value: json.dumps(value).encode()),
        objects.map(lambda value: json.dumps(value).encode()[:-3]),
        objects.map(lambda value: json.dumps(value).encode("utf-16")),
        objects.map(lambda value: b'{"x":"' + b"y" * 200 + b'",' + json.dumps(value).encode()[1:]),
        st.binary(max_size=30),
        st.sampled_from(
            [b"", b"  \t", b"\xef\xbb\xbf{}", b"\0\0", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 1200]
        ),
    ),
    max_size=12,
)


@settings(max_examples=100)
@given(
    damaged,
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.integers(1, 300),
    st.sampled_from([64, 100_000]),
)
def test_every_line_gives_one_row_however_the_file_is_cut(
    tmp_path_factory, parts, ending, at_end, piece_bytes, limit
):
    content = ending.join(parts) + (ending if at_end else b"")
    path = tmp_path_factory.mktemp("jsonl") / "a"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "MAX_LINE_BYTES", limit)
        whole = read(path, content, "jsonl")
        assert read(path, content, "jsonl", piece_bytes) == whole
        patch.setattr(jsonl, "WHOLE_BYTES", 0)
        assert read(path, content, "jsonl", piece_bytes) == whole
    physical = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    numbers = [number for number, line in enumerate(physical, 1) if line and not line.isspace()]
    long = {number for number, line in enumerate(physical, 1) if len(line) > limit}
    assert [number for number, _ in whole] == numbers
    assert {number for number, value in whole if value == "too_long_line"} == long
