import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2, Entities

from tuneline.evaluation.metrics.entities import (
    Entity,
    EntityF1,
    EntityPrecision,
    EntityRecall,
    HallucinatedEntities,
    entities_of,
    entity_label_counts,
    is_entity_answer,
)
from tuneline.evaluation.rows import Rows

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["text", "label", "type", "value", "start", "end", "entities", "PER", ""]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def value_of(metric, rows):
    return float(metric.value(metric.measure(rows).sum(axis=0)))


def scored(references, predictions):
    rows = Rows.of(references, predictions)
    return [value_of(metric, rows) for metric in (EntityPrecision(), EntityRecall(), EntityF1())]


@pytest.mark.parametrize(
    "text",
    [
        '[{"text": "Ada", "label": "PER"}, {"text": "Rome", "label": "LOC"}]',
        '[{"span": "Ada", "type": "per"}, {"value": " Rome\\n", "tag": "Loc "}]',
        '[{"mention": "Ada", "category": "PER"}, {"entity": "Rome", "entity_type": "LOC"}]',
        '{"PER": "Ada", "LOC": "Rome"}',
        '{"PER": ["Ada"], "LOC": ["Rome", null, ""], "ORG": null, "DATE": [], "MISC": " "}',
        '{"entities": [{"text": "Ada", "label": "PER"}, {"text": "Rome", "label": "LOC"}]}',
        '```json\n{"PER": "Ada", "LOC": "Rome"}\n```',
        '  ```\n{"PER": "Ada", "LOC": "Rome"}```\n',
        '\u00a0{"PER": "Ada", "LOC": "Rome"} ',
        (
            '[{"text": "Ada", "label": "PER", "score": 0.9}, {"text": "Rome", "label": "LOC", '
            '"start": "3", "end": true}, {"text": null, "label": "ORG"}]'
        ),
    ],
)
def test_every_form_of_the_same_entities_is_read_alike(text):
    assert entities_of(text) == [Entity("per", "Ada"), Entity("loc", "Rome")]
    assert is_entity_answer(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ada is a person.",
        "null",
        "3",
        '"Ada"',
        '["Ada", "Rome"]',
        '[{"text": "Ada"}]',
        '[{"label": "PER"}]',
        '[{"text": "Ada", "label": 3}]',
        '[{"text": ["Ada"], "label": "PER"}]',
        '[{"text": "Ada", "label": "PER"}, "Rome"]',
        '{"PER": {"first": "Ada"}}',
        '{"PER": true}',
        '{"PER": [["Ada"]]}',
        '{"PER": "Ada", "PER": "Rome"}',
        '{"PER": "Ada"',
        'Here: {"PER": "Ada"}',
        '[{"name": "look_up", "args": {}}]',
    ],
)
def test_anything_else_is_no_list_of_entities(text):
    assert entities_of(text) is None
    assert not is_entity_answer(text)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"PER": null}', '{"entities": []}', "```json\n[]```"]
)
def test_no_entities_are_an_answer_too(text):
    assert entities_of(text) == []
    assert is_entity_answer(text)


def test_numbers_are_texts_and_offsets_whole_numbers():
    text = '[{"value": 1.0, "type": "n", "start": 0, "end": 3}, {"value": 1.5, "type": "n"}]'
    assert entities_of(text) == [Entity("n", "1", (0, 3)), Entity("n", "1.5")]
    assert entities_of('{"n": [1, 1e300]}') == [Entity("n", "1"), Entity("n", str(int(1e300)))]


def test_texts_are_compared_in_nfc_with_single_spaces_and_in_their_case():
    assert scored(['{"LOC": "S\u00e3o  Paulo"}'], ['{"loc": "Sa\u0303o\\nPaulo"}']) == [1, 1, 1]
    assert scored(['{"LOC": "Rome"}'], ['{"LOC": "rome"}']) == [0, 0, 0]


def test_a_repeated_entity_has_to_be_repeated():
    twice, once = '{"PER": ["Ada", "Ada"]}', '{"PER": "Ada"}'
    assert scored([twice], [once]) == [1, 0.5, pytest.approx(2 / 3)]
    assert scored([once], [twice]) == [0.5, 1, pytest.approx(2 / 3)]
    assert scored([twice], [twice]) == [1, 1, 1]


def test_offsets_count_where_every_entity_of_both_sides_has_them():
    def placed(start):
        return json.dumps([{"text": "Ada", "label": "PER", "start": start, "end": start + 3}])

    assert scored([placed(0)], [placed(0)]) == [1, 1, 1]
    assert scored([placed(0)], [placed(9)]) == [0, 0, 0]
    assert scored([placed(0)], ['{"PER": "Ada"}']) == [1, 1, 1]


def test_an_answer_that_cannot_be_read_counts_as_no_entities():
    references = ['{"PER": "Ada"}', '{"PER": "Bob"}']
    assert scored(references, ["It is Ada.", '{"PER": "Bob"}']) == [1, 0.5, pytest.approx(2 / 3)]


def test_scores_of_nothing_are_undefined():
    assert np.isnan(scored(["[]"], ["{}"])).all()
    assert np.isnan(scored([], [])).all()
    precision, recall, f1 = scored(['{"PER": "Ada"}'], ["[]"])
    assert np.isnan(precision)
    assert (recall, f1) == (0, 0)
    precision, recall, f1 = scored(["[]"], ['{"PER": "Ada"}'])
    assert (precision, f1) == (0, 0)
    assert np.isnan(recall)


def test_hallucinated_entities_do_not_stand_in_the_prompt():
    rows = Rows.of(
        ["[]"] * 3,
        ['{"PER": ["ADA  Lovelace", "Bob"]}', '{"LOC": "Rome"}', "no JSON"],
        prompts=["Ada\nLovelace wrote it.", "A walk through Rome", ""],
    )
    metric = HallucinatedEntities()
    assert metric.measure(rows).tolist() == [[1, 2], [0, 1], [0, 0]]
    assert value_of(metric, rows) == pytest.approx(1 / 3)
    assert not metric.higher_is_better
    assert np.isnan(value_of(metric, Rows.of(["[]"], ["[]"])))


def test_counts_of_labels_add_up_to_the_micro_counts():
    references = ['{"PER": ["Ada", "Bob"], "LOC": "Rome"}', '{"PER": "Ada"}']
    predictions = ['{"per": ["Ada", "Eve"], "ORG": "Acme"}', '{"PER": ["Ada", "Ada"]}']
    rows = Rows.of(references, predictions)
    counts = entity_label_counts(rows)
    assert counts == {"loc": (0, 0, 1), "org": (0, 1, 0), "per": (2, 4, 3)}
    sums = EntityF1().measure(rows).sum(axis=0)
    assert sums.tolist() == np.sum(list(counts.values()), axis=0).tolist()


@pytest.mark.parametrize(
    "metric", [EntityPrecision(), EntityRecall(), EntityF1(), HallucinatedEntities()]
)
def test_statistics_add_up_and_metrics_can_be_pickled(metric):
    random = np.random.default_rng(4)
    names = ["Ada", "Bob", "Eve", "Rome"]

    def answer():
        return json.dumps({"PER": list(random.choice(names, random.integers(0, 4)))})

    references = [answer() for _ in range(40)]
    predictions = [answer() for _ in range(40)]
    prompts = [" ".join(random.choice(names, 2)) for _ in range(40)]
    made = pickle.loads(pickle.dumps(metric))
    whole = Rows.of(references, predictions, prompts=prompts)
    statistics = made.measure(whole)
    assert statistics.shape == (40, len(made.columns))
    weights = random.multinomial(40, np.full(40, 1 / 40), size=5)
    drawn = np.repeat(np.arange(40), weights[0])
    sample = Rows.of(
        [references[at] for at in drawn],
        [predictions[at] for at in drawn],
        prompts=[prompts[at] for at in drawn],
    )
    assert made.value(weights @ statistics)[0] == pytest.approx(value_of(made, sample), abs=1e-9)


TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def answer_of(tags):
    """A sequence's entities, as strict IOB2 reads them, with the tokens' places."""
    return json.dumps(
        [
            {"text": f"token {one.start}", "label": one.tag, "start": one.start, "end": one.end}
            for one in Entities([tags], scheme=IOB2).entities[0]
        ]
    )


@settings(max_examples=150)
@given(
    st.lists(
        st.integers(1, 12).flatmap(
            lambda length: st.tuples(
                *[st.lists(st.sampled_from(TAGS), min_size=length, max_size=length)] * 2
            )
        ),
        min_size=1,
        max_size=8,
    )
)
def test_scores_equal_seqeval(sequences):
    expected, predicted = [list(side) for side in zip(*sequences, strict=True)]
    rows = Rows.of([answer_of(tags) for tags in expected], [answer_of(tags) for tags in predicted])
    checked = (
        (EntityPrecision(), precision_score),
        (EntityRecall(), recall_score),
        (EntityF1(), f1_score),
    )
    for metric, score in checked:
        ours = value_of(metric, rows)
        theirs = score(
            expected, predicted, average="micro", mode="strict", scheme=IOB2, zero_division=0
        )
        # seqeval says 0 where nothing defines the score.
        assert np.nan_to_num(ours) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(
    ("expected", "predicted"),
    [
        (["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "I-PER", "O", "B-LOC"]),
        (["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "O", "O", "B-LOC"]),
        (["B-PER", "B-PER", "B-PER"], ["B-PER", "I-PER", "B-PER"]),
        (["B-PER", "I-PER"], ["B-LOC", "I-LOC"]),
        (["O", "O"], ["B-PER", "O"]),
        (["B-PER", "O"], ["O", "O"]),
    ],
)
def test_known_sequences_equal_seqeval(expected, predicted):
    ours = np.nan_to_num(scored([answer_of(expected)], [answer_of(predicted)]))
    theirs = [
        score([expected], [predicted], zero_division=0)
        for score in (precision_score, recall_score, f1_score)
    ]
    assert ours == pytest.approx(theirs, abs=1e-9)


@given(st.text(max_size=200) | JSON.map(json.dumps))
def test_any_text_can_be_measured(text):
    rows = Rows.of([text, "[]"], ["[]", text], prompts=[text, text])
    for metric in (EntityF1(), HallucinatedEntities()):
        assert np.isfinite(metric.measure(rows)).all()
    assert is_entity_answer(text) == (entities_of(text) is not None)
    perfect = EntityF1().measure(Rows.of([text], [text]))[0]
    assert perfect[0] == perfect[1] == perfect[2]


entities = st.lists(
    st.tuples(
        st.text(min_size=1, max_size=8).filter(str.strip),
        st.text(max_size=6),
        st.none() | st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)),
    ),
    max_size=6,
)


@given(entities, st.randoms())
def test_written_entities_are_read_back_in_any_order(drawn, random):
    items = []
    for text, label, span in drawn:
        placed = {} if span is None else {"start": span[0], "end": span[1]}
        items.append({"text": text, "label": label, **placed})
    read = entities_of(json.dumps(items))
    assert read is not None
    assert [entity.span for entity in read] == [span for _, _, span in drawn]
    shuffled = random.sample(items, len(items))
    right, predicted, expected = EntityF1().measure(
        Rows.of([json.dumps(items)], [f"```json\n{json.dumps(shuffled, indent=1)}\n```"])
    )[0]
    assert right == predicted == expected == len(items)


def test_hostile_answers_are_answers_without_entities():
    for text in ("[" * 100_000, '{"a":' * 100_000, "[" * 5000 + "]" * 5000, "9" * 10_000):
        assert entities_of(text) is None
