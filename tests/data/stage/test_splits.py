"""Who ends where: near duplicates, groups, times, mixtures and the user's own held-out files."""

import random
from collections import Counter
from string import ascii_lowercase

import pyarrow.parquet as pq
import pytest

from tests.data.source_files import pair, pairs, prepare_into, splits_in, write_jsonl
from tuneline.data.split.names import SPLITS
from tuneline.errors import DataError


def twins(count):
    """Prompts in families of three that differ at their end, each family in words of its own."""
    rows = []
    for number in range(count):
        letters = random.Random(number)
        words = ["".join(letters.choices(ascii_lowercase, k=6)) for _ in range(14)]
        text = " ".join(words)
        rows += [{"prompt": text + end, "completion": f"a{number % 3}"} for end in ("", "?", " x")]
    return rows


def places_in(folder):
    return {
        example.row: split for split, examples in splits_in(folder).items() for example in examples
    }


def left_out(folder):
    return pq.read_table(folder / "rejected.parquet").to_pylist()


def test_prompts_that_are_alike_stay_in_one_split(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", twins(40))
    manifest = prepare_into(tmp_path / "out", data)
    places = places_in(tmp_path / "out")
    assert manifest.counts.kept == 120
    assert manifest.near_duplicates
    assert manifest.near_duplicates.rows == 120
    assert len(set(places.values())) == 3
    for family in range(40):
        assert len({places[row] for row in range(3 * family + 1, 3 * family + 4)}) == 1
    apart = prepare_into(tmp_path / "off", data, near_duplicates="off")
    assert apart.near_duplicates is None
    scattered = places_in(tmp_path / "off")
    assert any(
        len({scattered[row] for row in range(3 * family + 1, 3 * family + 4)}) > 1
        for family in range(40)
    )


def test_only_the_first_of_prompts_that_are_alike_stays_on_demand(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", twins(40))
    manifest = prepare_into(tmp_path / "out", data, near_duplicates="remove")
    assert manifest.counts.per_reason == {"near_duplicate": 80}
    assert (manifest.counts.kept, manifest.counts.duplicates) == (40, 80)
    assert set(places_in(tmp_path / "out")) == {3 * family + 1 for family in range(40)}
    first = left_out(tmp_path / "out")[0]
    assert (first["row"], first["kind"]) == (2, "duplicate")
    assert first["message"] == "has almost the same prompt as a.jsonl:1, which is kept."


def test_near_twins_of_the_own_test_file_do_not_train(tmp_path):
    rows = twins(40)
    data = write_jsonl(tmp_path / "a.jsonl", rows[1:])
    test = write_jsonl(tmp_path / "test.jsonl", [rows[0], *pairs(5, start=900)])
    manifest = prepare_into(tmp_path / "out", data, test_data=str(test))
    assert manifest.counts.per_reason == {"near_duplicate_in_test": 2}
    assert manifest.counts.per_split["test"] == 6
    assert "2 rows have almost the same prompt as a row of the test file" in manifest.warnings[0]
    assert "a.jsonl:1, a.jsonl:2" in manifest.warnings[0]


def test_the_task_does_not_depend_on_duplicates(tmp_path):
    """Ten copies of each row would make few answers for many rows of what are texts."""
    texts = [{"prompt": f"q {n * 7919}", "completion": f"text {n}"} for n in range(30)]
    once = prepare_into(tmp_path / "once", write_jsonl(tmp_path / "a.jsonl", texts))
    often = prepare_into(tmp_path / "often", write_jsonl(tmp_path / "a.jsonl", texts * 10))
    assert (once.task, once.task_reason) == (often.task, often.task_reason)
    assert often.task == "generation"
    assert often.counts.duplicates == 270
    assert places_in(tmp_path / "once") == places_in(tmp_path / "often")
    some = prepare_into(tmp_path / "some", write_jsonl(tmp_path / "b.jsonl", pairs(60) * 3))
    assert some.task_reason == "3 distinct short answers in 60 rows"


def test_answers_that_are_function_calls_are_no_classes(tmp_path):
    call = {"functionCall": {"name": "weather", "args": {}}}
    rows = [
        {
            "tools": [{"functionDeclarations": [{"name": "weather"}]}],
            "contents": [
                {"role": "user", "parts": [{"text": f"question {number * 7919}"}]},
                {"role": "model", "parts": [call if number % 2 else {"text": "done"}]},
            ],
        }
        for number in range(40)
    ]
    manifest = prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows))
    assert manifest.task == "generation"
    assert manifest.task_reason == "some answers are function calls, not texts"
    assert manifest.labels == {}


def test_groups_stay_together(tmp_path):
    rows = [{**row, "customer": number % 13} for number, row in enumerate(pairs(130))]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    prepare_into(tmp_path / "out", data, group_column="customer")
    groups = {split: {it.group for it in its} for split, its in splits_in(tmp_path / "out").items()}
    assert sum(map(len, groups.values())) == 13
    assert all(groups.values())


def test_the_newest_rows_are_the_test_split(tmp_path):
    days = [(number * 37) % 100 for number in range(100)]
    rows = [
        {**row, "day": f"2025-{1 + day // 28:02}-{1 + day % 28:02}"}
        for row, day in zip(pairs(100), days, strict=True)
    ]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    manifest = prepare_into(tmp_path / "out", data, time_column="day")
    by_split: dict[str, list[int]] = {split: [] for split in SPLITS}
    for row, split in places_in(tmp_path / "out").items():
        by_split[split].append(days[row - 1])
    assert max(by_split["train"]) < min(by_split["validation"])
    assert max(by_split["validation"]) < min(by_split["test"])
    assert manifest.counts.per_split == {"train": 70, "validation": 10, "test": 20}


def test_labels_have_a_limit_in_training_alone(tmp_path):
    rows = pairs(90) + [pair(n, "refund") for n in range(200, 260)]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    free = prepare_into(tmp_path / "free", data)
    manifest = prepare_into(tmp_path / "out", data, max_rows_per_label=20)
    assert [counts["train"] for counts in manifest.labels.values()] == [20, 20, 20]
    held_out = [
        [(counts["validation"], counts["test"]) for counts in it.labels.values()]
        for it in (free, manifest)
    ]
    assert held_out[0] == held_out[1]
    counts = manifest.counts
    assert counts.per_reason == {"over_label_limit": counts.rejected}
    assert counts.read == counts.kept + counts.rejected == 150
    with pytest.raises(DataError, match="max_rows_per_label: the task is generation"):
        prepare_into(tmp_path / "none", data, max_rows_per_label=20, task="generation")


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.25, 2.0), (3.0, 0.1)])
def test_the_sources_of_a_mixture_have_their_proportions(tmp_path, weights):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(100))
    given = [(data, 1.0)]
    for number, (size, weight) in enumerate(zip((60, 200), weights, strict=True), start=1):
        path = write_jsonl(tmp_path / f"more{number}.jsonl", pairs(size, start=1000 * number))
        given.append((path, weight))
    out = tmp_path / "out"
    manifest = prepare_into(
        out, data, mixture={str(path): weight for path, weight in given[1:]}, max_rejected_share=1
    )
    counts = manifest.counts
    assert counts.read == counts.kept + counts.rejected + counts.duplicates == 360
    assert counts.per_reason == {"outside_mixture": counts.rejected}
    assert Counter(row["reason"] for row in left_out(out)) == counts.per_reason
    trained = Counter(example.source for example in splits_in(out)["train"])
    pools = [trained[source.file] + source.rejected for source in manifest.sources]
    scale = min(pool / weight for pool, (_, weight) in zip(pools, given, strict=True))
    for path, weight in given:
        assert weight * scale - 1 < trained[path.name] <= weight * scale + 1e-6
    for source, (path, weight) in zip(manifest.sources, given, strict=True):
        assert (source.file, source.weight) == (path.name, weight)
        assert source.rows == source.kept + source.rejected + source.duplicates
    # The source that has least for its weight keeps every row.
    assert min(source.rejected for source in manifest.sources) == 0


def test_prompts_that_are_all_alike_cannot_be_split_and_the_message_says_why(tmp_path):
    families = [row["prompt"] for row in twins(2)[::3]]
    rows = [
        {"prompt": f"{family} {number}", "completion": f"text {number}"}
        for family in families
        for number in range(20)
    ]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataError, match=r"2 distinct prompts .* unless near_duplicates is off"):
        prepare_into(tmp_path / "out", data)
    assert prepare_into(tmp_path / "out", data, near_duplicates="off").counts.kept == 40


def test_a_source_of_a_mixture_that_adds_nothing_is_refused(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(60))
    more = write_jsonl(tmp_path / "more.jsonl", pairs(20))
    with pytest.raises(DataError, match=r"more\.jsonl: none of its 20 rows can be kept"):
        prepare_into(tmp_path / "out", data, mixture={str(more): 1})


def test_a_prompt_with_two_answers_stays_in_one_split(tmp_path):
    rows = [*pairs(60), *(pair(number, "another answer") for number in range(60))]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    prepare_into(tmp_path / "out", data, task="generation")
    places = places_in(tmp_path / "out")
    assert all(places[row] == places[row + 60] for row in range(1, 61))
