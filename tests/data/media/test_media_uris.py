"""Hostile URIs open nothing."""

import ipaddress
import os
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.media.media_files import code_of
from tuneline.data.media.addresses import connect, is_public
from tuneline.data.media.facts import read_facts
from tuneline.data.media.opening import MediaAccess
from tuneline.data.media.problem import MediaProblem
from tuneline.data.media.uris import (
    MediaUri,
    is_local_media,
    parse_media_uri,
    require_bucket,
    shown,
)
from tuneline.data.media.web import Web

GOOD = {
    "gs://bucket/a.png": MediaUri("gs", "bucket/a.png"),
    "gs://bucket/a b/ü.png": MediaUri("gs", "bucket/a b/ü.png"),
    "S3://bucket/x/a.png": MediaUri("s3", "bucket/x/a.png"),
    "https://example.com/a.png?x=1#y": MediaUri("https", "https://example.com/a.png?x=1"),
    "https://example.com/ü.png": MediaUri("https", "https://example.com/%C3%BC.png"),
    "https://8.8.8.8/a.png": MediaUri("https", "https://8.8.8.8/a.png"),
    "images/a.png": MediaUri("local", "images/a.png"),
    "./a:b.png": MediaUri("local", "./a:b.png"),
    "file:///data/a%20b.png": MediaUri("local", "/data/a b.png"),
    "file://localhost/data/a.png": MediaUri("local", "/data/a.png"),
}

REFUSED = [
    "",
    " a.png",
    "a\0.png",
    "a\n.png",
    "a\u202egnp.png",
    "a" * 3000,
    "../a.png",
    "images/../../a.png",
    "..\\..\\a.png",
    "~/a.png",
    "file:///a%00b.png",
    "file:///a%0ab.png",
    "file://other/a.png",
    "file:a.png",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    "ftp://example.com/a.png",
    "zip://a.png::file:///etc/passwd",
    "gs://bucket",
    "gs://bucket/",
    "gs:///a.png",
    "gs://bucket/../other/a.png",
    "gs://169.254.169.254/a.png",
    "s3://UPPER/a.png",
    "s3:bucket/a.png",
    "http://example.com/a.png",
    "http://127.0.0.1/a.png",
    "https://localhost/a.png",
    "https://169.254.169.254/computeMetadata/v1/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://127.1/",
    "https://10.0.0.8/a.png",
    "https://192.168.1.1/a.png",
    "https://[::1]/a.png",
    "https://[::ffff:169.254.169.254]/a.png",
    "https://[64:ff9b::a9fe:a9fe]/a.png",
    "https://[2002:a9fe:a9fe::1]/a.png",
    "https://[fd00::1]/a.png",
    "https://0.0.0.0/a.png",
    "https://224.0.0.1/a.png",
    "https://user:secret@example.com/a.png",
    "https://example.com\\@127.0.0.1/a.png",
    "https://example.com:99999/a.png",
    "https://printer.local/a.png",
    "https://intranet/a.png",
    "https://exämple.com/a.png",
    "https:///a.png",
    "https://[::1/a.png",
]


@pytest.mark.parametrize(("uri", "place"), GOOD.items())
def test_good_uris_are_read(uri, place):
    assert parse_media_uri(uri) == place


@pytest.mark.parametrize("uri", REFUSED)
def test_hostile_uris_are_refused(uri):
    with pytest.raises(MediaProblem) as caught:
        parse_media_uri(uri)
    assert caught.value.code == "bad_media_uri"
    assert "secret" not in str(caught.value)


def test_a_data_uri_is_refused_with_advice():
    with pytest.raises(MediaProblem, match="beside the data or in a bucket"):
        parse_media_uri("data:image/png;base64,AAAA")


@given(st.one_of(st.text(max_size=60), st.text("/.:@\\%?#[]gsfhtp123", max_size=40)))
@settings(max_examples=100)
def test_any_text_is_read_or_refused(uri):
    assert shown(uri).isprintable()
    try:
        place = parse_media_uri(uri)
    except MediaProblem:
        return
    assert place.path
    assert is_local_media(uri) == (place.scheme == "local")


def test_shown_uris_hold_no_secret():
    assert shown("https://u:p@h.org/a.png?Signature=s") == "https://h.org/a.png"
    assert shown("data:image/png;base64,AAAA") == "data:"
    assert shown("a\x1b[31m\u202e") == r"a\x1b[31m\u202e"
    assert len(shown("x" * 5000)) < 300


@pytest.mark.parametrize("folder", ["gs://bucket/a/b", "gs://bucket/a/b/"])
def test_a_bucket_folder_is_read(folder):
    assert require_bucket(folder) == ("gs", "bucket/a/b")


@pytest.mark.parametrize("folder", ["", "/data", "https://x.org/a", "gs://", "gs://b/../c", "s3:x"])
def test_what_is_no_bucket_is_refused(folder):
    with pytest.raises(MediaProblem):
        require_bucket(folder)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("255.255.255.255", False),
    ],
)
def test_public_addresses(address, public):
    assert is_public(ipaddress.ip_address(address)) is public


def test_a_public_name_with_a_private_address_is_not_connected_to(monkeypatch):
    def resolve(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    facts = read_facts("https://media.example.com/a.png", "image/png", MediaAccess())
    assert code_of(facts) == "bad_media_uri"
    assert "private" in str(facts.problem)


def test_loopback_is_refused_unless_allowed(web):
    port = int(web.url.rsplit(":", 1)[1])
    with pytest.raises(MediaProblem):
        connect("127.0.0.1", port, timeout_s=5, allow_loopback=False)
    connect("127.0.0.1", port, timeout_s=5, allow_loopback=True).close()


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/a", "file:///etc/passwd", "gs://bucket/a.png", "http://10.0.0.1/a"],
)
def test_redirects_lead_only_where_data_may(web, target):
    web.redirects["/a.png"] = target
    access = MediaAccess(web=Web(allow_loopback=True))
    facts = read_facts(web.url + "/a.png", "image/png", access)
    assert code_of(facts) == "bad_media_uri"


def test_local_files_outside_the_folder_are_refused(tmp_path):
    base = tmp_path / "data"
    base.mkdir()
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"x")
    (base / "link.png").symlink_to(outside)
    (base / "folder").symlink_to(tmp_path)
    (base / "loop.png").symlink_to(base / "loop.png")
    os.mkfifo(base / "pipe.png")
    (base / "sub").mkdir()
    uris = [
        str(outside), f"file://{outside}", "/etc/passwd", "/dev/zero", "link.png", "sub/",
        "folder/outside.png", "loop.png", "pipe.png", "sub", "x" * 300,
    ]  # fmt: skip
    for uri in uris:
        facts = read_facts(uri, "image/png", MediaAccess(base))
        assert code_of(facts) == "bad_media_uri", uri


def test_local_files_inside_the_folder_are_read(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a b.png").write_bytes(b"abc")
    (tmp_path / "link.png").symlink_to(tmp_path / "real" / "a b.png")
    absolute = str(tmp_path / "real" / "a b.png")
    for uri in ["real/a b.png", absolute, f"file://{absolute.replace(' ', '%20')}", "link.png"]:
        assert read_facts(uri, "image/png", MediaAccess(tmp_path)).size == 3


def test_a_local_path_in_remote_data_is_refused():
    assert code_of(read_facts("a.png", "image/png", MediaAccess())) == "bad_media_uri"
