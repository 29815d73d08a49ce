"""Normalisation changes what was asked for and nothing else."""

from __future__ import annotations

import unicodedata

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.checks.batches import example
from tuneline.data.checks.normalize import normalize
from tuneline.data.schema import Example, File, FunctionCall, Part, Turn


def test_nfc_composes_every_text_and_the_label() -> None:
    before = msgspec.structs.replace(
        example("cafe\u0301", "e\u0301", system="u\u0308"), label="e\u0301"
    )
    (after,), changed = normalize([before], ["nfc"])
    assert after == msgspec.structs.replace(
        example("caf\u00e9", "\u00e9", system="\u00fc"), label="\u00e9"
    )
    assert changed == 1


def test_strip_keeps_white_space_between_two_texts() -> None:
    image = Part(file=File("gs://b/a.png", "image/png"))
    before = Example(
        (
            Turn("user", (Part(" one "), Part("two "), image, Part(" three "))),
            Turn("model", (Part(" x\n"),)),
        )
    )
    (after,), _ = normalize([before], ["strip"])
    texts = [part.text for part in after.turns[0].parts]
    assert texts == ["one ", "two", None, "three"]
    assert after.answer == "x"


def test_function_data_stays() -> None:
    call = FunctionCall("f", '{"a": " e\u0301 "}')
    before = Example((Turn("user", (Part("a"),)), Turn("model", (Part(function_call=call),))))
    (after,), changed = normalize([before], ["nfc", "strip"])
    assert after is before
    assert changed == 0


@settings(max_examples=80)
@given(st.text(min_size=1), st.text(min_size=1), st.none() | st.text())
def test_normalised_texts_stay_as_they_are(prompt: str, answer: str, system: str | None) -> None:
    before = example(prompt, answer, system=system)
    (after,), changed = normalize([before], ["nfc", "strip"])
    composed = unicodedata.normalize("NFC", prompt)
    assert after.turns[0].text == (composed.strip() or composed)
    assert (after == before) == (changed == 0)
    (again,), more = normalize([after], ["nfc", "strip"])
    assert again is after
    assert more == 0
