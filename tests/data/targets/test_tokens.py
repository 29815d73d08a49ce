import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.targets.batches import batch, call, files, text
from tuneline.data.schema import Example, Part, Turn
from tuneline.data.targets.catalogue import load_catalogue
from tuneline.data.targets.limits import ChatTemplate
from tuneline.data.targets.tokens import (
    EstimatedTokens,
    LastBatch,
    TokenizerTokens,
    token_counter,
)
from tuneline.errors import ConfigurationError

OLD = load_catalogue().find("gemini-2.5-flash")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


def test_the_estimate_counts_bytes_so_that_other_scripts_have_more():
    counts = EstimatedTokens().count(batch(text("a" * 9, "b" * 4), text("人" * 9, "é" * 4)))
    assert counts.prompt.tolist() == [3, 9]
    assert counts.answer.tolist() == [2, 3]
    assert counts.total.tolist() == [5, 12]


@settings(max_examples=80)
@given(st.lists(st.tuples(st.lists(TEXTS, min_size=1, max_size=3), TEXTS), max_size=5))
def test_one_example_counts_the_same_alone_and_in_a_batch(rows):
    examples = [
        Example(
            (
                Turn("user", (Part(prompt), call("f", '{"a": 1}'))),
                Turn("model", tuple(Part(answer) for answer in answers)),
            ),
            system=prompt or None,
            tools="[]",
        )
        for answers, prompt in rows
    ]
    counter = EstimatedTokens()
    counts = counter.count(batch(*examples))
    assert counts.total.tolist() == [counter.tokens_of(example) for example in examples]
    answers = [len("".join(texts).encode()) for texts, _ in rows]
    assert counts.answer.tolist() == np.ceil(np.array(answers) / 3).tolist()


def test_images_count_by_their_resolution_where_it_is_known():
    low = files("image/png", "image/png", media_resolution="MEDIA_RESOLUTION_LOW")
    counter = EstimatedTokens(media=OLD.media_tokens)
    counts = counter.count(batch(text(), low, files("image/png", "video/mp4")))
    plain = EstimatedTokens().count(batch(text(), low, files("image/png")))
    assert (counts.total - plain.total).tolist() == [0, 2 * 64, 1290]
    assert counter.tokens_of(low) == counts.total[1]
    assert "not counted" in EstimatedTokens().stated


def test_a_tokenizer_counts_what_the_model_sees():
    from tuneline.models.chat import render, to_messages
    from tuneline.models.loading import load_tokenizer
    from tuneline.models.source import resolve_base_model

    counter = token_counter("embedded")
    examples = [text("Where is my lamp?", "On its way.", system="Be brief."), text("Hi", "Ho")]
    counts = counter.count(batch(*examples))
    tokenizer = load_tokenizer(resolve_base_model("embedded").path)
    for example, total in zip(examples, counts.total.tolist(), strict=True):
        rendered = render(tokenizer, to_messages(example))
        assert total == len(tokenizer(rendered, add_special_tokens=False)["input_ids"])
        assert counter.tokens_of(example) == total
    assert counts.answer[0] == len(tokenizer("On its way.", add_special_tokens=False)["input_ids"])
    assert counts.refused == {}
    assert counter.certain_share == 1


def test_a_chat_that_the_template_refuses_is_a_hit_with_its_words(tmp_path):
    from tuneline.models.loading import load_tokenizer
    from tuneline.models.source import resolve_base_model

    tokenizer = load_tokenizer(resolve_base_model("embedded").path)
    tokenizer.chat_template = (
        "{% if 'c' in messages[-2]['content'] %}{{ raise_exception('no c here') }}{% endif %}"
        "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    )
    tokenizer.save_pretrained(tmp_path)
    counter = TokenizerTokens(str(tmp_path))
    rows = batch(text("a", "b"), text("abc", "b"))
    assert counter.count(rows).total[1] > counter.count(rows).total[0]
    [hit] = ChatTemplate(counter)(rows)
    assert (hit.index, hit.code) == (1, "template_refuses_chat")
    assert "no c here" in hit.message


def test_a_tokenizer_that_is_not_there_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="^tokenizer: '/no/such/folder'"):
        token_counter("/no/such/folder")


def test_a_batch_is_counted_once_and_the_counter_pickles_without_it():
    class Counting(EstimatedTokens):
        calls = 0

        def count(self, batch):
            type(self).calls += 1
            return super().count(batch)

    counter = LastBatch(Counting())
    first, second = batch(text()), batch(text("longer than it"))
    assert counter.count(first) is counter.count(first)
    assert counter.count(second).total[0] > counter.count(first).total[0]
    assert Counting.calls == 3
    whole = token_counter("", OLD)
    whole.count(first)
    assert pickle.loads(pickle.dumps(whole)).count(second).total == whole.count(second).total
    assert pickle.loads(pickle.dumps(whole)).stated == whole.stated
