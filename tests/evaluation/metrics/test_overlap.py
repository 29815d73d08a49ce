import pickle
import random
import string
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.chrf import CHRF

from tuneline.errors import ConfigurationError
from tuneline.evaluation.metrics import character_ngrams
from tuneline.evaluation.metrics.character_ngrams import ngram_statistics
from tuneline.evaluation.metrics.overlap import (
    Chrf,
    LengthRatio,
    Rouge1,
    Rouge2,
    RougeL,
    RougeLsum,
)
from tuneline.evaluation.rows import Rows

PEERS: dict[str, Any] = {
    "rouge1": Rouge1,
    "rouge2": Rouge2,
    "rougeL": RougeL,
    "rougeLsum": RougeLsum,
}
ROUGE = (Rouge1(), Rouge2(), RougeL(), RougeLsum())
SCORERS = {stemmer: RougeScorer(list(PEERS), use_stemmer=stemmer) for stemmer in (False, True)}

# Few words, so that they repeat and longest common subsequences are many.
few_words = st.lists(
    st.sampled_from(["a", "b", "c", "Running", "runs", "2", ".", "\n", "\n\n"]), max_size=30
).map(" ".join)
ascii_texts = st.text(st.sampled_from("abcAB 12_.,-\n\t\u2019\u2014\U0001f600"), max_size=60)
any_texts = st.text(max_size=40)
pairs = st.lists(st.tuples(any_texts, any_texts), min_size=1, max_size=8)


def value(metric, references, predictions):
    return float(metric.value(metric.measure(Rows.of(references, predictions)).sum(axis=0)))


def assert_rouge_equals_peer(reference, prediction, stemmer):
    expected = SCORERS[stemmer].score(reference, prediction)
    for name, metric in PEERS.items():
        ours = metric(use_stemmer=stemmer).scores(Rows.of([reference], [prediction]))[0]
        assert ours == pytest.approx(expected[name].fmeasure, abs=1e-9), name


@settings(max_examples=300)
@given(few_words, few_words, st.booleans())
def test_rouge_equals_rouge_score_on_repeating_words_and_lines(reference, prediction, stemmer):
    assert_rouge_equals_peer(reference, prediction, stemmer)


@given(ascii_texts, ascii_texts, st.booleans())
def test_rouge_equals_rouge_score_on_ascii_letters_with_any_marks(reference, prediction, stemmer):
    assert_rouge_equals_peer(reference, prediction, stemmer)


@pytest.mark.parametrize(
    ("reference", "prediction"),
    [
        ("", ""),
        ("x", ""),
        ("", "x"),
        ("x", "x"),
        ("...", "..."),
        ("The quick brown fox", "the quick brown dog jumps on the log."),
        ("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5"),  # the example in ROUGE's paper
        ("\n\n", "\n"),
        ("a\nb\nc", "c\nb\na"),
        ("\u212a2 peak", "k2 peak"),  # the sign for kelvin is k in lower case
    ],
)
@pytest.mark.parametrize("stemmer", [False, True])
def test_rouge_equals_rouge_score_at_the_edges(reference, prediction, stemmer):
    assert_rouge_equals_peer(reference, prediction, stemmer)


def test_rouge_equals_rouge_score_on_long_texts_of_many_lines():
    chance = random.Random(5)
    words = ["".join(chance.choices("abc", k=chance.randint(1, 4))) for _ in range(400)]
    text, other = (
        "\n".join(" ".join(chance.choices(words, k=25)) for _ in range(12)) for _ in range(2)
    )
    assert_rouge_equals_peer(text, other, stemmer=False)


@pytest.mark.parametrize("text", ["Это кот", "北京市", "हिन्दी में", "caf\u00e9 cr\u00e8me"])
def test_rouge_scores_texts_beyond_ascii(text):
    assert [value(metric, [text], [text]) for metric in ROUGE] == [1, 1, 1, 1]
    assert [value(metric, [text], ["другое"]) for metric in ROUGE] == [0, 0, 0, 0]


def test_rouge_counts_characters_of_scripts_without_spaces():
    assert value(Rouge1(), ["北京市"], ["北京"]) == pytest.approx(0.8)
    assert value(Rouge2(), ["北京市"], ["北京"]) == pytest.approx(2 / 3)


def test_rouge_is_the_mean_over_rows():
    assert value(Rouge1(), ["x", "x y", "x"], ["x", "x z", "y"]) == pytest.approx(0.5)


def test_the_stemmer_needs_nltk(monkeypatch):
    monkeypatch.setattr("tuneline.evaluation.metrics.overlap.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="pip install nltk"):
        RougeL(use_stemmer=True)
    assert not RougeL().use_stemmer


def peer_chrf(references, predictions):
    return CHRF().corpus_score(predictions, [references]).score / 100


@settings(max_examples=200)
@given(pairs)
def test_chrf_equals_sacrebleu_on_any_texts(rows):
    references, predictions = zip(*rows, strict=True)
    expected = peer_chrf(references, predictions)
    assert value(Chrf(), references, predictions) == pytest.approx(expected, abs=1e-9)


@given(pairs, st.integers(1, 12), st.integers(8, 64))
def test_chrf_is_the_same_however_rows_are_cut_into_batches(rows, characters, key_bits):
    """Keys of few bits make the rows split; keys of 8 bits leave a single row to sacrebleu."""
    references, predictions = zip(*rows, strict=True)
    expected = ngram_statistics(references, predictions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(character_ngrams, "BATCH_CHARACTERS", characters)
        patch.setattr(character_ngrams, "KEY_BITS", key_bits)
        assert np.array_equal(ngram_statistics(references, predictions), expected)


@pytest.mark.parametrize(
    ("reference", "prediction"),
    [
        ("", ""),
        ("x", ""),
        ("", "x"),
        ("x", "x"),
        ("abc", "abcdefgh"),
        ("abcdefgh", "abc"),
        (" a b\tc\u2003d\n", "abcd"),
        ("\U0001f600\U0001f601", "\U0001f601\U0001f600"),
        ("\x00\x01\x00", "\x00\x00"),
        ("\ud800 lone", "\ud800 alone"),
        ("a" * 100_000, "ab" * 50_000),
    ],
)
def test_chrf_equals_sacrebleu_at_the_edges(reference, prediction):
    expected = peer_chrf([reference], [prediction])
    assert value(Chrf(), [reference], [prediction]) == pytest.approx(expected, abs=1e-9)


def test_chrf_equals_sacrebleu_where_one_text_has_thousands_of_characters():
    han = [chr(0x4E00 + place) for place in range(4000)]
    chance = random.Random(3)
    references = ["".join(chance.choices(han, k=size)) for size in (6000, 40, 40)]
    predictions = ["".join(chance.choices(han[:2500], k=size)) for size in (5000, 30, 0)]
    expected = peer_chrf(references, predictions)
    assert value(Chrf(), references, predictions) == pytest.approx(expected, abs=1e-9)


def test_chrf_of_weighted_rows_is_that_of_rows_drawn_so_often():
    references, predictions = ["red car", "blue bus", "x"], ["red cat", "blue", "yy"]
    weights = np.array([[2, 0, 1], [0, 3, 0], [0, 0, 0]], dtype=np.float64)
    sums = weights @ Chrf().measure(Rows.of(references, predictions))
    drawn = [[0, 0, 2], [1, 1, 1]]
    expected = [
        peer_chrf([references[row] for row in rows], [predictions[row] for row in rows])
        for rows in drawn
    ]
    values = Chrf().value(sums)
    assert values[:2] == pytest.approx(expected, abs=1e-9)
    assert np.isnan(values[2])


def test_chrf_names_a_column_for_each_statistic():
    assert Chrf().measure(Rows.of(["ab"], ["b"])).shape == (1, len(Chrf.columns))
    assert Chrf().measure(Rows.of([], [])).shape == (0, len(Chrf.columns))


@pytest.mark.parametrize(
    ("references", "predictions", "ratio"),
    [
        (["one two", "three"], ["one", "two, two"], 1.0),
        (["one two"], [""], 0.0),
        (["北京"], ["北京市市"], 2.0),
        ([""], ["one"], np.nan),
        ([], [], np.nan),
    ],
)
def test_length_ratio_is_predicted_words_over_reference_words(references, predictions, ratio):
    assert value(LengthRatio(), references, predictions) == pytest.approx(ratio, nan_ok=True)


def test_values_of_many_sums_at_once_keep_their_shape():
    rows = Rows.of(["red car", "blue bus"], ["red", "blue bus"])
    for metric in (*ROUGE, Chrf(), LengthRatio()):
        table = metric.measure(rows)
        assert metric.value(np.stack([table, table])).shape == (2, 2)


def test_metrics_survive_pickling():
    rows = Rows.of(["running fast"], ["runs fast"])
    for metric in (*ROUGE, RougeL(use_stemmer=True), Chrf(), LengthRatio()):
        copy = pickle.loads(pickle.dumps(metric))
        assert np.array_equal(copy.measure(rows), metric.measure(rows))
    assert RougeL(use_stemmer=True).scores(rows) == [1.0]


def test_a_batch_of_summaries_takes_far_less_time_than_the_goal():
    """100,000 rows in a minute is 600 microseconds a row; one CPU here has an eighth of that."""
    chance = random.Random(7)
    words = ["".join(chance.choices(string.ascii_lowercase, k=5)) for _ in range(3000)]
    references = [" ".join(chance.choices(words, k=35)) for _ in range(2000)]
    predictions = [" ".join(chance.choices(words, k=35)) for _ in range(2000)]
    rows = Rows.of(references, predictions)
    start = time.process_time()
    for metric in (*ROUGE, Chrf(), LengthRatio()):
        metric.measure(rows)
    assert time.process_time() - start < 2000 * 400e-6
