import numpy as np
import pytest

from tests.data.targets.batches import batch, call, files, text
from tuneline.data.schema import Example, Part, Turn
from tuneline.data.targets.catalogue import load_catalogue
from tuneline.data.targets.dataset import DatasetFacts, SplitFacts, dataset_findings
from tuneline.data.targets.kinds import Kind, kinds_of, resolutions_in

MODELS = load_catalogue().models
GEMINI = MODELS["gemini-3.5-flash"]
LLAMA_4 = MODELS["meta/llama4@llama-4-scout-17b-16e-instruct"]
GEMMA = MODELS["google/gemma3@gemma-3-1b-it"]


def found(entry, train, validation=None):
    facts = DatasetFacts(train, validation or SplitFacts(1, 1))
    return {finding.code: finding for finding in dataset_findings(entry, facts)}


def test_kinds_say_what_each_row_holds():
    calls = Example((Turn("user", (Part("hi"),)), Turn("model", (call("f"),))))
    low = files("video/mp4", "image/png", media_resolution="MEDIA_RESOLUTION_LOW")
    kinds = kinds_of(batch(text(), low, calls, files("application/pdf", "audio/wav", "odd")))
    bits = [Kind(int(kind) & 31) for kind in kinds]
    assert bits == [
        Kind(0),
        Kind.VIDEO | Kind.IMAGE,
        Kind.FUNCTIONS,
        Kind.DOCUMENT | Kind.AUDIO,
    ]
    assert resolutions_in(kinds) == {"", "MEDIA_RESOLUTION_LOW"}
    assert resolutions_in(kinds[:1]) == {""}
    facts = SplitFacts.of(kinds, 9)
    assert (facts.rows, facts.media_rows, facts.image_rows, facts.video_rows) == (4, 2, 1, 1)


@pytest.mark.parametrize(
    ("train", "code"),
    [
        (SplitFacts(10_000_000), None),
        (SplitFacts(10_000_001), "too_many_training_rows"),
        (SplitFacts(300_000, media_rows=1), None),
        (SplitFacts(300_001, media_rows=1), "too_many_training_rows"),
        (SplitFacts(100, 1_000_000_000), None),
        (SplitFacts(100, 1_000_000_001), "training_file_too_large"),
        (SplitFacts(99), "few_training_rows"),
        (SplitFacts(0), "no_training_rows"),
    ],
)
def test_training_limits_hold_at_their_edges(train, code):
    assert set(found(GEMINI, train)) == ({code} if code else set())


def test_few_rows_warn_and_too_many_refuse():
    assert found(GEMINI, SplitFacts(5))["few_training_rows"].severity == "warn"
    finding = found(GEMINI, SplitFacts(10_000_003))["too_many_training_rows"]
    assert finding.severity == "error"
    assert "Take 3 out" in finding.sentence


@pytest.mark.parametrize(
    ("train", "validation", "code"),
    [
        (1000, 1000, None),  # the share does not hold up to 1,000 validation rows
        (3336, 1001, "validation_share_too_large"),
        (3337, 1001, None),
        (10_000, 3000, None),
        (10_000, 3001, "validation_share_too_large"),
        (100_000, 5000, None),
        (100_000, 5001, "too_many_validation_rows"),
    ],
)
def test_validation_rows_hold_at_their_edges(train, validation, code):
    codes = found(GEMINI, SplitFacts(train), SplitFacts(validation))
    assert set(codes) == ({code} if code else set())


@pytest.mark.parametrize(
    ("train", "validation", "refused"),
    [(4000, 1000, False), (4000, 1001, True), (0, 1000, False)],
)
def test_open_models_compare_validation_in_bytes(train, validation, refused):
    findings = found(GEMMA, SplitFacts(800, train), SplitFacts(200, validation))
    assert ("validation_file_too_large" in findings) is refused


def test_no_validation_split_warns():
    for validation in (None, SplitFacts(0)):
        [finding] = dataset_findings(GEMINI, DatasetFacts(SplitFacts(200), validation))
        assert (finding.code, finding.severity) == ("no_validation_rows", "warn")


def test_video_wants_one_resolution_in_both_splits():
    low, high = frozenset({"MEDIA_RESOLUTION_LOW"}), frozenset({""})
    video = SplitFacts(200, media_rows=9, video_rows=9, resolutions=low)
    mixed = found(GEMINI, video, SplitFacts(10, resolutions=high))["mixed_media_resolution"]
    assert "none, MEDIA_RESOLUTION_LOW" in mixed.sentence
    assert found(GEMINI, video, SplitFacts(10, resolutions=low)) == {}
    still = SplitFacts(200, media_rows=9, image_rows=9, resolutions=low | high)
    assert found(GEMINI, still) == {}


def test_llama_4_drops_text_rows_beside_images():
    finding = found(LLAMA_4, SplitFacts(200, image_rows=1))["text_rows_dropped"]
    assert "199" in finding.sentence
    assert found(LLAMA_4, SplitFacts(200, image_rows=200)) == {}
    assert found(LLAMA_4, SplitFacts(200)) == {}


def test_kinds_of_no_rows_are_no_facts():
    assert SplitFacts.of(np.zeros(0, np.uint8)) == SplitFacts(0)
