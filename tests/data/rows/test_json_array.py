import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.rows.reading import read
from tuneline.data.rows import json_array, lines
from tuneline.data.rows.pieces import pieces, read_piece


def test_rows_are_elements(tmp_path):
    content = b'\xef\xbb\xbf [ {"a": 1},\n  {"a": [2, {"b": "]"}]}\n,3,"x"] \n'
    assert read(tmp_path / "a", content, "json") == [
        (1, {"a": 1}),
        (2, {"a": [2, {"b": "]"}]}),
        (3, "not_object"),
        (4, "not_object"),
    ]


@pytest.mark.parametrize(
    ("element", "code"),
    [
        (b'{"a": NaN}', "nan"),
        (b'{"a": "\\ud800"}', "lone_surrogate"),
        (b'{"a": "\xff"}', "bad_utf8"),
        (b'{"a": "\0"}', "nul_byte"),
        (b'{"a": "\n"}', "bad_json"),
        (b'{"a": {"b": 1, "b": 2}}', "duplicate_key"),
        (b"[]", "not_object"),
        (b'{"a": "' + b"x" * 200 + b'"}', "too_long_line"),
    ],
)
def test_a_damaged_element_costs_itself_alone(tmp_path, monkeypatch, element, code):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(json_array, "_BLOCK_BYTES", 300)
    content = b'[{"a": 0},' + element + b', {"b": 0}]'
    assert read(tmp_path / "a", content, "json") == [(1, {"a": 0}), (2, code), (3, {"b": 0})]


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        (b"", "bad_json"),
        (b",", "bad_json"),
        (b",]", "bad_json"),
        (b',{"a"', "bad_json"),
        (b',{"a": 1} {"a": 2}]', "bad_json"),
        (b',{"a": 1}] x', "bad_json"),
        (b"," + b"[" * 5000, "deep_nesting"),
        (b',{"a": "' + b"x" * 5000, "too_long_line"),
    ],
)
def test_a_broken_array_gives_the_rows_before_the_break(tmp_path, monkeypatch, rest, code):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(json_array, "_BLOCK_BYTES", 16)
    found = read(tmp_path / "a", b'[{"a": 0}' + rest, "json")
    assert found[0] == (1, {"a": 0})
    assert [value for _, value in found if isinstance(value, str)] == [code]
    assert found[-1][1] == code


def test_the_break_is_said_where_it_is(tmp_path):
    (tmp_path / "a").write_bytes('[{"ä": 1} {"a": 2}]'.encode())
    [piece] = pieces(tmp_path / "a", "file", "json")
    [rows] = read_piece(piece)
    assert "at character 11" in rows.rejected[0].error.message


@pytest.mark.parametrize(("severity", "hits"), [("warn", [1]), ("off", [])])
def test_a_repeated_key_may_pass(tmp_path, severity, hits):
    (tmp_path / "a").write_bytes(b'[{"b": 0}, {"a": 1, "a": 2}]')
    [piece] = pieces(tmp_path / "a", "file", "json")
    [rows] = read_piece(piece, severity)
    assert rows.values == [{"b": 0}, {"a": 2}]
    assert [hit.index for hit in rows.hits] == hits


def test_an_empty_array_has_no_rows(tmp_path):
    assert read(tmp_path / "a", b"[ ]", "json") == []


def test_the_raw_text_is_kept(tmp_path):
    (tmp_path / "a").write_bytes('[{"ä" : 1}, {"b": NaN}]'.encode())
    [piece] = pieces(tmp_path / "a", "file", "json")
    [rows] = read_piece(piece)
    assert rows.raws == ['{"ä" : 1}'.encode()]
    assert rows.rejected[0].raw == b'{"b": NaN}'


def test_a_broken_array_shows_where_it_broke(tmp_path):
    (tmp_path / "a").write_bytes(b'[{"a": 1}, {"b": nonsense}, {"c": 3}]')
    [piece] = pieces(tmp_path / "a", "file", "json")
    [rows] = read_piece(piece)
    assert rows.values == [{"a": 1}]
    assert rows.rejected[0].raw == b'{"b": nonsense}, {"c": 3}]'


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=80)
@given(
    st.lists(st.dictionaries(texts, texts | st.integers(-9, 9) | st.none(), max_size=3)),
    st.sampled_from([None, 2]),
    st.booleans(),
    st.integers(1, 40),
)
def test_an_array_comes_back_whatever_the_block(tmp_path_factory, values, indent, ascii_only, size):
    content = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    path = tmp_path_factory.mktemp("json") / "a"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "_BLOCK_BYTES", size)
        assert read(path, content, "json") == list(enumerate(values, 1))
