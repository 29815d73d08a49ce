"""What is behind media URIs: on this machine, the web, gs:// and s3://."""

import pickle
import socket
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.media.media_files import batch_of, code_of, image, mp4, pdf, png, wav, webm
from tuneline.data.media.concurrency import DeadlineError, each
from tuneline.data.media.facts import read_facts
from tuneline.data.media.inspection import MAX_FAILURES, MediaInspector, inspect_media
from tuneline.data.media.limits import MediaLimit
from tuneline.data.media.opening import MediaAccess
from tuneline.data.media.web import Web
from tuneline.data.schema import File
from tuneline.errors import MachineError, ServiceError

WEB = Web(allow_loopback=True, timeout_s=5, first_wait_s=0.01)

FILES = {
    "a.png": ("image/png", png()),
    "a.wav": ("audio/wav", wav(2.5)),
    "a.mp4": ("video/mp4", mp4(61.5, filler=300_000)),
    "a.webm": ("video/webm", webm()),
    "a.pdf": ("application/pdf", pdf(3)),
    "empty.png": ("image/png", b""),
}


def look(uris, **arguments):
    return inspect_media(uris, access=MediaAccess(web=WEB), **arguments)


def require_facts(facts, prefix):
    assert {facts[f"{prefix}{name}"].size for name in FILES} == {
        len(content) for _, content in FILES.values()
    }
    assert facts[f"{prefix}a.png"].mime_type == "image/png"
    assert facts[f"{prefix}a.wav"].seconds == pytest.approx(2.5)
    assert facts[f"{prefix}a.mp4"].seconds == pytest.approx(61.5)
    assert facts[f"{prefix}a.webm"].seconds is None
    assert facts[f"{prefix}a.pdf"].pages == 3
    assert facts[f"{prefix}empty.png"].size == 0
    assert code_of(facts[f"{prefix}missing.png"]) == "missing_media"


def uris_at(prefix):
    return [(f"{prefix}{name}", kind) for name, (kind, _) in FILES.items()] + [
        (f"{prefix}missing.png", "image/png")
    ]


def test_facts_of_local_files(tmp_path):
    for name, (_, content) in FILES.items():
        (tmp_path / name).write_bytes(content)
    require_facts(inspect_media(uris_at("./"), access=MediaAccess(tmp_path)), "./")


def test_facts_from_the_web(web):
    web.files = {f"/{name}": content for name, (_, content) in FILES.items()}
    require_facts(look(uris_at(f"{web.url}/")), f"{web.url}/")
    assert web.sent["/a.mp4"] < 200_000  # ranges alone, not the 300,000 bytes of the movie


def test_facts_from_gs(gs):
    for name, (_, content) in FILES.items():
        gs.pipe_file(f"media/x/{name}", content)
    require_facts(look(uris_at("gs://media/x/")), "gs://media/x/")
    assert look([("gs://media/x", "image/png")])["gs://media/x"].problem.code == "missing_media"
    assert look([("gs://none/x", "image/png")])["gs://none/x"].problem.code == "missing_media"


def test_facts_from_s3(s3):
    for name, (_, content) in FILES.items():
        s3.pipe_file(f"media/x/{name}", content)
    require_facts(look(uris_at("s3://media/x/")), "s3://media/x/")
    assert look([("s3://none/x", "image/png")])["s3://none/x"].problem.code == "missing_media"


def test_each_file_is_asked_for_once_and_its_head_alone(web):
    web.files["/a.png"] = png(extra=b"x" * 1_000_000)
    facts = look([(f"{web.url}/a.png", "image/png")] * 50)
    assert list(facts) == [f"{web.url}/a.png"]
    assert facts[f"{web.url}/a.png"].size == len(web.files["/a.png"])
    assert web.requests["/a.png"] == 1
    assert web.sent["/a.png"] == 4096


def test_no_more_requests_at_once_than_the_bound(web):
    web.files = {f"/{number}.png": png() for number in range(24)}
    web.delay = 0.03
    done: list[int] = []
    look([(web.url + path, "image/png") for path in web.files], concurrency=4, progress=done.append)
    assert 2 <= web.most_at_once <= 4
    assert done == list(range(1, 25))


def test_busy_servers_are_asked_again(web):
    web.files["/a.png"] = png()
    web.failures["/a.png"] = 2
    assert look([(f"{web.url}/a.png", "image/png")])[f"{web.url}/a.png"].size == len(png())
    assert web.requests["/a.png"] == 3


def test_a_server_that_stays_busy_is_a_service_error(web):
    web.files["/a.png"] = png()
    web.failures["/b.png"] = 1000
    uris = [(f"{web.url}/a.png", "image/png"), (f"{web.url}/b.png?key=secret", "image/png")]
    web.failures["/b.png?key=secret"] = 1000
    with pytest.raises(ServiceError, match="1 of 2 media files could not be looked at") as caught:
        look(uris)
    assert "503" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_dead_network_is_a_service_error_and_no_missing_file():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uris = [(f"http://127.0.0.1:{port}/{number}.png", "image/png") for number in range(100)]
    with pytest.raises(ServiceError, match="100 of 100 media files"):
        look(uris, concurrency=2)


def test_a_name_that_does_not_resolve_is_a_service_error(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ServiceError, match="cannot be reached"):
        look([("https://media.example.com/a.png", "image/png")])


def test_a_dead_store_is_a_service_error(s3, monkeypatch):
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ServiceError, match="1 of 1"):
        look([("s3://media/a.png", "image/png")])


@pytest.mark.parametrize(
    ("status", "code"), [(404, "missing_media"), (410, "missing_media"), (403, "unreadable_media")]
)
def test_what_a_server_refuses_for_good_is_a_finding(web, status, code):
    web.statuses["/a.png"] = status
    facts = look([(f"{web.url}/a.png", "image/png")])
    assert code_of(facts[f"{web.url}/a.png"]) == code
    assert web.requests["/a.png"] == 1


def test_redirects_are_followed(web):
    web.files["/b.png"] = png()
    web.redirects["/a.png"] = f"{web.url}/b.png"
    facts = look([(f"{web.url}/a.png", "image/png")])[f"{web.url}/a.png"]
    assert (facts.size, facts.mime_type) == (len(png()), "image/png")
    assert web.sent["/b.png"] == len(png())


def test_a_server_without_ranges_tells_size_and_type(web):
    web.ranges = False
    web.files["/a.wav"] = wav(30)
    facts = look([(f"{web.url}/a.wav", "audio/wav")])[f"{web.url}/a.wav"]
    assert facts.size == len(wav(30))
    assert facts.mime_type == "audio/x-wav"
    assert facts.seconds is None


def test_a_connection_that_breaks_while_a_duration_is_read_is_a_service_error(web):
    web.files["/a.mp4"] = mp4(5, filler=300_000)
    answer, asked = web.answer, []

    def first_alone(request):
        asked.append(request.path)
        return answer(request) if len(asked) == 1 else web.status(request, 503)

    web.answer = first_alone
    with pytest.raises(ServiceError, match="1 of 1"):
        look([(f"{web.url}/a.mp4", "video/mp4")])


def test_the_deadline_ends_it(web):
    web.files["/a.png"] = png()
    web.delay = 1
    start = time.monotonic()
    with pytest.raises(ServiceError, match="0.2 seconds were not enough"):
        look([(f"{web.url}/a.png", "image/png")], deadline_s=0.2)
    assert time.monotonic() - start < 0.9


def test_a_failing_disk_is_a_machine_error(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    (tmp_path / "a.png").write_bytes(png())
    monkeypatch.setattr("tuneline.data.media.local_files.os.open", fail)
    with pytest.raises(MachineError, match=r"a\.png: cannot be read"):
        inspect_media([("a.png", "image/png")], access=MediaAccess(tmp_path))


@pytest.mark.parametrize("content", [b"%PDF-1.7 nothing", b"%PDF-1.7\nstartxref\n9\n%%EOF"])
def test_a_damaged_pdf_is_unreadable(tmp_path, content):
    (tmp_path / "a.pdf").write_bytes(content)
    facts = read_facts("a.pdf", "application/pdf", MediaAccess(tmp_path))
    assert code_of(facts) == "unreadable_media"


@given(name=st.sampled_from(sorted(FILES)), cut=st.integers(0, 3000), junk=st.binary(max_size=20))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_corrupt_files_are_findings_and_no_crash(tmp_path, name, cut, junk):
    kind, content = FILES[name]
    (tmp_path / name).write_bytes(content[:cut] + junk + content[cut + len(junk) : 5000])
    facts = read_facts(name, kind, MediaAccess(tmp_path))
    assert facts.size == (tmp_path / name).stat().st_size or facts.problem is not None


def hits_of(batch, tmp_path, limits=None):
    return [(hit.index, hit.code) for hit in MediaInspector(limits).check(batch, tmp_path)]


def test_the_inspector_says_what_is_wrong(tmp_path):
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / "text.png").write_bytes(b"<html>not found</html>")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "photo.jpg").write_bytes(png())
    batch = batch_of(
        image("good.png"),
        image("text.png"),
        image("empty.png"),
        image("photo.jpg", "image/jpeg"),
        image("missing.png"),
        image("../x.png"),
    )
    assert hits_of(batch, tmp_path) == [
        (1, "mime_not_content"),
        (2, "empty_media"),
        (3, "mime_not_content"),
        (4, "missing_media"),
        (5, "bad_media_uri"),
    ]


def test_limits_of_size_length_and_pages(tmp_path):
    for name, (_, content) in FILES.items():
        (tmp_path / name).write_bytes(content)
    limits = {
        "image": MediaLimit(size=10),
        "audio": MediaLimit(seconds=2),
        "video": MediaLimit(seconds={"MEDIA_RESOLUTION_LOW": 100, "default": 30}),
        "document": MediaLimit(pages=5),
    }
    files = {name: File(name, kind) for name, (kind, _) in FILES.items()}
    clip = File("a.mp4", "video/mp4", '{"endOffset":"20s"}')
    batch = batch_of(
        files["a.png"], files["a.wav"], files["a.mp4"], clip, files["a.webm"], files["a.pdf"],
        [files["a.pdf"], files["a.pdf"]],
    )  # fmt: skip
    assert hits_of(batch, tmp_path, limits) == [
        (0, "too_large_media"),
        (1, "too_long_media"),
        (2, "too_long_media"),
        (4, "unknown_media_length"),
        (6, "too_long_media"),
    ]
    low = batch_of(files["a.mp4"], resolution="MEDIA_RESOLUTION_LOW")
    assert hits_of(low, tmp_path, limits) == []


def test_the_inspector_remembers_across_batches(web):
    web.files["/a.png"] = png()
    inspector = MediaInspector(web=WEB)
    batch = batch_of(image(f"{web.url}/a.png"), image(f"{web.url}/b.png"))
    first, second = list(inspector.check(batch)), list(inspector.check(batch))
    assert first == second
    assert len(first) == 1
    assert web.requests == {"/a.png": 1, "/b.png": 1}


def test_equal_paths_below_two_folders_are_two_files(tmp_path):
    for folder, content in (("one", png()), ("two", b"")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(content)
    inspector = MediaInspector()
    batch = batch_of(image("a.png"))
    assert list(inspector.check(batch, tmp_path / "one")) == []
    assert [hit.code for hit in inspector.check(batch, tmp_path / "two")] == ["empty_media"]


def test_the_inspector_can_be_sent_to_a_worker(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    inspector = pickle.loads(pickle.dumps(MediaInspector({"image": MediaLimit(size=1)})))
    assert [hit.code for hit in inspector.check(batch_of(image("a.png")), tmp_path)] == [
        "too_large_media"
    ]


def test_items_are_taken_only_as_calls_end():
    taken = []

    def items():
        for number in range(20):
            taken.append(number)
            yield number + 1

    release = threading.Event()
    calls = each(lambda number: release.wait(5) and number, items(), concurrency=3, deadline_s=5)
    timer = threading.Timer(0.2, release.set)
    assert taken == []
    timer.start()
    first, _ = next(calls)
    assert len(taken) <= 4
    assert sorted([first, *(item for item, _ in calls)]) == list(range(1, 21))


def test_an_unforeseen_error_is_raised_where_results_are_read():
    with pytest.raises(ZeroDivisionError):
        list(each(lambda number: 1 // (number - 1), [1], concurrency=2, deadline_s=5))


def test_a_call_that_hangs_ends_at_the_deadline():
    with pytest.raises(DeadlineError):
        list(each(lambda _: time.sleep(2), [1], concurrency=1, deadline_s=0.1))


def test_failures_stop_the_rest(web):
    web.statuses.update({f"/{number}": 500 for number in range(100)})
    uris = [(f"{web.url}/{number}", "image/png") for number in range(100)]
    with pytest.raises(ServiceError):
        look(uris, concurrency=1)
    assert len(web.requests) == MAX_FAILURES
