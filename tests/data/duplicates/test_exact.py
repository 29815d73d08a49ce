import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.duplicates.conflicts import conflict_findings, find_conflicts
from tuneline.data.duplicates.exact import (
    DATA,
    KEPT,
    REASONS,
    TEST,
    VALIDATION,
    find_clashes,
)
from tuneline.data.duplicates.keys import NO_ROW

contents = st.lists(st.integers(0, 9), max_size=40).map(lambda own: np.array(own, np.uint64))


@settings(max_examples=60)
@given(contents)
def test_the_first_of_equal_rows_stays_and_nothing_is_left_to_find(keys):
    purposes = np.full(len(keys), DATA, np.uint8)
    found = find_clashes(keys, None, None, purposes)
    stays = found.reasons == KEPT
    assert keys[stays].tolist() == list(dict.fromkeys(keys.tolist()))
    assert (keys[found.partners[~stays]] == keys[~stays]).all()
    again = find_clashes(keys[stays], None, None, purposes[stays])
    assert (again.reasons == KEPT).all()


def clashes_of(rows, groups=None):
    """Reasons and partners of rows of (content, prompt, purpose)."""
    content, prompt, purpose = (np.array(column) for column in zip(*rows, strict=True))
    group = None if groups is None else np.array(groups, np.uint64)
    found = find_clashes(
        content.astype(np.uint64), prompt.astype(np.uint64), group, purpose.astype(np.uint8)
    )
    return [REASONS[reason] for reason in found.reasons], found.partners.tolist()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(1, 1, TEST), (1, 1, DATA)], "also_in_test"),
        ([(1, 1, VALIDATION), (1, 1, DATA)], "also_in_validation"),
        ([(1, 1, TEST), (1, 1, VALIDATION)], "also_in_test"),
        ([(1, 1, TEST), (2, 1, DATA)], "prompt_in_test"),
        ([(1, 1, VALIDATION), (2, 1, DATA)], "prompt_in_validation"),
        ([(1, 1, DATA), (1, 1, DATA)], "duplicate"),
        ([(1, 1, TEST), (1, 1, TEST)], "duplicate"),
        ([(1, 1, DATA), (2, 1, DATA)], ""),
        ([(1, 1, TEST), (2, 2, DATA)], ""),
    ],
)
def test_a_later_row_clashes_with_an_earlier_one(rows, reason):
    reasons, partners = clashes_of(rows)
    assert reasons == ["", reason]
    assert partners == [NO_ROW, 0 if reason else NO_ROW]


def test_a_group_of_a_held_out_file_is_not_trained_on():
    rows = [(1, 1, TEST), (2, 2, VALIDATION), (3, 3, DATA), (4, 4, DATA), (5, 5, DATA)]
    reasons, partners = clashes_of(rows, groups=[7, 8, 7, 8, 9])
    assert reasons == ["", "", "group_in_test", "group_in_validation", ""]
    assert partners == [NO_ROW, NO_ROW, 0, 1, NO_ROW]


def test_a_held_out_row_that_does_not_stay_keeps_nothing_out():
    rows = [(1, 1, TEST), (2, 1, VALIDATION), (3, 3, DATA)]
    assert clashes_of(rows, groups=[1, 2, 2])[0] == ["", "prompt_in_test", ""]


drawn = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4), st.integers(0, 2)), max_size=40)


@settings(max_examples=100)
@given(drawn)
def test_what_stays_shares_no_content_and_no_prompt_with_a_held_out_file(triples):
    # Equal contents have equal prompts; rows are in the order of reading.
    rows = sorted(
        ((content, content % 5, purpose) for content, _, purpose in triples),
        key=lambda row: -row[2],
    )
    if not rows:
        return
    reasons, _ = clashes_of(rows)
    kept = [row for row, reason in zip(rows, reasons, strict=True) if not reason]
    assert len({content for content, _, _ in kept}) == len(kept)
    purposes: dict[int, int] = {}
    for _, prompt, purpose in kept:
        assert purposes.setdefault(prompt, purpose) == purpose
    for row, reason in zip(rows, reasons, strict=True):
        if reason == "duplicate":
            assert row in kept


def test_rows_that_may_not_stay_keep_nothing_out():
    keys = np.array([1, 1, 1], np.uint64)
    found = find_clashes(
        keys, keys, None, np.zeros(3, np.uint8), candidates=np.array([False, True, True])
    )
    assert found.reasons.tolist() == [KEPT, KEPT, REASONS.index("duplicate")]
    assert found.partners.tolist() == [NO_ROW, NO_ROW, 1]


def test_every_row_of_a_contradicted_prompt_is_found():
    prompts = np.array([1, 2, 1, 3, 3, 1], np.uint64)
    labels = np.array([0, 1, 0, 0, 0, 2], np.int32)
    found = find_conflicts(prompts, labels, np.ones(6, bool))
    assert found.rows.tolist() == [True, False, True, False, False, True]
    assert found.prompts == 1
    (finding,) = conflict_findings(found, "warn")
    assert finding.code == "conflicting_label"
    assert finding.sentence.startswith("3 rows share 1 prompts")
    assert conflict_findings(found, "error")[0].severity == "error"
    assert conflict_findings(found, "off") == []


def test_rows_that_are_not_looked_at_contradict_nothing():
    prompts = np.array([1, 1], np.uint64)
    found = find_conflicts(prompts, np.array([0, 1], np.int32), np.array([True, False]))
    assert found.prompts == 0
    assert not found.rows.any()
    assert conflict_findings(found, "warn") == []
