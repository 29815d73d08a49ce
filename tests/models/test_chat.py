import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.tiny_models import CHATML, make_tokenizer
from tuneline.data.schema import Example, File, FunctionCall, Part, Turn
from tuneline.errors import ConfigurationError, DataError
from tuneline.models.chat import (
    DEFAULT_CHAT_TEMPLATE,
    IGNORED,
    Message,
    render,
    stop_token_ids,
    to_messages,
    training_sequences,
)

LLAMA_2 = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}"
    "{% else %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% endif %}"
    "{% endfor %}"
)
"""No generation prompt, no text after the answer: the end of the turn is glued to it."""

FORGETS_REASONING = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if loop.last %}{{ message['content'] }}"
    "{% else %}{{ message['content'].split('</think>')[-1] }}{% endif %}"
    "{{ '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Drops the reasoning of earlier answers, so a chat's beginning changes as the chat goes on."""

CAN_REASON = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' and loop.last %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
"""As Qwen3's: an answered chat holds an empty reasoning block, a question only when told to."""

TOKENIZERS = {
    "chatml": make_tokenizer("<|im_end|>", CHATML),
    "trimmed offsets": make_tokenizer("<|im_end|>", CHATML, trim_offsets=True),
    "llama 2": make_tokenizer("<|im_end|>", LLAMA_2),
    "forgets reasoning": make_tokenizer("<|im_end|>", FORGETS_REASONING),
    "can reason": make_tokenizer("<|im_end|>", CAN_REASON),
    "default": make_tokenizer("<|endoftext|>", DEFAULT_CHAT_TEMPLATE),
}
BEFORE_ANSWER = {"llama 2": " "}
"""What a template puts between the prompt and the answer, which the model has to write."""

each_template = pytest.mark.parametrize("template", TOKENIZERS)


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def trained_text(tokenizer, sequence):
    return tokenizer.decode([label for label in sequence.labels if label != IGNORED])


@each_template
@given(question=st.text(max_size=30), answer=st.text(min_size=1, max_size=30))
def test_the_loss_is_on_the_answer_and_its_end_alone(template, question, answer):
    tokenizer = TOKENIZERS[template]
    (sequence,) = training_sequences(tokenizer, [user(question), assistant(answer)])
    before = BEFORE_ANSWER.get(template, "")
    assert trained_text(tokenizer, sequence) == before + answer + tokenizer.eos_token
    assert sequence.trained_tokens == sum(label != IGNORED for label in sequence.labels)
    assert all(
        label in (token, IGNORED)
        for token, label in zip(sequence.input_ids, sequence.labels, strict=True)
    )


@each_template
@given(
    chat=st.lists(
        st.tuples(st.text(max_size=15), st.text(min_size=1, max_size=15)), min_size=2, max_size=4
    )
)
def test_every_answer_of_a_chat_is_trained_once(template, chat):
    tokenizer = TOKENIZERS[template]
    messages = [message for pair in chat for message in (user(pair[0]), assistant(pair[1]))]
    sequences = training_sequences(tokenizer, messages)
    end = tokenizer.eos_token
    trained = "".join(trained_text(tokenizer, sequence) for sequence in sequences)
    before = BEFORE_ANSWER.get(template, "")
    assert trained == "".join(before + answer + end for _, answer in chat)
    left = training_sequences(tokenizer, messages, untrained={1})
    trained = "".join(trained_text(tokenizer, sequence) for sequence in left)
    assert trained == "".join(before + answer + end for _, answer in chat[1:])


@each_template
@given(question=st.text(max_size=30), answer=st.text(min_size=1, max_size=30))
def test_a_model_is_asked_in_the_tokens_that_it_learned(template, question, answer):
    tokenizer = TOKENIZERS[template]
    chat = [user(question), assistant(answer)]
    (sequence,) = training_sequences(tokenizer, chat)
    prompt = render(tokenizer, chat[:1], generation_prompt=True)
    asked = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    assert sequence.input_ids[: len(asked)] == asked
    assert all(label == IGNORED for label in sequence.labels[: len(asked)])


def test_a_token_across_the_prompts_end_is_trained():
    # " lam" is one token: it holds the prompt's end and the answer's first letter.
    template = LLAMA_2.replace(" [/INST]", " la").replace("{{ ' ' + ", "{{ ")
    tokenizer = make_tokenizer("<|im_end|>", template)
    (sequence,) = training_sequences(tokenizer, [user("?"), assistant("m is on")])
    assert trained_text(tokenizer, sequence) == " lam is on<|im_end|>"


def test_a_stable_template_gives_one_sequence_for_the_whole_chat():
    chat = [user("one"), assistant("red"), user("two"), assistant("blue")]
    (sequence,) = training_sequences(TOKENIZERS["chatml"], chat)
    text = TOKENIZERS["chatml"].decode(sequence.input_ids)
    assert text == render(TOKENIZERS["chatml"], chat)


def test_a_template_that_changes_earlier_turns_gives_one_sequence_for_each_answer():
    tokenizer = TOKENIZERS["forgets reasoning"]
    first, second = "hot </think>red", "cold </think>blue"
    sequences = training_sequences(
        tokenizer, [user("one"), assistant(first), user("two"), assistant(second)]
    )
    assert [trained_text(tokenizer, sequence) for sequence in sequences] == [
        f"{first}<|im_end|>",
        f"{second}<|im_end|>",
    ]
    # The second is learned from what the model will see: the first without its reasoning.
    seen = tokenizer.decode(sequences[1].input_ids)
    assert "assistant\nred<|im_end|>" in seen
    assert "hot" not in seen


NO_END = CHATML.replace("<|im_end|>", "")
ASKS_OTHERWISE = CHATML.replace("assistant\n' }}{% endif", "assistant\n<think>\n' }}{% endif")
CHANGES_ANSWERS = CHATML.replace("message['content'] +", "message['content'] | upper +")


@pytest.mark.parametrize(
    ("template", "prompt"),
    [(NO_END, ""), (ASKS_OTHERWISE, "<think>\n"), (CHANGES_ANSWERS, "")],
    ids=["no end of turn", "another generation prompt", "changes the answer"],
)
@given(answer=st.text(min_size=1, max_size=20))
def test_a_template_that_no_answer_fits_behind_is_completed(template, prompt, answer):
    tokenizer = make_tokenizer("<|im_end|>", template)
    chat = [user("one?"), assistant("red"), user("two?"), assistant(answer)]
    first, second = training_sequences(tokenizer, chat)
    assert trained_text(tokenizer, first) == "red<|im_end|>"
    assert trained_text(tokenizer, second) == answer + "<|im_end|>"
    asked = render(tokenizer, chat[:3], generation_prompt=True)
    assert asked.endswith(f"assistant\n{prompt}")
    assert tokenizer.decode(second.input_ids).startswith(f"{asked}{answer}<|im_end|>")


def test_the_end_of_turn_of_a_completed_template_is_its_own():
    tokenizer = make_tokenizer("<|im_end|>", ASKS_OTHERWISE)
    tokenizer.eos_token = "<|pad|>"
    (sequence,) = training_sequences(tokenizer, [user("?"), assistant("red")])
    assert trained_text(tokenizer, sequence) == "red<|im_end|>"


def test_no_token_to_end_a_turn_is_refused():
    tokenizer = make_tokenizer("<|im_end|>", NO_END)
    tokenizer.eos_token = None
    with pytest.raises(ConfigurationError, match="no eos_token, so .* would never stop"):
        training_sequences(tokenizer, [user("?"), assistant("!")])


NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
) + CHATML


def test_a_system_instruction_without_a_role_of_its_own_stands_in_the_first_turn():
    tokenizer = make_tokenizer("<|im_end|>", NO_SYSTEM)
    system = {"role": "system", "content": "Be brief."}
    chat = [user("which?"), assistant("red"), user("sure?")]
    folded = [user("Be brief.\n\nwhich?"), *chat[1:]]
    for asked in (False, True):
        assert render(tokenizer, [system, *chat], generation_prompt=asked) == render(
            tokenizer, folded, generation_prompt=asked
        )


def test_a_template_that_refuses_a_chat_gives_its_own_words():
    tokenizer = make_tokenizer(
        "<|im_end|>", "{{ raise_exception('Roles must alternate') }}" + CHATML
    )
    chat = [{"role": "system", "content": "Be brief."}, user("?")]
    with pytest.raises(ConfigurationError, match="'system', 'user'.*Roles must alternate"):
        render(tokenizer, chat, generation_prompt=True)


EXAMPLE = Example(
    turns=(
        Turn("user", (Part(text="which "), Part(text="lamp?"))),
        Turn("model", (Part(text="the red one"),)),
    ),
    system="Be brief.",
    source="lamps.jsonl",
    row=7,
)


def test_an_example_becomes_messages():
    assert to_messages(EXAMPLE) == [
        {"role": "system", "content": "Be brief."},
        user("which lamp?"),
        assistant("the red one"),
    ]
    assert to_messages(replace(EXAMPLE, system=None))[0]["role"] == "user"


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (replace(EXAMPLE, tools="[]"), "tools"),
        (
            replace(
                EXAMPLE, turns=(Turn("user", (Part(file=File("gs://b/a.png", "image/png")),)),)
            ),
            "a file part",
        ),
        (
            replace(
                EXAMPLE, turns=(Turn("model", (Part(function_call=FunctionCall("f", "{}")),)),)
            ),
            "a function part",
        ),
    ],
)
def test_what_is_not_text_is_refused_with_its_row(changed, what):
    with pytest.raises(DataError, match=f"lamps.jsonl:7: turns: holds {what}"):
        to_messages(changed)


class _GenerationConfig:
    def __init__(self, eos_token_id):
        self.eos_token_id = eos_token_id


@pytest.mark.parametrize(
    ("configured", "others"), [(None, set()), (11, {11}), ([11, 12], {11, 12})]
)
def test_every_token_that_ends_a_turn_stops(configured, others):
    tokenizer = make_tokenizer("<|im_end|>", CHATML)
    tokenizer.eos_token = "<|pad|>"  # many published tokenizers end a text otherwise than a turn
    ends = set(tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|pad|>"]))
    assert stop_token_ids(tokenizer, _GenerationConfig(configured)) == sorted(ends | others)
