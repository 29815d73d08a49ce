"""Adapters of every kind: applied exactly, continued, several over one base, merged on request."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

from tests.lamps import lamp, lamps, run_config, write_split
from tests.tiny_models import save_qwen3
from tuneline.data.schema import Part
from tuneline.errors import ConfigurationError
from tuneline.models.loading import load_model
from tuneline.prediction.adapter_check import require_applied
from tuneline.prediction.predict import predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.settings import validated
from tuneline.training.adapters import add_adapter, fuse
from tuneline.training.distributed.launch import tune
from tuneline.training.engine import Engine
from tuneline.training.merge import merge
from tuneline.training.result import read_result
from tuneline.training.settings import TasksConfig, TrainingSettings
from tuneline.training.train import train

IDS = torch.arange(3, 60).view(1, -1)


@pytest.fixture(scope="module")
def untied(tmp_path_factory) -> Path:
    """A base model whose output layer is a layer of its own."""
    return save_qwen3(tmp_path_factory.mktemp("untied") / "base", tie_word_embeddings=False)


def logits(model) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model.eval()(IDS).logits
    return found


KINDS = {
    "plain": {},
    "rank-stabilised": {"use_rslora": True, "lora_rank": 4},
    "DoRA": {"use_dora": True},
    "DoRA, rank-stabilised": {"use_dora": True, "use_rslora": True, "lora_rank": 4},
    "named layers": {"target_modules": ["q_proj", "down_proj"]},
    "output layer trained whole": {"modules_to_save": ["lm_head"]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns_and_is_merged_exactly(kind, untied, lamp_splits, tmp_path):
    config = run_config(lamp_splits, tmp_path, untied, overrides=KINDS[kind])
    result = train(config)
    assert result.validation_loss[-1].loss < result.validation_loss[0].loss
    base = load_model(untied, dtype="float32")
    adapted = logits(PeftModel.from_pretrained(base, tmp_path / "adapter"))
    merged = logits(load_model(tmp_path / "merged", dtype="float32"))
    assert torch.allclose(adapted, merged, atol=1e-4)
    assert not torch.allclose(merged, logits(load_model(untied, dtype="float32")), atol=1e-2)
    assert result.merged_logit_difference is not None
    assert result.merged_logit_difference < 1e-3
    assert require_applied(tmp_path, result).path == untied
    trained = sum(
        x.numel() for x in load_file(tmp_path / "adapter/adapter_model.safetensors").values()
    )
    assert result.trainable_parameters == trained


def test_dora_on_layers_that_lie_transposed_is_merged_exactly(gpt2, lamp_splits, tmp_path):
    result = train(run_config(lamp_splits, tmp_path, gpt2, overrides={"use_dora": True}))
    assert require_applied(tmp_path, result).path == gpt2


def test_a_named_layer_alone_is_adapted(untied, lamp_splits, tmp_path):
    overrides = {"target_modules": ["q_proj"], "epochs": 1}
    train(run_config(lamp_splits, tmp_path, untied, overrides=overrides))
    names = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {name.split(".")[-3] for name in names} == {"q_proj"}


def test_layers_that_are_none_are_named_with_the_nearest(qwen3, lamp_splits, tmp_path):
    overrides = {"target_modules": ["q_prj", "up_proj"], "modules_to_save": ["head"]}
    with pytest.raises(ConfigurationError) as raised:
        train(run_config(lamp_splits, tmp_path, qwen3, overrides=overrides))
    first, second = raised.value.problems
    assert first.startswith("overrides.target_modules: the model has no layer 'q_prj'. Did you")
    assert second.startswith("overrides.modules_to_save: the model has no layer 'head'.")


@pytest.mark.parametrize("family", ["qwen3", "gpt2"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_fused_layers_say_and_learn_what_pefts_own_do(family, dropout, request):
    def step(fused: bool):
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=4,
            target_modules="all-linear",
            lora_dropout=dropout,
            init_lora_weights=False,
        )
        base = load_model(request.getfixturevalue(family), dtype="float32")
        torch.manual_seed(5)
        model = get_peft_model(base, config).train()
        if fused:
            fuse(model)
        torch.manual_seed(6)
        loss = model(IDS, labels=IDS).loss
        loss.backward()
        return loss.detach(), {n: p.grad for n, p in model.named_parameters() if p.requires_grad}

    (loss, gradients), (expected, others) = step(fused=True), step(fused=False)
    assert torch.allclose(loss, expected, rtol=1e-6)
    assert gradients.keys() == others.keys()
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, others[name], rtol=1e-4, atol=1e-6), name


@pytest.fixture(scope="module")
def further(lamp_splits, tmp_path_factory) -> Path:
    """Splits of the same task with other rows."""
    folder: Path = tmp_path_factory.mktemp("further")
    write_split(folder / "train.parquet", lamps(301, 24))
    shutil.copy(lamp_splits / "validation.parquet", folder / "validation.parquet")
    return folder


def test_an_adapter_is_continued_where_it_was(pet_run, qwen3, further, tmp_path):
    before = read_result(pet_run)
    rest = {"learning_rate": 1e-9, "lora_dropout": 0.0, "epochs": 1}
    result = train(
        run_config(
            further,
            tmp_path,
            qwen3,
            overrides={"continue_from": str(pet_run), **rest},
        )
    )
    # With no step worth the name it says what it said.
    assert result.validation_loss[0].loss == pytest.approx(before.best_validation_loss, rel=1e-4)
    assert result.continued_from is not None
    assert result.continued_from.reference == str(pet_run)
    assert result.settings.lora_rank == before.settings.lora_rank
    assert require_applied(tmp_path, result).path == qwen3


def test_continued_tuning_goes_further(pet_run, qwen3, further, tmp_path):
    result = train(
        run_config(further, tmp_path, qwen3, overrides={"continue_from": str(pet_run / "adapter")})
    )
    assert result.best_validation_loss < read_result(pet_run).best_validation_loss


def test_settings_that_contradict_the_continued_adapter_are_told_together(
    pet_run, qwen3, further, tmp_path
):
    overrides = {"lora_rank": 4, "use_dora": True, "target_modules": ["q_proj"]}
    config = run_config(
        further,
        tmp_path,
        qwen3,
        overrides={"continue_from": str(pet_run), **overrides},
    )
    with pytest.raises(ConfigurationError) as raised:
        train(config)
    named = [problem.split(":")[0] for problem in raised.value.problems]
    assert named == ["overrides.lora_rank", "overrides.use_dora", "overrides.target_modules"]
    assert "4, but the adapter in continue_from has 16" in raised.value.problems[0]


def test_what_a_continued_adapter_has_is_written_down_and_dropout_is_as_asked(
    pet_run, qwen3, further, tmp_path
):
    rest = {"continue_from": str(pet_run), "lora_dropout": 0.5, "epochs": 1}
    result = train(run_config(further, tmp_path, qwen3, overrides=rest))
    adapter = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert adapter["lora_dropout"] == result.settings.lora_dropout == 0.5
    assert result.settings.target_modules == adapter["target_modules"]
    assert "q_proj" in (tmp_path / "README.md").read_text()


def test_adapters_of_early_releases_are_continued(pet_run, qwen3, further, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(pet_run / "adapter", old)
    config = json.loads((old / "adapter_config.json").read_text())
    for name in ("use_dora", "use_rslora"):
        del config[name]
    (old / "adapter_config.json").write_text(json.dumps(config))
    rest = {"continue_from": str(old), "epochs": 1}
    result = train(run_config(further, tmp_path / "run", qwen3, overrides=rest))
    assert not result.settings.use_dora


def test_weights_that_could_run_code_are_not_read(pet_run, qwen3, further, tmp_path):
    pickled = tmp_path / "pickled"
    shutil.copytree(pet_run / "adapter", pickled)
    weights = load_file(pickled / "adapter_model.safetensors")
    torch.save(weights, pickled / "adapter_model.bin")
    (pickled / "adapter_model.safetensors").unlink()
    given = run_config(further, tmp_path / "run", qwen3, overrides={"continue_from": str(pickled)})
    with pytest.raises(ConfigurationError, match=r"continue_from: .* can run code"):
        train(given)
    with pytest.raises(ConfigurationError, match=r"model: .* can run code"):
        merge(str(pickled), tmp_path / "merged", str(qwen3))


def test_layers_trained_whole_are_held_in_32_bits(untied, lamp_splits, tmp_path, monkeypatch):
    held = set[torch.dtype]()
    real = Engine.step

    def step(self, number):
        held.update(w.dtype for w in self.model.parameters() if w.requires_grad)
        return real(self, number)

    monkeypatch.setattr(Engine, "step", step)
    rest = {"modules_to_save": ["lm_head"], "precision": "bfloat16", "epochs": 0.1}
    train(run_config(lamp_splits, tmp_path, untied, overrides=rest))
    assert held == {torch.float32}


class _Router(torch.nn.Linear):  # type: ignore[misc]
    def forward(self, states):
        return super().forward(states).softmax(-1), states


def test_layers_that_give_more_than_a_product_are_left_alone(qwen3):
    model = load_model(qwen3, dtype="float32")
    model.model.layers[0].mlp.router = _Router(8, 8)
    settings = TrainingSettings(lora_rank=4, lora_alpha=8.0)
    adapted = [
        name for name, _ in add_adapter(model, settings).named_parameters() if "lora" in name
    ]
    assert adapted
    assert not [name for name in adapted if "router" in name]


def test_an_adapter_of_another_base_is_refused(pet_run, qwen3, untied, further, tmp_path, caplog):
    config = run_config(further, tmp_path, untied, overrides={"continue_from": str(pet_run)})
    with pytest.raises(ConfigurationError, match="was tuned from .* Give the same base_model"):
        train(config)
    # An adapter alone does not prove its base; where its layers fit it is put on this one.
    short = {"continue_from": str(pet_run / "adapter"), "epochs": 0.1}
    train(run_config(further, tmp_path, untied, overrides=short))
    assert f"the adapter names '{qwen3}' as its base model; it is put on" in caplog.text


def test_a_tuned_model_is_continued_by_either_method(full_run, qwen3, further, tmp_path):
    before = read_result(full_run)
    rest = {"learning_rate": 1e-9, "epochs": 1}
    for method in ("full", "pet"):
        output = tmp_path / method
        dropout = {"lora_dropout": 0.0} if method == "pet" else {}
        config = run_config(
            further,
            output,
            qwen3,
            method=method,
            overrides={
                "continue_from": str(full_run),
                **rest,
                **dropout,
            },
        )
        result = train(config)
        assert result.validation_loss[0].loss == pytest.approx(
            before.best_validation_loss, rel=1e-4
        )
        assert result.base_model.reference == str(full_run / "model")


def test_a_merged_adapter_is_continued_by_full_tuning(pet_run, qwen3, further, tmp_path):
    config = run_config(
        further,
        tmp_path,
        qwen3,
        method="full",
        overrides={"continue_from": str(pet_run), "epochs": 1},
    )
    assert train(config).base_model.reference == str(pet_run / "merged")
    alone = {"continue_from": str(pet_run / "adapter")}
    config = run_config(further, tmp_path / "alone", qwen3, method="full", overrides=alone)
    with pytest.raises(ConfigurationError, match="is an adapter, and method 'full'"):
        train(config)


@pytest.mark.parametrize("name", ["/no/such/folder", "nothing here"])
def test_a_start_that_is_not_there_is_refused(name, qwen3, further, tmp_path):
    (tmp_path / "nothing here").mkdir()
    reference = name if name.startswith("/") else str(tmp_path / name)
    config = run_config(further, tmp_path / "run", qwen3, overrides={"continue_from": reference})
    with pytest.raises(ConfigurationError, match="continue_from: "):
        train(config)


@pytest.fixture(scope="module")
def tasks(lamp_splits, qwen3, tmp_path_factory) -> Path:
    """Output of a run of two tasks: the lamp's color, and the same in capitals."""
    folder: Path = tmp_path_factory.mktemp("tasks")
    loud = [
        replace(
            row, turns=(row.turns[0], replace(row.turns[1], parts=(Part(text=row.answer.upper()),)))
        )
        for row in lamps(1, 24)
    ]
    write_split(folder / "train.parquet", loud)
    write_split(folder / "validation.parquet", loud[:9])
    one = run_config(lamp_splits, folder / "out", qwen3)
    given = one.model_dump(exclude_unset=True, exclude={"train", "validation"})
    splits = {
        name: {split: where / f"{split}.parquet" for split in ("train", "validation")}
        for name, where in (("quiet", lamp_splits), ("loud", folder))
    }
    results = tune(validated(TasksConfig, {**given, "tasks": splits}, source="test"))
    assert list(results) == ["quiet", "loud"]
    return folder / "out"


def test_each_task_has_an_adapter_of_its_own_over_one_base(tasks, pet_run, qwen3):
    for name in ("quiet", "loud"):
        result = read_result(tasks / name)
        assert result.model_folder == "adapter"
        assert not (tasks / name / "merged").exists()
        assert result.base_model == read_result(pet_run).base_model
    same = "adapter/adapter_model.safetensors"
    assert (tasks / "quiet" / same).read_bytes() == (pet_run / same).read_bytes()
    base = load_model(qwen3, dtype="float32")
    model = PeftModel.from_pretrained(base, tasks / "quiet" / "adapter", adapter_name="quiet")
    model.load_adapter(tasks / "loud" / "adapter", adapter_name="loud")
    said = []
    for name in ("quiet", "loud"):
        model.set_adapter(name)
        said.append(logits(model))
    assert not torch.allclose(*said, atol=1e-2)


def test_an_adapter_that_was_not_merged_answers_once_it_is(tasks, lamp_splits, pet_run, tmp_path):
    run = Path(shutil.copytree(tasks / "quiet", tmp_path / "run"))
    asked = (lamp_splits / "test.parquet", lamp_splits / "train.parquet", run, PredictSettings())
    with pytest.raises(ConfigurationError, match="Merge it first: tuneline merge"):
        predict_tuned(*asked, tmp_path / "p.parquet")
    merged = merge(str(run))
    assert merged.folder == run / "merged"
    assert merged.difference < 1e-3
    assert read_result(run).model_digest == read_result(pet_run).model_digest
    predict_tuned(*asked, tmp_path / "p.parquet")


def test_an_adapter_alone_is_merged_where_it_is_told(pet_run, untied, tmp_path):
    merged = merge(str(pet_run / "adapter"), tmp_path / "out" / "model")
    own = load_file(merged.folder / "model.safetensors")
    assert all(
        torch.equal(own[name], weights)
        for name, weights in load_file(pet_run / "merged" / "model.safetensors").items()
    )
    with pytest.raises(ConfigurationError, match="--out FOLDER"):
        merge(str(pet_run / "adapter"))
    with pytest.raises(ConfigurationError, match="is not what .* was tuned from"):
        merge(str(pet_run), tmp_path / "other", str(untied))


def test_what_holds_no_adapter_or_names_no_base_is_not_merged(full_run, pet_run, tmp_path):
    with pytest.raises(ConfigurationError, match="holds no adapter"):
        merge(str(full_run))
    adapter = Path(shutil.copytree(pet_run / "adapter", tmp_path / "adapter"))
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(
        json.dumps({**config, "base_model_name_or_path": None})
    )
    with pytest.raises(ConfigurationError, match="names no base model"):
        merge(str(adapter), tmp_path / "merged")


def test_a_base_in_four_bits_is_tuned_and_merged_whole(untied, lamp_splits, tmp_path):
    pytest.importorskip("bitsandbytes", reason="needs tuneline[quantization]")
    config = run_config(lamp_splits, tmp_path, untied, overrides={"quantization": "4bit"})
    result = train(config)
    assert result.validation_loss[-1].loss < result.validation_loss[0].loss
    assert require_applied(tmp_path, result).path == untied
    stored = load_file(tmp_path / "merged" / "model.safetensors")
    assert stored.keys() == load_file(untied / "model.safetensors").keys()
    assert result.total_parameters == load_model(untied, dtype="float32").num_parameters()
    again = train(config.model_copy(update={"output": tmp_path / "again"}))
    assert again.model_digest == result.model_digest


def test_the_adapter_has_the_layout_that_vllm_reads(pet_run):
    # vllm/lora/peft_helper.py and utils.py of vLLM 0.11: these fields, and names of this form.
    config = json.loads((pet_run / "adapter" / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    assert config["r"] in (8, 16, 32, 64, 128, 256)
    assert config["bias"] == "none"
    assert not config["modules_to_save"]
    assert not config["use_dora"]
    names = load_file(pet_run / "adapter" / "adapter_model.safetensors")
    for name in names:
        assert name.startswith("base_model.model.model.layers.0.")
        assert name.endswith((".lora_A.weight", ".lora_B.weight"))


def test_one_lamp_is_enough_to_tune_on(qwen3, tmp_path):
    splits = tmp_path / "splits"
    write_split(splits / "train.parquet", [lamp(1, "red")])
    write_split(splits / "validation.parquet", [lamp(1, "red")])
    result = train(run_config(splits, tmp_path / "run", qwen3))
    assert result.validation_loss[-1].loss < result.validation_loss[0].loss
