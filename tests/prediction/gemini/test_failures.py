"""What passes is tried again, what does not ends the run in words that help."""

from __future__ import annotations

import email.utils
import json
import os
import time
from pathlib import Path

import pytest

from tests.prediction.gemini.asking_lamps import asker, question
from tests.prediction.gemini.stand_in import Reply, StandIn, refused, said
from tuneline.errors import ConfigurationError, ServiceError

RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.3s"}


@pytest.mark.parametrize(
    "failure",
    [
        refused(429, "Resource exhausted. Please try again later."),
        refused(500, "An internal error has occurred."),
        refused(502, "Bad gateway."),
        refused(503, "The service is currently unavailable."),
        refused(504, "Deadline expired before operation could complete."),
        Reply(b"<html>Bad Gateway</html>", 502, {"Content-Type": "text/html"}),
        Reply(b"<html>a proxy's page</html>", 200, {"Content-Type": "text/html"}),
        Reply(said("never whole").body, cut_after=20),
        Reply(said("never begun").body, cut_after=0),
    ],
    ids=lambda reply: f"{reply.status}-{reply.cut_after}-{type(reply.body).__name__}",
)
def test_what_passes_is_tried_again(service: StandIn, tmp_path: Path, failure: Reply):
    service.first += [failure, failure]
    (answer,) = asker(tmp_path).answer([question(1)], "zero-shot")
    assert answer.text == "WHICH LAMP IS NUMBER 1?"
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    "failure",
    [
        refused(429, "Quota exceeded.", Retry_After="1"),
        refused(429, "Quota exceeded.", details=[{"@type": "other"}, RETRY_INFO]),
        refused(503, "Overloaded.", details=[RETRY_INFO]),
    ],
)
def test_the_service_is_not_asked_before_it_said(service: StandIn, tmp_path: Path, failure: Reply):
    service.first.append(failure)
    asker(tmp_path).answer([question(1)], "zero-shot")
    first, second = service.asked
    assert second.at - first.at >= (1.0 if failure.headers else 0.3)


def test_a_date_to_retry_after_is_waited_for(service: StandIn, tmp_path: Path):
    then = int(time.time()) + 2  # dates are in whole seconds
    date = email.utils.formatdate(then, usegmt=True)
    service.first.append(refused(503, "Overloaded.", Retry_After=date))
    asker(tmp_path).answer([question(1)], "zero-shot")
    assert time.time() >= then


def test_a_hanging_answer_is_given_up_and_asked_for_again(service: StandIn, tmp_path: Path):
    service.first.append(Reply(said("late").body, delay_s=1.5))
    (answer,) = asker(tmp_path, timeout_s=0.2).answer([question(1)], "zero-shot")
    assert answer.text == "WHICH LAMP IS NUMBER 1?"


def test_attempts_end(service: StandIn, tmp_path: Path):
    service.answer = lambda asked: refused(429, "Resource exhausted.")
    with pytest.raises(ServiceError) as raised:
        asker(tmp_path, attempts=3).answer([question(8)], "zero-shot")
    assert "no answer after 3 attempts (asked for test.jsonl:8): 429 Resource exhausted" in str(
        raised.value
    )
    assert "requests_per_minute" in str(raised.value)
    assert len(service.asked) == 3


def test_the_deadline_ends_a_hang_and_keeps_what_was_answered(service: StandIn, tmp_path: Path):
    service.answer = lambda asked: (
        Reply(said("late").body, delay_s=3) if "3" in asked.prompt else said("in time")
    )
    requests = [question(i) for i in range(6)]
    started = time.monotonic()
    with pytest.raises(ServiceError, match=r"within deadline_s \(0.5 s\)"):
        asker(tmp_path, deadline_s=0.5).answer(requests, "zero-shot")
    assert time.monotonic() - started < 1.5
    service.answer = lambda asked: said("now")
    answers = asker(tmp_path).answer(requests, "zero-shot")
    assert [answer.text for answer in answers] == [*["in time"] * 3, "now", *["in time"] * 2]


@pytest.mark.parametrize(
    ("reply", "advice"),
    [
        (refused(400, "Unable to submit request because it is wrong."), "the message says which"),
        (refused(401, "Request had invalid credentials."), "application-default login"),
        (refused(403, "Permission denied on resource."), "roles/aiplatform.user"),
        (refused(404, "Publisher Model was not found."), "Check the model's name"),
        (refused(418, "I am a teapot."), "the message says which"),
    ],
)
def test_what_does_not_pass_ends_the_run_at_once(
    service: StandIn, tmp_path: Path, reply: Reply, advice: str
):
    service.answer = lambda asked: reply
    with pytest.raises(ConfigurationError) as raised:
        asker(tmp_path, concurrency=1).answer([question(i) for i in range(9)], "zero-shot")
    message = reply.body["error"]["message"].rstrip(".")
    assert f"(asked for test.jsonl:0): {reply.status} {message}. " in str(raised.value)
    assert advice in str(raised.value)
    assert len(service.asked) == 1


def test_a_model_that_the_service_does_not_have(service: StandIn, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="404 .*was not found"):
        asker(tmp_path, "gemini-99-flash").answer([question(1)], "zero-shot")


def test_a_project_without_rights(service: StandIn, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="403 Permission denied on resource project other"):
        asker(tmp_path, project="other").answer([question(1)], "zero-shot")


def test_no_credentials(service: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(ConfigurationError) as raised:
        asker(tmp_path).answer([question(1)], "zero-shot")
    missing = f"GOOGLE_APPLICATION_CREDENTIALS names {tmp_path / 'missing.json'}, and there is no"
    assert missing in str(raised.value)
    assert "gcloud auth application-default login" in str(raised.value)


@pytest.mark.parametrize("key", ["", "a-key"])
def test_a_host_that_does_not_resolve_is_asked_twice(
    service: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog, key: str
):
    """By the service's own client, and by that of the token server."""
    nowhere = "http://no-such-host.invalid"
    if key:
        monkeypatch.setenv("GOOGLE_API_KEY", key)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", nowhere)
        asked = asker(tmp_path, project="")
    else:
        path = Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
        path.write_text(json.dumps({**json.loads(path.read_text()), "token_uri": nowhere}))
        asked = asker(tmp_path)
    caplog.set_level("INFO", logger="tuneline")
    with pytest.raises(ServiceError, match="the host name of the service does not resolve"):
        asked.answer([question(1)], "zero-shot")
    assert [line for line in caplog.messages if "attempt 2 of 2" in line]
    assert "attempt 3" not in caplog.text


def test_credentials_that_were_withdrawn(service: StandIn, tmp_path: Path):
    gone = {"error": "invalid_grant", "error_description": "Account has been deleted."}
    service.first_tokens.append(Reply(gone, 400))
    with pytest.raises(ConfigurationError, match=r"credentials are refused: .*invalid_grant"):
        asker(tmp_path).answer([question(1)], "zero-shot")
    assert not service.asked


def test_a_token_server_that_fails_once_is_asked_again(service: StandIn, tmp_path: Path):
    service.first_tokens.append(Reply({"error": "internal_failure"}, 500))
    (answer,) = asker(tmp_path).answer([question(1)], "zero-shot")
    assert answer.finish_reason == "stop"


def test_a_wrong_key(service: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "another-key")
    with pytest.raises(ConfigurationError) as raised:
        asker(tmp_path).answer([question(1)], "zero-shot")
    assert "API key not valid" in str(raised.value)
    assert "another-key" not in str(raised.value)


def test_what_was_answered_before_a_failure_is_kept(service: StandIn, tmp_path: Path):
    service.answer = lambda asked: refused(403, "No.") if "5" in asked.prompt else said("yes")
    requests = [question(i) for i in range(9)]
    with pytest.raises(ConfigurationError):
        asker(tmp_path, concurrency=1).answer(requests, "zero-shot")
    service.answer = lambda asked: said("yes")
    asker(tmp_path, concurrency=1).answer(requests, "zero-shot")
    assert len(service.asked) == 10
