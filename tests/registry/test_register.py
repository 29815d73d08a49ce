"""Registration in a local store: once for each model, with all evidence, and never half."""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import mlflow
import pytest

from tuneline.errors import ConfigurationError, DataError, MachineError
from tuneline.registry.connection import sqlite_uri
from tuneline.registry.listing import list_models
from tuneline.registry.mlflow_registry import RegistryEntry, register_model
from tuneline.registry.settings import RegisterSettings


def client_of(registry: Path) -> mlflow.MlflowClient:
    uri = sqlite_uri(registry)
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def local(uri: str) -> Path:
    return Path(unquote(urlparse(uri).path))


def runs_of(client: mlflow.MlflowClient) -> list[Any]:
    experiment = client.get_experiment_by_name("tuneline")
    return list(client.search_runs([experiment.experiment_id]))


def test_first_model_is_version_1_under_its_alias(tuned):
    assert tuned.register() == RegistryEntry("tickets", "1", "models:/tickets/1", created=True)
    version = client_of(tuned.registry).get_model_version_by_alias("tickets", "champion")
    assert (str(version.version), version.status) == ("1", "READY")
    assert version.tags["tuneline.train_digest"] == "t1"
    assert version.tags["tuneline.validation_digest"] == "v1"
    assert version.tags["tuneline.base_model"] == "embedded"
    assert version.tags["tuneline.base_digest"] == "b1"
    assert version.tags["tuneline.method"] == "pet"
    assert version.tags["tuneline.run"] == "r1"
    assert version.tags["tuneline.verdict"] == "pet is better than the best baseline"
    assert version.description.splitlines() == [
        "pet is better than the best baseline",
        "",
        "- accuracy 0.9 against 0.4 of 4-shot",
        "- p < 0.001",
    ]


def test_run_carries_parameters_and_numbers_of_winner_and_best_baseline(tuned):
    tuned.register()
    [run] = runs_of(client_of(tuned.registry))
    assert run.info.status == "FINISHED"
    assert run.data.params["method"] == "pet"
    assert run.data.params["base_model"] == "embedded"
    assert run.data.params["settings.learning_rate"] == "0.01"
    assert run.data.metrics["accuracy"] == 0.9
    assert run.data.metrics["accuracy.low"] == pytest.approx(0.85)
    assert run.data.metrics["baseline.accuracy"] == 0.4
    assert run.data.metrics["training_seconds"] == 12.5


def test_entry_survives_the_run_folder(tuned):
    tuned.register()
    shutil.rmtree(tuned.model.parent)
    version = client_of(tuned.registry).get_model_version("tickets", "1")
    stored = local(version.source)
    assert stored.is_relative_to(tuned.registry / "artifacts")
    held = sorted(str(path.relative_to(stored)) for path in stored.rglob("*") if path.is_file())
    assert held == ["adapter/adapter.safetensors", "merged/model.safetensors", "result.json"]
    assert (stored / "merged/model.safetensors").read_text() == "first"
    assert local(version.tags["tuneline.report"]).read_text(encoding="utf-8") == "<html>été</html>"
    assert {"report.html", "result.json", "verdict.json"} <= {
        path.name for path in stored.parent.iterdir()
    }


def test_same_model_twice_is_one_version(tuned):
    first, second = tuned.register(), tuned.register()
    assert (second.version, second.created) == (first.version, False)
    client = client_of(tuned.registry)
    assert len(client.search_model_versions("name = 'tickets'")) == 1
    assert len(runs_of(client)) == 1


def test_two_models_are_two_versions_and_the_alias_moves(make_tuned):
    assert [make_tuned(weights).register().version for weights in ("first", "second")] == ["1", "2"]
    client = client_of(make_tuned().registry)
    assert str(client.get_model_version_by_alias("tickets", "champion").version) == "2"
    assert make_tuned("first").register() == RegistryEntry(
        "tickets", "1", "models:/tickets/1", created=False
    )
    assert str(client.get_model_version_by_alias("tickets", "champion").version) == "1"


def test_same_model_under_two_names_is_two_entries(tuned):
    assert tuned.register(model_name="one").created
    assert tuned.register(model_name="two", alias="candidate").created


@pytest.mark.parametrize(
    "killed_at",
    ["log_batch", "log_text", "log_artifacts", "create_registered_model", "create_model_version"],
)
def test_attempt_killed_before_the_version_leaves_nothing(tuned, monkeypatch, killed_at):
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, killed_at, _killed)
        with pytest.raises(KeyboardInterrupt):
            tuned.register()
    assert tuned.register().created
    client = client_of(tuned.registry)
    [version] = client.search_model_versions("name = 'tickets'")
    [run] = runs_of(client)
    assert (version.run_id, run.info.status) == (run.info.run_id, "FINISHED")
    kept = [path for path in (tuned.registry / "artifacts").rglob("*") if path.is_file()]
    assert all(path.is_relative_to(local(run.info.artifact_uri)) for path in kept)
    assert len(kept) == len({path.name for path in kept if path.name != "result.json"}) + 2


@pytest.mark.parametrize("killed_at", ["set_registered_model_alias", "set_terminated"])
def test_attempt_killed_after_the_version_is_finished(tuned, monkeypatch, killed_at):
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, killed_at, _killed)
        with pytest.raises(KeyboardInterrupt):
            tuned.register()
    entry = tuned.register()
    assert (entry.version, entry.created) == ("1", False)
    client = client_of(tuned.registry)
    assert str(client.get_model_version_by_alias("tickets", "champion").version) == "1"
    assert [run.info.status for run in runs_of(client)] == ["FINISHED"]


@pytest.mark.parametrize(
    ("status", "created"), [("PENDING_REGISTRATION", False), ("FAILED_REGISTRATION", True)]
)
def test_version_that_is_not_ready_never_gets_a_sibling(tuned, monkeypatch, status, created):
    tuned.register()
    search = mlflow.MlflowClient.search_model_versions

    def unready(client, *args, **kwargs):
        versions = search(client, *args, **kwargs)
        for version in versions:
            version._status = status
        return versions

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "search_model_versions", unready)
        assert tuned.register().created is created
    assert len(client_of(tuned.registry).search_model_versions("name = 'tickets'")) == 1


def _killed(*_args, **_kwargs):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"passed": False, "headline": "no gain"}, r"verdict: passed: .*no gain"),
        ({"winner": "4-shot"}, "winner: '4-shot' is not a tuned candidate"),
        ({"winner": "nobody"}, "winner: 'nobody' is not a tuned candidate"),
        ({"primary_metric": "macro_f1"}, "with the metric 'macro_f1'"),
        ({"reasons": 3, "passed": None}, r"verdict: passed: .*; reasons: "),
        ({"candidates": [{"name": "pet"}]}, r"verdict: candidates\.0\.kind: .*0\.metrics: "),
    ],
)
def test_verdict_that_is_no_yes_is_refused(tuned, fields, message):
    tuned.change(tuned.verdict, **fields)
    with pytest.raises(DataError, match=message):
        tuned.register()
    assert list_models(str(tuned.registry)) == []


def test_verdict_of_another_method_is_refused(tuned):
    tuned.change(tuned.model / "result.json", method="full")
    with pytest.raises(DataError, match="Register the model that won"):
        tuned.register()


def test_model_changed_since_tuning_is_refused(tuned):
    (tuned.model / "merged" / "model.safetensors").write_text("other")
    with pytest.raises(DataError, match="its digest differs"):
        tuned.register()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda tuned: (tuned.model / "result.json").unlink(), "result.json: cannot be read"),
        (lambda tuned: (tuned.model / "result.json").write_text("{"), "result.json: Invalid JSON"),
        (lambda tuned: tuned.change(tuned.model / "result.json", data=1), "result.json: data: "),
        (lambda tuned: tuned.report.write_bytes(b"\xff"), "report: cannot be read"),
        (lambda tuned: shutil.rmtree(tuned.model / "merged"), "holds no folder 'merged'"),
    ],
)
def test_damaged_file_is_named(tuned, damage, message):
    damage(tuned)
    with pytest.raises(DataError, match=message):
        tuned.register()
    assert list_models(str(tuned.registry)) == []


def test_remote_model_is_referenced_not_copied(tuned):
    settings = RegisterSettings(registry=str(tuned.registry), model_name="tickets")
    entry = register_model(
        "gs://bucket/model",
        tuned.verdict,
        tuned.report,
        settings,
        result=tuned.model / "result.json",
    )
    version = client_of(tuned.registry).get_model_version("tickets", entry.version)
    assert version.source == "gs://bucket/model"
    assert not list(tuned.registry.rglob("*.safetensors"))


def test_remote_model_needs_its_result(tuned):
    settings = RegisterSettings(registry=str(tuned.registry), model_name="tickets")
    with pytest.raises(ConfigurationError, match=r"name its result\.json too"):
        register_model("gs://bucket/model", tuned.verdict, tuned.report, settings)


def test_unwritable_registry_is_the_machine_s_fault(tuned, tmp_path):
    (tmp_path / "file").write_text("")
    tuned.registry = tmp_path / "file" / "registry"
    with pytest.raises(MachineError, match="file/registry: cannot be written"):
        tuned.register()


def test_broken_store_is_the_machine_s_fault(tuned):
    (tuned.registry / "mlflow.db").write_text("this is no database, however long it may be")
    with pytest.raises(MachineError, match="the registry in this folder failed"):
        tuned.register()


def test_moved_registry_is_refused(tuned, tmp_path):
    tuned.register()
    tuned.registry = tuned.registry.rename(tmp_path / "moved")
    with pytest.raises(ConfigurationError, match="this registry was made elsewhere"):
        tuned.register()


def test_database_alone_is_refused(tuned):
    with pytest.raises(ConfigurationError, match="no place for model files"):
        tuned.register(registry=sqlite_uri(tuned.registry))


def test_folder_with_odd_characters_works(tuned, empty_registry):
    tuned.registry = tuned.registry.rename(tuned.registry.with_name(empty_registry.name))
    assert tuned.register().created
    assert not tuned.register().created
    assert [row.version for row in list_models(str(tuned.registry))] == ["1"]
    version = client_of(tuned.registry).get_model_version("tickets", "1")
    assert (local(version.source) / "merged" / "model.safetensors").is_file()


def test_only_mlflow_names_are_taken():
    for name in ("a/b", "a:b", "", " a", "it's"):
        with pytest.raises(ValueError, match="model_name"):
            RegisterSettings(model_name=name)
    for alias in ("latest", "v1", "a b", ""):
        with pytest.raises(ValueError, match="alias"):
            RegisterSettings(model_name="tickets", alias=alias)
