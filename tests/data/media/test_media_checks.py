"""What the rows alone tell of media."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.media.media_files import batch_of, image, jpeg, mp4, pdf, png, wav, webm
from tuneline.data.batch import Batch
from tuneline.data.media.checks import RULES, MediaChecks
from tuneline.data.media.limits import played_seconds
from tuneline.data.media.mime_types import (
    contradicts,
    is_mime_type,
    modality,
    same_type,
    type_of_content,
    type_of_suffix,
)
from tuneline.data.schema import Example, Part, Turn


def codes(batch, **arguments):
    return [(hit.index, hit.code) for hit in MediaChecks(**arguments)(batch)]


def test_a_clean_file_has_no_hit():
    assert codes(batch_of(image("gs://bucket/a.png"))) == []


def test_hits_name_the_example_the_field_and_the_uri():
    batch = batch_of(image("gs://bucket/a.png"), image("ftp://host/b.png"))
    [hit] = MediaChecks()(batch)
    assert (hit.index, hit.code, hit.field) == (1, "bad_media_uri", "contents[0].parts[1]")
    assert "ftp://host/b.png" in hit.message


@pytest.mark.parametrize("mime_type", ["png", "image/", "image/*", "", "text/html", "font/woff"])
def test_types_that_are_no_media_are_errors(mime_type):
    assert (0, "unsupported_media_type") in codes(batch_of(image("gs://bucket/a", mime_type)))


@pytest.mark.parametrize(
    ("uri", "mime_type", "hits"),
    [
        ("gs://bucket/a.jpg", "image/png", ["mime_mismatch"]),
        ("gs://bucket/a.PNG", "image/png", []),
        ("gs://bucket/a.jpeg", "image/jpg", []),
        ("gs://bucket/a.mp4", "audio/mp4", []),
        ("gs://bucket/a.wav", "audio/x-wav", []),
        ("gs://bucket/a.unknown", "image/png", []),
        ("https://example.com/a.html?file=a.png", "image/png", ["mime_mismatch"]),
        ("https://example.com/get?file=a.pdf", "image/png", []),
    ],
)
def test_type_against_suffix(uri, mime_type, hits):
    assert [code for _, code in codes(batch_of(image(uri, mime_type)))] == hits


def test_a_file_in_the_answer_is_an_error():
    assert codes(batch_of(image("gs://bucket/a.png"), in_answer=True)) == [(0, "media_in_answer")]


def test_local_files_are_named_unless_they_are_uploaded():
    batch = batch_of(image("a.png"))
    assert codes(batch) == [(0, "local_media")]
    assert codes(batch, uploads=True) == []


def test_text_alone_has_no_hit():
    turns = (Turn("user", (Part("Hi"),)), Turn("model", (Part("Hello"),)))
    assert codes(Batch([Example(turns)] * 3, batch_of().shape)) == []


def test_secrets_of_a_uri_are_not_repeated():
    batch = batch_of(
        image("https://user:hunter2@example.com/a.png"),
        image("https://example.com/a.jpg?Signature=hunter2", "image/png"),
    )
    hits = list(MediaChecks()(batch))
    assert len(hits) == 2
    assert "hunter2" not in str(hits)


def test_the_check_can_be_sent_to_a_worker():
    assert pickle.loads(pickle.dumps(MediaChecks(uploads=True))) == MediaChecks(uploads=True)


def test_rules_are_whole():
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.sentence.endswith(".") and rule.fix.endswith(".") for rule in RULES)


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("image/png", "image"),
        ("IMAGE/PNG", "image"),
        ("audio/ogg; codecs=opus", "audio"),
        ("video/mp4", "video"),
        ("application/pdf", "document"),
        ("text/plain", "document"),
        ("application/zip", None),
        ("image", None),
    ],
)
def test_modality(mime_type, kind):
    assert modality(mime_type) == kind


@given(st.text(max_size=30))
@settings(max_examples=60)
def test_only_well_formed_types_have_a_modality(text):
    assert modality(text) is None or is_mime_type(text)
    assert same_type(text, text)
    type_of_suffix(text)


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (png(), "image/png"),
        (jpeg(), "image/jpeg"),
        (wav(0.1), "audio/wav"),
        (mp4(1), "video/mp4"),
        (b"\0\0\0\x18ftypXYZ1\0\0\0\0XYZ2XYZ3", "video/mp4"),
        (pdf(1), "application/pdf"),
        (b"\r\n" + pdf(1), "application/pdf"),
        (webm(), "video/webm"),
    ],
)
def test_types_by_content(content, mime_type):
    assert same_type(type_of_content(content[:4096]) or "none", mime_type)
    assert not contradicts(mime_type, type_of_content(content[:4096]))
    assert contradicts("image/gif", type_of_content(content[:4096]))


def test_unknown_content_contradicts_only_types_with_a_signature():
    assert type_of_content(b"hello") is None
    assert contradicts("image/png", None)
    assert not contradicts("text/plain", None)
    assert not contradicts("audio/mpeg", None)


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_any_bytes_have_a_type_or_none(head):
    assert modality(type_of_content(head) or "x/y") in (None, "image", "audio", "video", "document")


@pytest.mark.parametrize(
    ("clip", "whole", "seconds"),
    [
        (None, 10, 10),
        ('{"startOffset":"2s","endOffset":"5.5s"}', 10, 3.5),
        ('{"start_offset":"2s"}', 10, 8),
        ('{"endOffset":"5s"}', None, 5),
        ('{"endOffset":"50s"}', 10, 10),
        ('{"startOffset":"5s"}', None, None),
        ('{"endOffset":"soon"}', 10, 10),
        ('{"startOffset":"9s","endOffset":"5s"}', 10, 0),
        ("[]", 10, 10),
    ],
)
def test_seconds_of_a_clip(clip, whole, seconds):
    assert played_seconds(clip, whole) == seconds
