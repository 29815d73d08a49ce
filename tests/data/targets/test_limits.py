import pytest

from tests.data.targets.batches import Counted, batch, call, codes, files, text
from tuneline.data.schema import Example, Part, Turn
from tuneline.data.targets.catalogue import load_catalogue
from tuneline.data.targets.limits import (
    RULES,
    ChatTemplate,
    TargetChecks,
    TokenLimit,
    token_and_target_checks,
)
from tuneline.data.targets.media_limits import media_limits
from tuneline.data.targets.tokens import EstimatedTokens

MODELS = load_catalogue().models
GEMINI = MODELS["gemini-3.5-flash"]
OLD = MODELS["gemini-2.5-flash"]
LLAMA_4 = MODELS["meta/llama4@llama-4-scout-17b-16e-instruct"]
QWEN = MODELS["qwen/qwen3@qwen3-4b"]


def hits(entry, *examples, counter=None):
    found = list(TargetChecks(entry, counter or EstimatedTokens())(batch(*examples)))
    assert {hit.code for hit in found} <= {rule.code for rule in RULES}
    return found


def test_the_token_limit_holds_at_its_edge():
    over = hits(GEMINI, text(), text(), text(), counter=Counted((131_072, 131_073, 5)))
    assert codes(over) == [(1, "over_token_limit")]
    assert "has 131,073 tokens (test) and gemini-3.5-flash takes 131,072" in over[0].message


def test_an_estimate_refuses_only_what_is_certainly_too_long():
    counter = Counted((262_144, 262_146, 131_073), certain_share=0.5)
    found = hits(GEMINI, text(), text(), text(), counter=counter)
    assert codes(found) == [
        (0, "may_be_over_token_limit"),
        (1, "over_token_limit"),
        (2, "may_be_over_token_limit"),
    ]
    assert "has 65,536 or more, perhaps 131,073 tokens" in found[2].message


def test_an_unknown_token_limit_refuses_nothing():
    entry = MODELS["gemini-3.5-flash-lite"]
    assert hits(entry, text(), counter=Counted((10**9,))) == []


def test_max_tokens_holds_at_its_edge():
    found = list(TokenLimit(Counted((10, 11)), 10)(batch(text(), text())))
    assert codes(found) == [(1, "too_many_tokens")]


@pytest.mark.parametrize(
    ("entry", "mime_type", "most", "code"),
    [
        (GEMINI, "image/png", 30, "too_many_images"),
        (GEMINI, "video/mp4", 1, "too_many_videos"),
        (GEMINI, "application/pdf", 4, "too_many_documents"),
        (OLD, "audio/wav", 1, "too_many_audio_files"),
    ],
)
def test_files_are_counted_by_kind(entry, mime_type, most, code):
    found = hits(entry, files(*[mime_type] * most), files(*[mime_type] * (most + 1)))
    assert codes(found) == [(1, code)]
    assert f"takes {most} " in found[0].message


def test_a_kind_whose_limit_is_unknown_is_not_counted():
    assert hits(GEMINI, files(*["audio/wav"] * 50)) == []


def test_a_file_of_another_kind_or_type_is_named_by_its_field():
    found = hits(GEMINI, files("image/png", "image/tiff", "IMAGE/JPEG", "text/plain", "nothing"))
    assert [(hit.code, hit.field) for hit in found] == [
        ("unsupported_mime_type", "turns[0].parts[2]"),
        ("unsupported_mime_type", "turns[0].parts[4]"),
        ("unsupported_mime_type", "turns[0].parts[5]"),
    ]
    assert "image/tiff" in found[0].message
    assert "image/heif" in found[0].message


def test_text_models_take_no_files():
    found = hits(QWEN, text(), files("image/png", "video/mp4"))
    assert codes(found) == [(1, "unsupported_modality")] * 2
    assert hits(LLAMA_4, files("image/png")) == []


def test_media_resolutions_are_those_of_the_catalogue():
    low, wrong = (text(media_resolution=name) for name in ("MEDIA_RESOLUTION_LOW", "low"))
    found = hits(GEMINI, low, wrong, text())
    assert codes(found) == [(1, "unsupported_media_resolution")]
    assert "MEDIA_RESOLUTION_MEDIUM" in found[0].message
    assert codes(hits(QWEN, low)) == [(0, "target_support_unsure")]


def test_functions_are_judged_by_what_is_known():
    calls = Example((Turn("user", (Part("hi"),)), Turn("model", (call("f"),))), tools="[{}]")
    assert hits(GEMINI, calls) == []
    found = hits(OLD, text(), calls)
    assert codes(found) == [(1, "target_support_unsure")]
    assert "documented and reported as refused" in found[0].message
    assert codes(hits(QWEN, calls)) == [(0, "target_support_unsure")] * 2
    refusing = OLD.model_copy(update={"function_calls": "no", "tools": "no", "system": "no"})
    assert codes(hits(refusing, calls, text(system="be brief"))) == [
        (1, "system_unsupported"),
        (0, "tools_unsupported"),
        (0, "function_calls_unsupported"),
    ]


def test_a_turn_outside_the_loss_is_refused_where_weights_are_not_taken():
    ask, answer = Turn("user", (Part("a"),)), Turn("model", (Part("b"),))
    example = Example((ask, Turn("model", (Part("c"),), trained=False), ask, answer))
    assert codes(hits(GEMINI, text(), example)) == [(1, "turn_weights_unsupported")]
    assert codes(hits(QWEN, example)) == [(0, "target_support_unsure")]


def test_a_run_gets_the_checks_that_its_settings_need():
    estimate, exact = EstimatedTokens(), Counted((1,))
    assert token_and_target_checks(estimate, None, 0) == []
    checks = token_and_target_checks(exact, GEMINI, 7)
    assert checks == [ChatTemplate(exact), TokenLimit(exact, 7), TargetChecks(GEMINI, exact)]


def test_limits_of_single_files_are_those_of_the_catalogue():
    limits = media_limits(GEMINI)
    assert limits["image"].size == 20_000_000
    assert limits["document"].pages == 300
    assert limits["video"].seconds_at("MEDIA_RESOLUTION_LOW") == 1200
    assert limits["video"].seconds_at(None) == 300
    assert "audio" not in limits
    assert media_limits(OLD)["audio"].seconds_at(None) == 3600
