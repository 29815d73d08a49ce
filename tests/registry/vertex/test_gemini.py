"""Tuned Gemini models: versions under one model, once each, never astray."""

import logging

import pytest

from tests.registry.vertex.tuned import managed_result
from tests.vertex.stand_in import PROJECT, PROJECT_NUMBER, Fault
from tests.vertex.stand_in.names import place
from tuneline.errors import ConfigurationError, DataError, ServiceError


def model_of(vertex, uri):
    return vertex.models.find(uri)[0]


def version_of(vertex, uri):
    model, number = vertex.models.find(uri)
    return model.view(number)


def test_first_model_gets_the_name_and_is_version_1_under_the_alias(service, make_gemini):
    registration = make_gemini()
    entry = registration.run()
    version = version_of(service, entry.uri)
    assert (entry.name, entry.version, entry.created) == ("tickets", "1", True)
    assert entry.uri.startswith(f"projects/{PROJECT_NUMBER}/locations/eu/models/")
    assert version["displayName"] == "tickets"
    assert sorted(version["versionAliases"]) == ["champion", "default"]
    assert version["versionDescription"].splitlines()[0] == "pet is better than the best baseline"
    assert version["labels"] == {
        "team": "support",
        "tuneline-registered": "true",
        "tuneline-base": "gemini-3-1-flash-lite",
        "tuneline-dataset": version["labels"]["tuneline-dataset"],
        "tuneline-method": "pet",
        "tuneline-model": version["labels"]["tuneline-model"],
        "tuneline-run": version["labels"]["tuneline-run"],
        "tuneline-version": "0-1-0",
    }
    assert len(version["labels"]["tuneline-model"]) == 40
    assert {call[2] for call in service.calls} in ({"rest"}, {"grpc"})


def test_long_reasons_are_cut_off(vertex, make_gemini):
    registration = make_gemini()
    registration.change_verdict(reasons=["é" * 20_000])
    version = version_of(vertex, registration.run().uri)
    assert len(version["versionDescription"]) == 10_000
    assert version["versionDescription"].endswith("é…")


def test_second_model_is_version_2_of_the_same_model_and_the_alias_moves(service, make_gemini):
    first, second = make_gemini().run(), make_gemini().run()
    assert (second.version, second.created) == ("2", True)
    assert model_of(service, first.uri) is model_of(service, second.uri)
    assert model_of(service, first.uri).aliases == {"default": "1", "champion": "2"}
    labels = version_of(service, second.uri)["labels"]
    assert labels["tuneline-model"] != version_of(service, first.uri)["labels"]["tuneline-model"]
    assert labels["tuneline-registered"] == "true"


def test_same_model_twice_is_one_version_and_gets_the_alias_back(service, make_gemini):
    first, second = make_gemini(), make_gemini()
    entries = [registration.run() for registration in (first, second, second, first)]
    assert [entry.version for entry in entries] == ["1", "2", "2", "1"]
    assert [entry.created for entry in entries] == [True, True, False, False]
    model = model_of(service, entries[0].uri)
    assert (len(model.versions), model.aliases["champion"]) == (2, "1")
    assert service.count("CopyModel") == 1
    assert service.count("ImportModelEvaluation") == 2


def test_model_tuned_from_a_registered_one_is_its_next_version_already(vertex, make_gemini):
    first = make_gemini().run()
    entry = make_gemini(continues=first.uri).run()
    assert (entry.version, entry.created) == ("2", True)
    assert vertex.count("CopyModel") == 0
    assert model_of(vertex, entry.uri).aliases["champion"] == "2"
    labels = version_of(vertex, entry.uri)["labels"]
    assert labels["tuneline-model"] != version_of(vertex, first.uri)["labels"]["tuneline-model"]


def test_later_version_may_be_the_first_that_is_registered(vertex, make_gemini):
    unregistered = make_gemini()
    tuned = next(iter(vertex.models.in_place(place("eu")))).name
    entry = make_gemini(continues=tuned).run()
    assert entry.version == "2"
    assert "tuneline-model" not in version_of(vertex, f"{tuned}@1")["labels"]
    assert unregistered.run().version == "1"


def test_refused_copy_says_what_to_do(service, make_gemini):
    make_gemini().run()
    service.faults.append(Fault("CopyModel", "status", status=400, message="cannot copy tuned"))
    second = make_gemini()
    with pytest.raises(ConfigurationError, match="cannot copy tuned") as refused:
        second.run()
    assert "tuned_from" in str(refused.value)
    assert "another name" in str(refused.value)
    assert second.run(model_name="other").version == "1"


def test_copy_whose_answer_is_lost_is_found(service, make_gemini):
    first = make_gemini().run()
    service.faults.append(Fault("CopyModel", "drop_after"))
    entry = make_gemini().run()
    assert (entry.version, entry.created) == ("2", True)
    assert len(model_of(service, first.uri).versions) == 2
    assert service.count("CopyModel") == 1


def test_copy_without_labels_is_what_an_interrupted_attempt_left(vertex, make_gemini):
    first, second = make_gemini().run(), make_gemini()
    vertex.faults.append(Fault("UpdateModel", "status", status=403))
    with pytest.raises(ConfigurationError, match="403"):
        second.run()
    assert model_of(vertex, first.uri).aliases["champion"] == "1"
    assert second.run().version == "2"
    assert len(model_of(vertex, first.uri).versions) == 2


def test_alias_stays_where_the_evaluation_is_missing(vertex, make_gemini):
    first, second = make_gemini().run(), make_gemini()
    vertex.faults.append(Fault("ImportModelEvaluation", "status", status=403))
    with pytest.raises(ConfigurationError, match="Registering 'tickets' in vertex://"):
        second.run()
    assert model_of(vertex, first.uri).aliases["champion"] == "1"
    entry = second.run()
    assert (entry.version, entry.created) == ("2", False)
    assert model_of(vertex, first.uri).aliases["champion"] == "2"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_failures_of_reads_and_updates_pass(service, make_gemini, status):
    for method in ("GetModel", "ListModels", "UpdateModel", "ListModelEvaluations"):
        service.faults.append(Fault(method, "status", status=status))
    service.faults.append(Fault("MergeVersionAliases", "drop_after"))
    assert make_gemini().run().version == "1"
    assert not service.faults


def test_failure_that_does_not_pass_is_the_service_s(vertex, make_gemini):
    vertex.faults.extend(Fault("ImportModelEvaluation", "status", status=501) for _ in range(3))
    with pytest.raises(ServiceError, match="Planted failure 501"):
        make_gemini().run()


def test_model_of_others_with_the_same_name_is_refused(service, make_gemini):
    foreign = service.models.new(place("eu"), "4711")
    foreign.add({"displayName": "tickets"}, [])
    registration = make_gemini()
    with pytest.raises(ConfigurationError, match="models/4711.* was not registered by Tuneline"):
        registration.run()
    assert {call[0] for call in service.calls} <= {"GetModel", "ListModels"}
    assert registration.run(model_name="others").version == "1"


def test_two_models_of_the_name_are_both_named(service, make_gemini):
    registered = model_of(service, make_gemini().run().uri)
    service.models.new(place("eu"), "4711").add({"displayName": "tickets"}, [])
    with pytest.raises(ConfigurationError, match="2 models") as refused:
        make_gemini().run()
    assert registered.name in str(refused.value)
    assert f"{place('eu')}/models/4711" in str(refused.value)


def test_tuned_model_that_has_the_name_already_is_no_foreigner(vertex, make_gemini):
    registration = make_gemini()
    model = next(iter(vertex.models.in_place(place("eu"))))
    model.versions["1"]["displayName"] = "tickets"
    assert registration.run().version == "1"


def test_model_registered_under_another_name_keeps_it(vertex, make_gemini):
    registration = make_gemini()
    entry = registration.run()
    with pytest.raises(ConfigurationError, match="is registered as 'tickets' already"):
        registration.run(model_name="other")
    assert version_of(vertex, entry.uri)["displayName"] == "tickets"


def test_verdict_that_did_not_pass_registers_nothing(vertex, make_gemini):
    registration = make_gemini()
    registration.change_verdict(passed=False, winner="", headline="no gain")
    with pytest.raises(DataError, match="no gain"):
        registration.run()
    assert not vertex.calls


def test_location_is_the_model_s_own(vertex, make_gemini):
    registration = make_gemini()
    with pytest.raises(ConfigurationError) as refused:
        registration.run(
            registry=f"vertex://{PROJECT}/us-central1", serving_image="us-docker.pkg.dev/p/r/i"
        )
    assert len(refused.value.problems) == 2
    assert f"Leave the location out: vertex://{PROJECT}." in str(refused.value)
    assert registration.run(registry=f"vertex://{PROJECT}/eu").version == "1"


def test_model_that_was_deleted_is_named(vertex, make_gemini):
    registration = make_gemini()
    vertex.models.remove(next(iter(vertex.models.in_place(place("eu")))).name)
    with pytest.raises(ConfigurationError, match=f"project {PROJECT} has no model"):
        registration.run()


def test_job_without_a_model_is_refused(vertex, make_gemini):
    registration = make_gemini()
    endpoint = f"{place('eu')}/endpoints/7"
    job = f"{place('us-central1')}/tuningJobs/5"
    managed_result(job=job, endpoint=endpoint).write(registration.given["tuning"])
    with pytest.raises(ConfigurationError, match="put no model into the Model Registry"):
        registration.run()


def test_token_is_in_no_log(service, make_gemini, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    service.faults.append(Fault("ListModels", "status", status=503))
    make_gemini().run()
    printed = capfd.readouterr()
    for text in (caplog.text, printed.out, printed.err):
        assert service.gemini.token not in text
        assert "PRIVATE KEY" not in text
