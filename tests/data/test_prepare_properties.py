import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.source_files import pair, pairs, prepare_into, splits_in, write_jsonl
from tuneline.data.check import check
from tuneline.data.settings import PrepareSettings

BAD = [
    b"{broken",
    b'"\xff"',
    b"[1]",
    b"null",
    b'{"prompt": "a"}',
    b'{"prompt": "", "completion": "b"}',
    b'{"prompt": "a", "completion": null}',
    b'{"prompt": 1, "completion": "b"}',
    b'{"prompt": "a\\u0000", "completion": "b"}',
    b'{"prompt": "a", "completion": "b"} {}',
    b"\x00",
]

mixes = st.lists(
    st.one_of(
        st.integers(0, 60).map(pair),
        st.tuples(st.integers(0, 60), st.sampled_from(["x", "y"])).map(lambda it: pair(*it)),
        st.sampled_from(BAD),
        st.just(b""),
    ),
    max_size=60,
)


@settings(max_examples=40)
@given(mixes, st.randoms(), st.integers(0, 3))
def test_every_row_is_accounted_for(mixed, shuffle, seed):
    rows = [*pairs(15, start=100), *mixed]
    shuffle.shuffle(rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_jsonl(folder / "a.jsonl", rows)
        counts = prepare_into(folder / "out", data, seed=seed, max_rejected_share=1).counts
        left_out = pq.read_table(folder / "out" / "rejected.parquet").to_pylist()
        splits = splits_in(folder / "out")
    assert counts.read == sum(row != b"" for row in rows)
    assert counts.read == counts.kept + counts.rejected + counts.duplicates
    assert counts.rejected == sum(row in BAD for row in rows)
    assert counts.rejected + counts.duplicates == sum(counts.per_reason.values()) == len(left_out)
    assert counts.per_split == {split: len(examples) for split, examples in splits.items()}
    assert counts.kept == sum(counts.per_split.values())
    places = [example.row for examples in splits.values() for example in examples]
    places += [row["row"] for row in left_out]
    assert sorted(places) == [place for place, row in enumerate(rows, 1) if row != b""]
    good = {json.dumps(row) for row in rows if isinstance(row, dict)}
    assert counts.kept == len(good)
    prompts = [{example.prompt_id for example in examples} for examples in splits.values()]
    assert len(set.union(*prompts)) == sum(map(len, prompts))


@settings(max_examples=15)
@given(st.lists(st.integers(0, 80).map(pair), max_size=60), st.booleans(), st.randoms())
def test_the_split_does_not_depend_on_the_order_of_the_rows(extra, labeled, shuffle):
    rows = [*pairs(20, start=100), *extra]
    if not labeled:
        rows = [{**row, "completion": f"answer to {row['prompt']}"} for row in rows]
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(2):
            prepare_into(folder / "out", write_jsonl(folder / "a.jsonl", rows))
            splits = splits_in(folder / "out")
            found.append(
                {
                    split: sorted(example.example_id for example in it)
                    for split, it in splits.items()
                }
            )
            shuffle.shuffle(rows)
    assert found[0] == found[1]


@settings(max_examples=100)
@given(st.binary(max_size=200), st.sampled_from(["a.jsonl", "a.csv", "a.parquet", "artifact"]))
def test_any_bytes_are_examples_or_a_failure_that_says_why(content, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        good = write_jsonl(Path(folder) / "good.jsonl", pairs(12)).read_bytes()
        path.write_bytes(good + content if name == "a.jsonl" else content)
        result = check(PrepareSettings(data=str(path)))
    assert result.passed == (result.failure == "")
    if result.passed:
        assert result.counts.kept >= 12
    else:
        assert name in result.failure
