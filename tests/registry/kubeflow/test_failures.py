"""What goes wrong on the way: waited out where it passes, looked after, and said in plain words."""

import socket
import time
from email.utils import formatdate

import pytest
from mr_openapi.exceptions import ApiException

from tests.registry.kubeflow.conftest import QUICK
from tests.registry.kubeflow.stand_in import Fault
from tuneline.errors import ConfigurationError, ServiceError
from tuneline.registry.kubeflow import client
from tuneline.registry.kubeflow.failures import wait_s

CREATES = ("create_registered_model", "create_model_version", "upsert_model_version_artifact")
WRITES = (*CREATES, "update_registered_model")
READS = (
    "list_registered_models",
    "find_registered_model",
    "find_model_version",
    "find_model_artifact",
)


def counts(server):
    return [len(kept) for kept in (server.models, server.versions, server.artifacts)]


def refused(registration, server, kind):
    with pytest.raises(kind) as error:
        registration.run(registry=server.uri)
    assert "good-token" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_failures_that_pass_are_waited_out(plain, make_trained, status):
    plain.faults.append(Fault("", status=status, times=2))
    for method in WRITES:
        plain.faults.append(Fault(method, status=status))
    assert make_trained().run(registry=plain.uri).created
    assert counts(plain) == [1, 1, 1]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "cut_after"])
@pytest.mark.parametrize("method", [*WRITES, *READS])
def test_lost_requests_and_answers_make_nothing_twice(plain, make_trained, method, kind):
    plain.faults.append(Fault(method, kind=kind))
    entry = make_trained().run(registry=plain.uri)
    assert entry.created
    assert counts(plain) == [1, 1, 1]
    [model] = plain.models.values()
    assert model["customProperties"]["tuneline.alias.champion"]["string_value"] == entry.version


@pytest.mark.parametrize("method", CREATES)
def test_request_that_is_still_at_work_makes_nothing_twice(
    plain, make_trained, method, monkeypatch
):
    patience = client.Patience(request_s=0.2, failing_s=5, first_wait_s=0.02, longest_wait_s=0.1)
    monkeypatch.setattr(client, "REGISTERING", patience)
    plain.faults.append(Fault(method, kind="delay", seconds=0.35))
    assert make_trained().run(registry=plain.uri).version
    time.sleep(0.3)  # the first request has come to its end by now
    assert counts(plain) == [1, 1, 1]


def test_older_servers_answer_500_to_a_second_artifact(plain, make_trained):
    registration = make_trained()
    registration.run(registry=plain.uri)
    missing = Fault("find_model_artifact", status=404, body='"none"')
    plain.faults += [missing, Fault("upsert_model_version_artifact", status=500)]
    assert not registration.run(registry=plain.uri).created
    assert counts(plain) == [1, 1, 1]


def test_retry_after_is_kept(plain, make_trained):
    plain.faults.append(Fault("find_model_version", status=429, headers={"Retry-After": "0.2"}))
    start = time.monotonic()
    make_trained().run(registry=plain.uri)
    assert time.monotonic() - start > 0.2


@pytest.mark.parametrize(
    ("asked", "shortest", "longest"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("", 0, 0),
    ],
    ids=["seconds", "part", "word", "negative", "empty"],
)
def test_forms_of_retry_after(asked, shortest, longest):
    assert shortest <= asked_to_wait(asked) <= longest


def test_retry_after_may_be_a_date():
    assert 300 <= asked_to_wait(formatdate(time.time() + 600, usegmt=True)) <= 600
    assert asked_to_wait(formatdate(time.time() - 600, usegmt=True)) == 0


def asked_to_wait(header):
    error = ApiException(status=429)
    error.headers = {"Retry-After": header}
    return wait_s(error, 1, first_s=0, longest_s=0)


def test_longer_than_patience_ends_at_once(plain, make_trained):
    plain.faults.append(Fault("find_model_version", status=429, headers={"Retry-After": "3600"}))
    message = refused(make_trained(), plain, ServiceError)
    assert "429 busy. Try again later: what was registered by then is found." in message


@pytest.mark.parametrize("plain_words", [False, True])
def test_failures_that_stay_are_told(plain, make_trained, plain_words):
    body = '"the database is gone"' if plain_words else '{"message": "the database is gone"}'
    plain.faults.append(Fault("create_model_version", status=500, body=body, times=10_000))
    message = refused(make_trained(), plain, ServiceError)
    assert message.startswith(f"Registering 'tickets' in {plain.uri}: 500 the database is gone.")
    assert plain.called("create_model_version") > 2


def test_refused_token(server, make_trained, tmp_path):
    (tmp_path / "token").write_text("bad-token")
    message = refused(make_trained(), server, ConfigurationError)
    assert "401 invalid bearer token" in message
    assert f"KF_PIPELINES_SA_TOKEN_PATH names its file, {tmp_path / 'token'}" in message
    assert "bad-token" not in message
    assert len(server.calls) == 1


def test_no_token(server, make_trained, monkeypatch):
    monkeypatch.delenv("KF_PIPELINES_SA_TOKEN_PATH")
    message = refused(make_trained(), server, ConfigurationError)
    assert "none was sent; KF_PIPELINES_SA_TOKEN_PATH names the file that holds one" in message


def test_pod_s_token_is_sent_over_tls_alone(server, make_trained, monkeypatch, tmp_path):
    monkeypatch.delenv("KF_PIPELINES_SA_TOKEN_PATH")
    monkeypatch.setattr("tuneline.registry.kubeflow.access.POD_TOKEN", tmp_path / "token")
    if server.certificate:
        assert make_trained().run(registry=server.uri).created
    else:
        refused(make_trained(), server, ConfigurationError)
        assert server.authorizations == [""]


def test_token_that_may_not(server, make_trained):
    server.faults.append(
        Fault("", status=403, body="RBAC: access denied", content_type="text/plain")
    )
    message = refused(make_trained(), server, ConfigurationError)
    assert "403 RBAC: access denied. The token must allow the Model Registry" in message


@pytest.mark.parametrize("body", ["404 page not found", "<html>404</html>", ""])
def test_no_registry_at_this_address(plain, make_trained, body):
    plain.faults.append(Fault("", status=404, body=body, content_type="text/plain"))
    message = refused(make_trained(), plain, ConfigurationError)
    assert "There is no /api/model_registry/v1. Check host and port" in message
    assert "<html>" not in message


@pytest.mark.parametrize("method", CREATES)
def test_conflict_with_what_is_not_shown(plain, make_trained, method):
    plain.faults.append(Fault(method, status=409, body='"already exists"'))
    message = refused(make_trained(), plain, ConfigurationError)
    assert "409 already exists. Something of that name is there" in message


@pytest.mark.parametrize("status", [400, 422])
def test_refused_request(plain, make_trained, status):
    plain.faults.append(Fault("create_model_version", status=status, body='{"message": "no"}'))
    assert f"{status} no. The server refuses" in refused(make_trained(), plain, ConfigurationError)
    assert plain.called("create_model_version") == 1


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>Log in</html>", "text/html"),
        ("{bro", "application/json"),
        ("[]", "application/json"),
        ('{"items": [], "size": 0, "pageSize": 1}', "application/json"),
        ("x", "application/x-unknown"),
    ],
)
def test_answers_of_something_else(plain, make_trained, body, content_type):
    plain.faults.append(Fault("", status=200, body=body, content_type=content_type))
    message = refused(make_trained(), plain, ServiceError)
    assert "Check the address in registry" in message
    assert len(plain.calls) == 1


def test_nobody_listens(make_trained):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"kubeflow+http://127.0.0.1:{free.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(ServiceError, match="Cannot connect to host") as error:
            make_trained().run(registry=uri)
    assert time.monotonic() - start > QUICK.failing_s / 2  # it may be starting
    assert uri in str(error.value)


def test_no_answer_in_time(plain, make_trained, monkeypatch):
    patience = client.Patience(request_s=0.1, failing_s=0.3, first_wait_s=0.02, longest_wait_s=0.1)
    monkeypatch.setattr(client, "REGISTERING", patience)
    plain.faults.append(Fault("", kind="delay", seconds=0.3, times=50))
    assert "no answer in time. Try again later" in refused(make_trained(), plain, ServiceError)


def test_unknown_host_is_not_waited_for(make_trained, monkeypatch):
    monkeypatch.setattr(client, "REGISTERING", client.Patience(failing_s=3600))

    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ServiceError, match=r"not known.*Check the address in registry"):
        make_trained().run(registry="kubeflow://registry.invalid")


@pytest.mark.parametrize("server", ["https"], indirect=True)
def test_certificate_that_is_not_trusted(server, make_trained, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    message = refused(make_trained(), server, ConfigurationError)
    assert "certificate" in message
    assert "in SSL_CERT_FILE" in message
    assert server.calls == []


@pytest.mark.parametrize("server", ["https"], indirect=True)
def test_certificate_of_another_name(server, make_trained, monkeypatch):
    ask = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **kw: ask("127.0.0.1", *rest, **kw))
    uri = server.uri.replace("localhost", "registry.local")
    with pytest.raises(ConfigurationError, match=r"the server as its certificate does"):
        make_trained().run(registry=uri)


def test_tls_where_the_server_speaks_none(plain, make_trained):
    uri = plain.uri.replace("kubeflow+http", "kubeflow")
    with pytest.raises(ConfigurationError, match=r"without TLS is kubeflow\+http://HOST:PORT"):
        make_trained().run(registry=uri)


def test_files_of_the_environment_are_checked_first(make_trained, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "no-ca"))
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "no-token"))
    with pytest.raises(ConfigurationError) as error:
        make_trained().run(registry="kubeflow://registry.invalid")
    assert [problem.split(": ")[0] for problem in error.value.problems] == [
        "SSL_CERT_FILE",
        "KF_PIPELINES_SA_TOKEN_PATH",
    ]


@pytest.mark.parametrize("content", ["", "  \n", "two words", "a\nb", "tökén"])
def test_file_without_a_token(plain, make_trained, monkeypatch, tmp_path, content):
    (tmp_path / "token").write_text(content, encoding="utf-8")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    message = refused(make_trained(), plain, ConfigurationError)
    assert "must hold a token, and nothing else" in message
    assert not content.strip() or content not in message


def test_extra_that_is_missing(make_trained, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.startswith("tuneline.registry.kubeflow.r")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("client", "failures", "models", "properties"):
        monkeypatch.delitem(sys.modules, f"tuneline.registry.kubeflow.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "mr_openapi", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'tuneline\[model-registry\]'"):
        make_trained().run(registry="kubeflow://registry.invalid")
