"""The trainer's commands, as users give them."""

import json

import pytest
import yaml

from tests.cli.command_line import tuneline


@pytest.fixture
def two_tasks(lamp_splits, qwen3, tmp_path):
    """Folder with a configuration of two tasks over one base model."""
    splits = {name: str(lamp_splits / f"{name}.parquet") for name in ("train", "validation")}
    config = {
        "tasks": {"mail": splits, "chat": splits},
        "base_model": str(qwen3),
        "output": "tuned",
        "overrides": {"epochs": 1, "max_length": 100, "on_too_long": "drop"},
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return tmp_path


def test_each_task_is_told_and_one_is_merged_when_asked(two_tasks):
    told = tuneline(two_tasks, "train", "--config", "run.yaml")
    assert told.returncode == 0, told.stderr
    assert [line.split(":")[0] for line in told.stdout.splitlines()] == ["tuned/mail", "tuned/chat"]
    assert not (two_tasks / "tuned" / "mail" / "merged").exists()
    merged = tuneline(two_tasks, "merge", "tuned/mail")
    assert merged.returncode == 0, merged.stderr
    assert merged.stdout.startswith("tuned/mail/merged: logits differ from base and adapter by ")
    assert (two_tasks / "tuned" / "mail" / "merged" / "model.safetensors").is_file()
    result = json.loads((two_tasks / "tuned" / "mail" / "result.json").read_text())
    assert result["model_folder"] == "merged"
    again = tuneline(two_tasks, "train", "--config", "run.yaml", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["mail"] == result
    assert again.stderr.count("is already done") == 2


def test_what_cannot_be_merged_is_said_in_one_message(tmp_path):
    (tmp_path / "empty").mkdir()
    refused = tuneline(tmp_path, "merge", "empty")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: model: 'empty' holds no adapter")
    assert "Traceback" not in refused.stderr
