"""The shipped tokenizer and chat template, loaded as any model's are: offline, from the folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoTokenizer

FOLDER = Path("src/tuneline/training/embedded")
TOKENIZER = AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)

CHATS = st.lists(
    st.tuples(st.text(max_size=20), st.text(min_size=1, max_size=20)), min_size=1, max_size=3
)


@given(st.text(max_size=80))
def test_any_text_survives_encoding(text):
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids) == text


@pytest.mark.parametrize(
    "text", ["ทดสอบ", "🧾🚚", "a\tb\r\nc", "  two  spaces ", "\x00\x7f", "Straße"]
)
def test_rare_text_survives_encoding(text):
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids) == text


def test_every_byte_is_in_the_vocabulary():
    alphabet = ByteLevel.alphabet()
    assert len(alphabet) == 256
    assert set(alphabet) <= set(TOKENIZER.get_vocab())


def _messages(turns):
    return [
        message
        for question, answer in turns
        for message in (
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        )
    ]


@given(CHATS)
def test_generation_prompt_is_a_prefix_of_the_answered_chat(turns):
    messages = _messages(turns)
    prompt = TOKENIZER.apply_chat_template(
        messages[:-1], tokenize=False, add_generation_prompt=True
    )
    whole = TOKENIZER.apply_chat_template(messages, tokenize=False)
    assert whole.startswith(prompt)
    assert whole[len(prompt) :] == f"{messages[-1]['content']}{TOKENIZER.eos_token}\n"


def test_assistant_mask_covers_answers_and_their_ends_alone():
    messages = [
        {"role": "system", "content": "Be brief."},
        *_messages([("one", "1"), ("two", "2")]),
    ]
    encoded = TOKENIZER.apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )
    marked = [
        token
        for token, answer in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)
        if answer
    ]
    assert TOKENIZER.decode(marked) == f"1{TOKENIZER.eos_token}2{TOKENIZER.eos_token}"


def test_padding_is_no_end_of_turn():
    assert TOKENIZER.pad_token_id != TOKENIZER.eos_token_id
