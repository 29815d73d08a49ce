import pickle
import re
import string
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.evaluation.metrics.text import (
    Contains,
    ExactMatch,
    NormalizedMatch,
    TokenF1,
    in_common,
    plain,
)
from tuneline.evaluation.metrics.words import rouge_words, squad_words, stemmed
from tuneline.evaluation.rows import Rows

METRICS = (ExactMatch(), NormalizedMatch(), Contains(), TokenF1())
texts = st.text(max_size=40)
words_and_marks = st.lists(
    st.sampled_from([*"aAbB", "the", "The", "an", "cat", ".", ",", "-", "$", "'s", " ", "\n"]),
    max_size=12,
).map(" ".join)


def score(metric, reference, prediction):
    rows = Rows.of([reference], [prediction])
    return float(metric.value(metric.measure(rows).sum(axis=0)))


@pytest.mark.parametrize(
    ("reference", "prediction", "equal"),
    [
        ("refund", " refund\n", True),
        ("refund", "Refund", False),
        ("refund", "refund.", False),
        ("caf\u00e9", "cafe\u0301", True),
        ("", "   ", True),
        ("a b", "a  b", False),
        ("x", "x", True),
        ("\U0001f44d", "\U0001f44d\ufe0f", False),
    ],
)
def test_exact_match_is_strict_after_nfc_and_strip(reference, prediction, equal):
    assert score(ExactMatch(), reference, prediction) == equal


@pytest.mark.parametrize(
    ("reference", "prediction", "equal"),
    [
        ("The U.S.A.", "usa", True),
        ("a  red\tcar", "Red car!", True),
        ("red car", "car red", False),
        ("Stra\u00dfe", "STRASSE", True),
        ("\u00abЩи\u00bb", "щи", True),
        ("caf\u00e9", "CAFE\u0301.", True),
        ("北京市。", "北京 市", True),
        ("北京市", "北京", False),
        ("$5", "5", True),
        ("5 €", "5", False),
        ("theatre", "atre", False),
        ("", "  ", True),
        ("A", "a.", True),
        ("A", "", False),
        ("A", "The", False),
        ("?", "", False),
        ("?", "!", False),
        ("¿?", "¿?", True),
    ],
)
def test_normalized_match_ignores_case_punctuation_articles_and_space(reference, prediction, equal):
    assert score(NormalizedMatch(), reference, prediction) == equal
    assert score(NormalizedMatch(), prediction, reference) == equal


@pytest.mark.parametrize(
    ("reference", "prediction", "inside"),
    [
        ("red car", "It is the Red Car.", True),
        ("red car", "red sports car", False),
        ("car", "cargo", False),
        ("red", "Red", True),
        ("red car", "red", False),
        ("", "anything", False),
        ("", "", True),
        ("anything", "", False),
        ("北京", "我住在北京市", True),
        ("北市", "我住在北京市", False),
        ("the", "to the point", False),  # an article inside is no word: SQuAD drops it
        ("москва", "Столица: Москва!", True),
    ],
)
def test_contains_finds_whole_words_in_order(reference, prediction, inside):
    assert score(Contains(), reference, prediction) == inside


@pytest.mark.parametrize(
    ("reference", "prediction", "f1"),
    [
        ("the red car", "a red bus", 0.5),
        ("red red car", "red car car", 2 / 3),
        ("x", "x", 1.0),
        ("x", "y", 0.0),
        ("", "", 1.0),
        ("x", "", 0.0),
        ("", "x", 0.0),
        ("北京市", "北京", 0.8),
        ("\U0001f600 ok", "ok", 2 / 3),
    ],
)
def test_token_f1_counts_words_as_multisets(reference, prediction, f1):
    assert score(TokenF1(), reference, prediction) == pytest.approx(f1, abs=1e-12)


def squad_by_regular_expressions(text):
    bare = "".join(kept for kept in text.lower() if kept not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


@given(words_and_marks)
def test_words_are_those_of_squad_where_something_is_left(text):
    expected = squad_by_regular_expressions(text)
    if expected:
        assert squad_words(text) == expected
    else:
        assert squad_words(text) == [] or text.strip()


@given(words_and_marks, words_and_marks)
def test_token_f1_is_that_of_squad(reference, prediction):
    right, given_ = map(squad_by_regular_expressions, (reference, prediction))
    if not right or not given_:
        return
    common = sum((Counter(right) & Counter(given_)).values())
    precision, recall = common / len(given_), common / len(right)
    f1 = 2 * precision * recall / (precision + recall) if common else 0.0
    assert score(TokenF1(), reference, prediction) == pytest.approx(f1, abs=1e-12)


@given(texts, texts)
def test_lenient_metrics_are_never_below_strict_ones(reference, prediction):
    exact, normalized, contains, f1 = (score(metric, reference, prediction) for metric in METRICS)
    assert exact <= normalized <= contains
    assert normalized <= f1 <= 1


@given(texts)
def test_a_text_equals_itself_in_every_composed_form(text):
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, text)
        assert [score(metric, text, other) for metric in METRICS] == [1, 1, 1, 1]


@given(st.lists(st.integers(0, 4)), st.lists(st.integers(0, 4)))
def test_multisets_have_in_common_what_counters_say(left, right):
    assert in_common(left, right) == (Counter(left) & Counter(right)).total()


def test_plain_composes_and_strips():
    assert plain("\u2003cafe\u0301\n") == "caf\u00e9"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Don\u2019t stop \u2013 it's 5 o'clock",
            ["don", "t", "stop", "it", "s", "5", "o", "clock"],
        ),
        ("snake_case", ["snake", "case"]),
        ("Кафе «Москва»", ["кафе", "москва"]),
        ("cafe\u0301", ["caf\u00e9"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("北京2024年", ["北", "京", "2024", "年"]),
        ("カフェ・ラテ", ["カ", "フ", "ェ", "ラ", "テ"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("안녕 하세요", ["안녕", "하세요"]),
        ("1\ufe0f\u20e3 \U0001f600", ["1"]),
        ("\u0301 ...", []),
        ("", []),
    ],
)
def test_words_of_any_script(text, words):
    assert rouge_words(text) == [unicodedata.normalize("NFC", word) for word in words]


def test_short_and_foreign_words_are_not_stemmed():
    assert stemmed(["running", "ties", "was", "книги"]) == ["run", "tie", "was", "книги"]


def test_a_long_text_and_no_rows():
    long = "word " * 200_000
    assert [score(metric, long, long) for metric in METRICS] == [1, 1, 1, 1]
    empty = Rows.of([], [])
    for metric in METRICS:
        assert metric.measure(empty).shape == (0, 2)
        assert np.isnan(metric.value(metric.measure(empty).sum(axis=0)))


def test_batches_of_different_rows_are_not_confused():
    half, whole = Rows.of(["x y"], ["x z"]), Rows.of(["x"], ["x"])
    batches = (half, whole, half, Rows.of(["x"], ["z"]))
    assert [TokenF1().scores(rows)[0] for rows in batches] == [0.5, 1.0, 0.5, 0.0]


def test_metrics_survive_pickling():
    for metric in METRICS:
        copy = pickle.loads(pickle.dumps(metric))
        assert score(copy, "the cat", "The cat.") == score(metric, "the cat", "The cat.")
