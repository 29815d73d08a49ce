"""The bodies of all components, run one after the other as a pipeline would."""

import json
from pathlib import Path

import pytest

from tests.components.in_process import run_in_process
from tests.tickets import write_tickets
from tuneline.components.data.component import fingerprint_source, prepare_dataset
from tuneline.components.evaluation.component import evaluate, predict, predict_learning_curve
from tuneline.components.registration.component import register_model
from tuneline.components.training.component import tune_model
from tuneline.errors import ConfigurationError, DataError
from tuneline.registry.listing import list_models

SHORT = {"epochs": 4.0, "early_stopping_patience": 0.0}


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """Outputs of every stage on 240 tickets, by stage."""
    folder = tmp_path_factory.mktemp("chain")
    data = str(write_tickets(folder / "tickets.jsonl", rows=240))
    outputs = {"fingerprint": run_in_process(fingerprint_source, folder, data=data, method="full")}
    outputs["data"] = run_in_process(
        prepare_dataset, folder, data=data, fingerprint=outputs["fingerprint"]["data"]
    )
    splits = {name: outputs["data"][name] for name in ("train", "test")}
    outputs["baselines"] = run_in_process(
        predict, folder / "baselines", **splits, base_model="embedded", shots=[0.0, 2.0]
    )
    outputs["tuned"] = run_in_process(
        tune_model,
        folder,
        train=outputs["data"]["train"],
        validation=outputs["data"]["validation"],
        method="full",
        overrides=SHORT,
    )
    outputs["answers"] = run_in_process(
        predict, folder / "answers", **splits, model=outputs["tuned"]["model"]
    )
    outputs["parts"] = run_in_process(
        predict_learning_curve,
        folder / "parts",
        **splits,
        validation=outputs["data"]["validation"],
        method="full",
        overrides=SHORT,
        fractions=[0.5],
    )
    outputs["decision"] = run_in_process(
        evaluate,
        folder,
        baselines=outputs["baselines"]["predictions"],
        tuned=outputs["answers"]["predictions"],
        learning_curve=outputs["parts"]["predictions"],
        evaluation_settings={"gate": {"at_least": {"accuracy": 0.1}}, "resamples": 500.0},
        fingerprint="f",
    )
    return outputs


def test_fingerprint_follows_the_content(chain, tmp_path):
    other = write_tickets(tmp_path / "tickets.jsonl", rows=239)
    changed = run_in_process(fingerprint_source, tmp_path, data=str(other))
    assert changed["data"] != chain["fingerprint"]["data"]
    assert changed["base_model"] == chain["fingerprint"]["base_model"] == "embedded"


def test_fingerprint_follows_what_evaluation_reads(tmp_path):
    data = str(write_tickets(tmp_path / "tickets.jsonl", rows=30))
    schema = tmp_path / "schema.json"
    marks = []
    for content in ("{}", '{"type": "array"}'):
        schema.write_text(content)
        settings = {"answer_schema": str(schema)}
        outputs = run_in_process(
            fingerprint_source, tmp_path, data=data, evaluation_settings=settings
        )
        marks.append(outputs["evaluation"])
    assert marks[0] != marks[1]
    assert run_in_process(fingerprint_source, tmp_path, data=data)["evaluation"] == ""


def test_first_step_refuses_wrong_parameters_all_at_once(tmp_path):
    with pytest.raises(ConfigurationError) as refused:
        run_in_process(
            fingerprint_source,
            tmp_path,
            data="tickets.jsonl",
            method="lora",
            preset="fast",
            shots=[-1.0],
            prediction_settings={"shot_choice": "best"},
            evaluation_settings={"metrics": ["rouge_x"], "gate": {"margin": 7.0}},
            fractions=[1.5],
            base_model="./nowhere/",
        )
    text = str(refused.value)
    words = ("method", "'lora'", "preset", "'fast'", "shots", "./nowhere/", "'best'", "margin")
    for word in (*words, "fractions"):
        assert word in text


def test_prepare_reports_counts(chain):
    metrics = chain["data"]["metrics"].metadata
    manifest = json.loads(Path(chain["data"]["manifest"].path).read_text())
    assert metrics["read"] == 240
    assert metrics["kept"] == sum(
        metrics[f"{split}_rows"] for split in manifest["counts"]["per_split"]
    )
    assert "<html" in Path(chain["data"]["report"].path).read_text()


def test_exports_are_a_folder_that_is_empty_unless_asked_for(chain, tmp_path):
    assert list(Path(chain["data"]["exports"].path).iterdir()) == []
    data = str(write_tickets(tmp_path / "tickets.jsonl", rows=60))
    asked = {"exports": ["gemini_jsonl", "messages_parquet"]}
    outputs = run_in_process(prepare_dataset, tmp_path, data=data, data_settings=asked)
    names = sorted(path.name for path in Path(outputs["exports"].path).iterdir())
    forms = ("gemini.{}.jsonl", "messages.{}.parquet")
    assert names == [
        form.format(split) for form in forms for split in ("test", "train", "validation")
    ]
    manifest = json.loads(Path(outputs["manifest"].path).read_text())
    assert (
        manifest["files"]["gemini.train.jsonl"]["rows"] == outputs["metrics"].metadata["train_rows"]
    )


def test_tuned_model_carries_its_origin(chain):
    model = chain["tuned"]["model"]
    result = json.loads((Path(model.path) / "result.json").read_text())
    assert model.metadata["model_digest"] == result["model_digest"]
    assert result["data"]["train"]["rows"] == chain["data"]["metrics"].metadata["train_rows"]
    assert not Path(f"{model.path}-checkpoints").exists()
    assert "<svg" in Path(chain["tuned"]["curves"].path).read_text()
    assert chain["tuned"]["metrics"].metadata["trainable_parameters"] == result["total_parameters"]


def test_decision_is_backed_by_its_artifacts(chain):
    decision = chain["decision"]
    verdict = json.loads(Path(decision["verdict"].path).read_text())
    assert decision["Output"] == verdict["winner"] == "full"
    assert verdict["passed"] is True
    (full,) = [found for found in verdict["candidates"] if found["name"] == "full"]
    assert decision["metrics"].metadata["full.accuracy"] == full["metrics"]["accuracy"]["value"]
    assert "confusionMatrix" in decision["confusion"].metadata
    assert any("at least 10.0 %" in reason for reason in verdict["reasons"])
    assert "full 50 %" not in [found["name"] for found in verdict["candidates"]]
    scores = json.loads(Path(decision["scores"].path).read_text())
    assert [point["training_fraction"] for point in scores["learning_curve"]] == [0.5, 1.0]
    assert verdict["headline"].split(":")[0] in Path(decision["summary"].path).read_text()
    assert decision["verdict"].metadata["fingerprint"] == "f"


def test_registration_is_idempotent_and_gated(chain, tmp_path):
    arguments = {
        "model": chain["tuned"]["model"],
        "verdict": chain["decision"]["verdict"],
        "report": chain["decision"]["report"],
        "model_name": "tickets",
        "registry": str(tmp_path / "registry"),
    }
    first = run_in_process(register_model, tmp_path / "first", **arguments)
    second = run_in_process(register_model, tmp_path / "second", **arguments)
    assert first == second
    assert [(model.name, model.version) for model in list_models(arguments["registry"])] == [
        ("tickets", "1")
    ]
    failed = json.loads(Path(arguments["verdict"].path).read_text()) | {
        "passed": False,
        "winner": "",
    }
    arguments["verdict"].path = str(tmp_path / "failed.json")
    Path(arguments["verdict"].path).write_text(json.dumps(failed))
    with pytest.raises(DataError):
        run_in_process(register_model, tmp_path / "third", **arguments)
