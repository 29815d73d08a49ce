"""A run is started once, whatever happens to the request."""

import signal
import threading
import time

import pytest
from kfp.client import Client

from tests.kubeflow.runs.conftest import PARAMETERS, quick, request_of
from tests.kubeflow.stand_in import Fault
from tuneline.errors import ConfigurationError, ServiceError, StoppedError
from tuneline.kubeflow.runs.address import RunAddress
from tuneline.kubeflow.runs.submit import submit
from tuneline.pipelines.platform import Platform
from tuneline.submission.spec import compiled_or_loaded

CREATE, LIST = "CreateRun", "ListRuns"
KINDS = ["drop_before", "drop_after", "broken"]


def started(kfp, spec, **options):
    run = quick(kfp, **options)
    return submit(request_of(spec, run), run)


def test_run_is_started_with_what_was_asked(kfp, spec):
    url = started(kfp, spec, name="lamps", service_account="tuner", experiment="Halls")
    [run] = kfp.runs.values()
    assert url == f"{kfp.address}/#/runs/details/{run['run_id']}"
    assert RunAddress.parse(url) == RunAddress(kfp.address, run["run_id"])
    assert run["display_name"] == "lamps"
    assert run["service_account"] == "tuner"
    assert run["pipeline_spec"] == spec.content
    assert run["runtime_config"] == {"parameters": PARAMETERS}
    [experiment] = kfp.experiments.values()
    assert experiment["display_name"] == "Halls"
    assert run["experiment_id"] == experiment["experiment_id"]
    assert set(kfp.tokens) == {f"Bearer {kfp.token}"}


def test_platform_document_is_sent_beside_the_spec(kfp, placed_spec):
    spec = compiled_or_loaded(str(placed_spec), Platform(target="kubeflow"))
    started(kfp, spec)
    [run] = kfp.runs.values()
    assert run["pipeline_spec"] == {"pipeline_spec": spec.content, "platform_spec": spec.platform}
    assert "kubernetes" in spec.platform["platforms"]


def test_without_cache_every_task_runs_anew(kfp, spec):
    started(kfp, spec, cache=False)
    [run] = kfp.runs.values()
    assert '"enableCache": true' not in str(run["pipeline_spec"]).replace("'", '"').lower()


def test_experiment_is_made_once(kfp, spec):
    kfp.page_size = 1
    for experiment in ("One", "Two", "Two"):
        started(kfp, spec, experiment=experiment)
    assert len(kfp.experiments) == 2
    assert kfp.count("CreateExperiment") == 2
    assert len(kfp.runs) == 3


def test_experiment_of_another_at_the_same_moment_is_taken(kfp, spec):
    # The answer of the first is lost, so that the second finds the name taken.
    kfp.faults.append(Fault("CreateExperiment", "status", status=503))
    kfp.faults.append(Fault("CreateExperiment", "drop_after"))
    started(kfp, spec)
    assert len(kfp.experiments) == len(kfp.runs) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lost_looks", [0, 2])
def test_lost_answer_starts_one_run(kfp, spec, kind, lost_looks):
    kfp.faults.append(Fault(CREATE, kind))
    kfp.faults += [Fault(LIST, "drop_before")] * lost_looks
    url = started(kfp, spec)
    assert [RunAddress.parse(url).run_id] == list(kfp.runs)
    assert kfp.count(CREATE) == (2 if kind == "drop_before" else 1)


def test_broken_list_is_not_taken_for_an_empty_one(kfp, spec):
    kfp.faults += [Fault(CREATE, "drop_after"), Fault(LIST, "broken"), Fault(LIST, "broken")]
    started(kfp, spec)
    assert len(kfp.runs) == 1


def test_of_two_that_were_started_one_is_ended(kfp, spec):
    # The service carries the first request out after it was given up, while it takes the second.
    kfp.faults += [Fault(CREATE, "late", seconds=0.4), Fault(CREATE, "slow", seconds=0.8)]
    run = quick(kfp, longest_wait_s=0.02)
    url = submit(request_of(spec, run), run)
    assert kfp.count(CREATE) == len(kfp.runs) == 2
    going = [each for each, steps in kfp.steps.items() if steps[-1] != "CANCELED"]
    assert going == [RunAddress.parse(url).run_id]


def test_second_run_that_cannot_be_ended_is_told_and_the_first_goes_on(kfp, spec, caplog):
    kfp.faults += [Fault(CREATE, "late", seconds=0.4), Fault(CREATE, "slow", seconds=0.8)]
    kfp.faults.append(Fault("TerminateRun", "status", status=403, message="no"))
    run = quick(kfp, longest_wait_s=0.02)
    first = submit(request_of(spec, run), run)
    (other,) = kfp.runs.keys() - {RunAddress.parse(first).run_id}
    assert f"tuneline cancel '{RunAddress(run.address, other).url}'" in caplog.text


def test_refusal_after_a_lost_answer_says_that_there_may_be_a_run(kfp, spec):
    kfp.faults += [Fault(CREATE, "late", seconds=0.4), Fault(CREATE, "status", status=401)]
    run = quick(kfp, longest_wait_s=0.02)
    request = request_of(spec, run)
    with pytest.raises(ServiceError, match="may have been started all the same"):
        submit(request, run)


def test_archived_experiment_is_named(kfp, spec):
    started(kfp, spec)
    (experiment,) = kfp.experiments.values()
    experiment["storage_state"] = "ARCHIVED"
    with pytest.raises(ConfigurationError, match="experiment: 'Default' is archived"):
        started(kfp, spec)


def test_two_runs_of_one_name_are_two(kfp, spec):
    assert started(kfp, spec) != started(kfp, spec)
    kfp.faults.append(Fault(CREATE, "drop_after"))
    third = started(kfp, spec)
    assert len(kfp.runs) == 3
    assert RunAddress.parse(third).run_id == list(kfp.runs)[2]
    assert not kfp.count("TerminateRun")


def test_busy_service_is_ridden_out(kfp, spec, caplog):
    caplog.set_level("WARNING", logger="tuneline")
    kfp.faults += [
        Fault(CREATE, "status", status=429, message="Too many requests."),
        Fault(CREATE, "status", status=503, message="Overloaded."),
    ]
    started(kfp, spec)
    assert len(kfp.runs) == 1
    assert kfp.count(CREATE) == 3
    assert "429 Too many requests; waiting in line" in caplog.text
    assert "503 Overloaded; looking whether the run was started" in caplog.text


@pytest.mark.parametrize("method", ["GetHealthz", "ListExperiments", "CreateExperiment", CREATE])
@pytest.mark.parametrize("status", [500, 503])
def test_failure_that_lasts_is_told(kfp, spec, method, status, monkeypatch):
    monkeypatch.setattr("tuneline.kubeflow.runs.client._FIRST_CONTACT_S", 0.3)
    kfp.faults += [Fault(method, "status", status=status, message="Overloaded.")] * 200
    hint = "may have been started" if method == CREATE else "Try again later"
    with pytest.raises(ServiceError, match=f"{status} Overloaded.*{hint}"):
        started(kfp, spec, failing_s=0.3)
    assert not kfp.runs


def test_where_nobody_knows_whether_it_started_the_mark_is_told(kfp, spec):
    kfp.faults.append(Fault(CREATE, "drop_after"))
    kfp.faults += [Fault(LIST, "status", status=503, message="Overloaded.")] * 200
    with pytest.raises(ServiceError, match="may have been started all the same") as caught:
        started(kfp, spec, failing_s=0.3)
    [run] = kfp.runs.values()
    assert run["description"] in str(caught.value)
    assert kfp.count(CREATE) == 1


def test_namespace_of_the_pod_is_taken_and_no_file_is_written(kfp, spec, monkeypatch, tmp_path):
    kfp.namespaces = ("team-lamps",)
    (tmp_path / "namespace").write_text("team-lamps")
    monkeypatch.setattr(Client, "_NAMESPACE_PATH", str(tmp_path / "namespace"))
    started(kfp, spec)
    [experiment] = kfp.experiments.values()
    assert experiment["namespace"] == "team-lamps"
    assert not (tmp_path / "kfp").exists()


@pytest.mark.parametrize("status", [400, 403, 404])
def test_refusal_is_told_at_once(kfp, spec, status):
    kfp.faults.append(Fault(CREATE, "status", status=status, message="Not like this."))
    with pytest.raises(ConfigurationError, match=f"the service refuses: {status} Not like this"):
        started(kfp, spec)
    assert kfp.count(CREATE) == 1


@pytest.mark.parametrize("token", ["", "s3cret-of-somebody"])
def test_token_that_is_refused_is_asked_for_and_not_shown(kfp, spec, token, monkeypatch):
    monkeypatch.setenv("TUNELINE_KFP_TOKEN", token)
    with pytest.raises(ConfigurationError, match="Set TUNELINE_KFP_TOKEN") as caught:
        started(kfp, spec)
    assert "s3cret" not in str(caught.value)
    assert kfp.count("GetHealthz") == 1


def test_token_of_the_pod_is_taken_where_there_is_none(kfp, spec, monkeypatch, tmp_path):
    monkeypatch.delenv("TUNELINE_KFP_TOKEN")
    (tmp_path / "token").write_text(kfp.token)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    started(kfp, spec)
    assert len(kfp.runs) == 1


def test_page_of_a_login_is_no_service(kfp, spec):
    kfp.faults += [Fault("*", "page")] * 9
    with pytest.raises(ConfigurationError, match="a page, such as that of a login.*Check --host"):
        started(kfp, spec)


def test_host_that_does_not_answer_is_named(kfp, spec, monkeypatch):
    monkeypatch.setattr("tuneline.kubeflow.runs.client._FIRST_CONTACT_S", 0.2)
    run = quick(kfp, host="http://127.0.0.1:9/pipeline")
    with pytest.raises(ServiceError, match=r"http://127.0.0.1:9/pipeline: .*refused"):
        submit(request_of(spec, run), run)


def test_host_that_is_not_there_is_told_at_once(kfp, spec):
    run = quick(kfp, host="http://kfp.invalid")
    began = time.monotonic()
    with pytest.raises(ServiceError, match="kfp.invalid"):
        submit(request_of(spec, run), run)
    assert time.monotonic() - began < 10


def test_namespace_of_the_user_counts(kfp, spec):
    kfp.namespaces = ("team-lamps", "team-halls")
    started(kfp, spec, namespace="team-lamps")
    [experiment] = kfp.experiments.values()
    assert experiment["namespace"] == "team-lamps"
    with pytest.raises(ConfigurationError, match="not authorized in namespace other"):
        started(kfp, spec, namespace="other")
    with pytest.raises(ConfigurationError, match="namespace cannot be empty"):
        started(kfp, spec)


def test_ctrl_c_tells_where_to_look(kfp, spec):
    kfp.faults += [Fault(CREATE, "status", status=429, message="Too many.")] * 200

    def press():
        time.sleep(0.5)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(StoppedError, match="Look for supervised-tuning in .*/#/runs") as caught:
        started(kfp, spec)
    assert caught.value.exit_code == 130
