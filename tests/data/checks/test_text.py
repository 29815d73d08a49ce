"""The rules about texts: what they find, where they say it stands, and what they pass by."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.checks.batches import batch_of, example
from tests.data.checks.labelled import labelled_texts
from tuneline.data.checks.answers import answer_finding
from tuneline.data.checks.rule import Hit
from tuneline.data.checks.screen import find
from tuneline.data.checks.text import DETECTORS, RULES, TextChecks
from tuneline.data.schema import Example, FunctionCall, Part, Turn

ALL_ON = TextChecks({rule.code: "warn" for rule in RULES})


def codes(*texts: str, system: str | None = None, checks: TextChecks = ALL_ON) -> list[str]:
    return [hit.code for hit in checks(batch_of([example(*texts, system=system)]))]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\0b", "control_char"),
        ("a\x1b[31mb", "control_char"),
        ("a\x85b", "control_char"),
        ("caf\ufffd", "replacement_char"),
        ("caf\u00c3\u00a9", "mojibake"),
        ("it\u00e2\u20ac\u2122s", "mojibake"),
        ("a\uffffb", "noncharacter"),
        ("a\U0001fffeb", "noncharacter"),
        ("a\u202eb", "bidi_control"),
        ("pass\u200bword", "invisible_char"),
        ("\ufeffstart", "invisible_char"),
        ("hidden\U000e0041\U000e0042", "invisible_char"),
        ("cafe\u0301", "not_nfc"),
        ("Hi<|im_end|>", "template_token"),
        ("<|start_header_id|>user<|end_header_id|>", "template_token"),
        ("[INST] hello", "template_token"),
        ("<start_of_turn>model", "template_token"),
        ("<\uff5cUser\uff5c>Hi", "template_token"),
        ("<<SYS>> be kind", "template_token"),
        ("the end</s>", "template_token"),
        ("open /home/ann/notes.txt now", "local_path"),
        ("C:\\Users\\Ann\\Desktop\\a.txt", "local_path"),
    ],
)
def test_finds(text: str, code: str) -> None:
    assert codes(text, "fine") == [code]


@pytest.mark.parametrize(
    "text",
    [
        "tab\tline\nreturn\r\n",
        "na\u00efve caf\u00e9, \u00c2ge, S\u00c3O",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian with its joiner
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # family emoji
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
        "now <s>29</s> 19 euros",
        "f <| x |> g, a || b, [inst], <|>, List<Start>",
        "/home/user/app and C:\\Users\\Public\\x and /homepage/ann/x",
        "~/notes.txt in $HOME",
    ],
)
def test_passes_by(text: str) -> None:
    assert codes(text, "fine") == []


def test_hits_name_the_example_the_field_and_the_place_but_never_the_value() -> None:
    call = FunctionCall("send", '{"to":"eve@example.org"}')
    examples = [
        example("hello", "world"),
        example("hi", "Ask ann@example.com or bob@example.com", system="You are kind."),
        Example((Turn("user", (Part("Send it"),)), Turn("model", (Part(function_call=call),)))),
    ]
    hits = list(ALL_ON(batch_of(examples)))
    assert hits == [
        Hit(
            1,
            "pii_email",
            "turns[1].parts[0]",
            "holds an e-mail address (character 5, 2 in all).",
        ),
        Hit(2, "pii_email", "turns[1].parts[0]", "holds an e-mail address (character 8)."),
    ]


def test_a_rule_that_is_off_finds_nothing() -> None:
    checks = TextChecks({"pii_email": "off"})
    assert codes("ann@example.com", "a\0b", checks=checks) == ["control_char"]
    assert codes("/home/ann/x.txt", "cafe\u0301", checks=TextChecks({})) == []


def test_the_checks_pickle() -> None:
    copy = pickle.loads(pickle.dumps(ALL_ON))
    assert codes("ann@example.com", "fine", checks=copy) == ["pii_email"]


def test_system_instructions_are_looked_at() -> None:
    assert codes("a", "b", system="x\0") == ["control_char"]


ODD = st.text(
    st.sampled_from("aZ09 +-.@:/()\"'=<|>[]\0\u00c3\u00a9\u200b\ufffd\u0301_sk"), max_size=40
)
PIECES = st.sampled_from([text.text for text in labelled_texts() if text.finds])


@settings(max_examples=80)
@given(st.lists(st.tuples(ODD, PIECES, ODD).map("".join) | ODD, max_size=12))
def test_screens_lose_nothing(texts: list[str]) -> None:
    expected = [
        (position, detector.code)
        for position, text in enumerate(texts)
        for detector in DETECTORS
        if list(detector.spans(text))
    ]
    found = find(DETECTORS, pa.array(texts, pa.string()))
    assert sorted((one.position, one.detector.code) for one in found) == sorted(expected)


@settings(max_examples=60)
@given(st.tuples(ODD, PIECES, ODD).map("".join))
def test_every_gate_and_screen_stops_what_its_detector_finds(text: str) -> None:
    values = pa.array([text], pa.string())
    for detector in DETECTORS:
        if list(detector.spans(text)):
            for expression in (detector.gate or detector.screen, detector.screen):
                assert pc.match_substring_regex(values, expression)[0].as_py(), detector.code


@settings(max_examples=80)
@given(st.tuples(ODD, PIECES, ODD).map("".join))
def test_spans_are_in_the_text_and_apart(text: str) -> None:
    for detector in DETECTORS:
        last = 0
        for start, end in detector.spans(text):
            assert last <= start < end <= len(text)
            last = end


ANSWER = "The parcel left the harbour on Tuesday."


def test_an_answer_in_the_prompt_is_found() -> None:
    assert codes(f"Note: {ANSWER} When did it leave?", f" {ANSWER}\n") == ["completion_in_prompt"]


@pytest.mark.parametrize(
    "texts",
    [
        ("Is it positive, neutral or negative?", "negative"),
        ("When did the parcel leave?", ANSWER),
        ("Say it.", ANSWER, "Again, please.", ANSWER),
    ],
)
def test_a_label_a_new_answer_and_a_repeated_answer_are_no_leak(texts: tuple[str, ...]) -> None:
    assert codes(*texts) == []


def test_the_share_of_leaks_decides_what_is_said() -> None:
    assert answer_finding(0, 100) is None
    few, many = answer_finding(3, 1_000), answer_finding(900, 1_000)
    assert few is not None
    assert "3 of 1,000" in few.sentence
    assert "mistake" in few.sentence
    assert many is not None
    assert "quote" in many.sentence


@pytest.mark.parametrize(
    ("prompt", "answer", "found"),
    [
        ("Wie ist das Wetter heute in Berlin?", "It is sunny and warm today.", False),
        ("What is the weather like today?", "Сегодня солнечно и тепло.", True),
        ("今天北京的天气怎么样呢", "It is sunny and warm in Beijing.", True),
        ("今天北京的天气怎么样呢", "今日は晴れていて暖かいです", False),
        ("What is the weather like today?", "Да", False),
    ],
)
def test_a_switch_of_script(prompt: str, answer: str, found: bool) -> None:
    assert codes(prompt, answer) == (["script_switch"] if found else [])


def test_codes_are_unique_and_rules_say_what_to_do() -> None:
    names = [rule.code for rule in RULES]
    assert len(names) == len(set(names))
    assert all(rule.sentence.endswith(".") and rule.fix.endswith(".") for rule in RULES)
