"""The images: small, without rights or tools they do not need, able to run what they are for."""

import json
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from containers.build import BILLS
from containers.engine import output_of
from tests.tickets import write_tickets
from tuneline import __version__

pytestmark = pytest.mark.containers

IMAGES = ("components", "trainer")
STAGES = {
    "components": (
        "tuneline.data.prepare, tuneline.evaluation.evaluate, tuneline.registry.register,"
        "tuneline.registry.vertex.registration, tuneline.vertex.tuning.tune,"
        "tuneline.prediction.gemini.asker, tuneline.prediction.predict, duckdb, mlflow,"
        "google.cloud.aiplatform_v1, google.cloud.bigquery, google.genai, gcsfs, s3fs, aiohttp,"
        "huggingface_hub, kubeflow.trainer, model_registry, matplotlib.figure, sklearn.metrics"
    ),
    "trainer": (
        "tuneline.training.train, tuneline.prediction.predict, torch, transformers, peft,"
        "bitsandbytes, tensorboard, gcsfs, s3fs, huggingface_hub, PIL"
    ),
}


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest, built: dict[str, str]) -> str:
    return built[request.param]


def facts(docker: str, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output_of(docker, "image", "inspect", image))[0]
    return found


def test_its_user_is_not_root_and_no_program_gives_rights(image, in_image):
    assert in_image(image, "id", "-u") == "1000"
    assert in_image(image, "sh", "-c", "find / -xdev -perm /6000 -type f 2>/dev/null; true") == ""


def test_it_has_a_command_and_no_entry_point(image, docker, in_image):
    config = facts(docker, image)["Config"]
    assert not config["Entrypoint"]
    assert config["Cmd"] == ["tuneline", "--help"]
    assert "Usage: tuneline" in in_image(image)


def test_labels_say_what_it_is(image, docker):
    labels = facts(docker, image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["tuneline.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert len(labels["org.opencontainers.image.revision"]) == 40


def test_nothing_of_the_build_is_left_in_it(image, docker, in_image):
    looked = (
        "ls /run/secrets /etc/pip.conf /locks /wheels /source 2>/dev/null; command -v pip; true"
    )
    assert in_image(image, "sh", "-c", looked) == ""
    history = output_of(docker, "history", "--no-trunc", image)
    assert "secret" not in history.lower()


def test_what_the_components_image_adds_to_its_base_is_small(built, base_image, docker):
    added = facts(docker, built["components"])["Size"] - facts(docker, base_image)["Size"]
    # python:3.11-slim-bookworm has 130 MB; together they are to stay below 700 MB.
    assert added < 570e6


@pytest.mark.parametrize("name", IMAGES)
def test_all_that_its_stages_need_is_in_it(name, built, in_image):
    ran = in_image(
        *(built[name], "python3", "-c", f"import {STAGES[name]}; print('imported')"),
        options=("--network", "none"),
    )
    assert ran.splitlines()[-1] == "imported"


def test_versions_fit_one_another(image, in_image):
    """What `pip check` looks at: the image has no pip."""
    code = """
import importlib.metadata as m
from packaging.requirements import Requirement
have = {d.name.lower().replace("_", "-").replace(".", "-"): d.version for d in m.distributions()}
for d in m.distributions():
    for line in d.requires or []:
        r = Requirement(line)
        if r.marker and not r.marker.evaluate({"extra": ""}):
            continue
        version = have.get(r.name.lower().replace("_", "-").replace(".", "-"))
        if d.name != "kfp" and (version is None or not r.specifier.contains(version, True)):
            print(d.name, "needs", line, "and has", version)
"""
    assert in_image(image, "python3", "-c", code) == ""


def test_it_runs_on_a_root_that_nobody_may_write_to(image, in_image):
    options = ("--read-only", "--tmpfs", "/tmp", "--user", "4321:4321", "--cap-drop", "ALL")
    ran = in_image(
        *(
            image,
            "python3",
            "-c",
            "import getpass, tuneline.data.prepare; print(getpass.getuser())",
        ),
        options=(*options, "--security-opt", "no-new-privileges"),
    )
    assert ran.splitlines()[-1] == "tuneline"


@pytest.mark.parametrize("name", IMAGES)
def test_the_bill_of_materials_is_valid_and_counts_what_is_there(name, built, in_image):
    text = (BILLS / f"{name}-{__version__}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = json.loads(text)["components"]
    listed = {part["purl"].partition("@")[0] for part in components}
    assert {"pkg:pypi/tuneline", "pkg:pypi/kfp", "pkg:deb/debian/bash"} <= listed
    debian = in_image(built[name], "dpkg-query", "--show").count("\n") + 1
    assert sum(part["purl"].startswith("pkg:deb/") for part in components) == debian


def test_the_trainer_image_tunes_by_itself_for_any_user(trainer_image, in_image, tmp_path):
    tmp_path.chmod(0o777)
    write_tickets(tmp_path / "tickets.jsonl", 60)
    options = (
        *("--user", "4321:0", "--network", "none"),
        *("--volume", f"{tmp_path}:{tmp_path}", "--workdir", str(tmp_path)),
    )
    prepare = ("tuneline", "prepare", "tickets.jsonl", "--out", "prepared")
    in_image(trainer_image, *prepare, options=options)
    config = {
        "train": "prepared/train.parquet",
        "validation": "prepared/validation.parquet",
        "base_model": "embedded",
        "method": "pet",
        "preset": "quick",
        "output": "tuned",
        "overrides": {"epochs": 1},
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    in_image(trainer_image, "tuneline", "train", "--config", "train.yaml", options=options)
    assert json.loads((tmp_path / "tuned" / "result.json").read_text())["method"] == "pet"
    adapter = tmp_path / "tuned" / "adapter" / "adapter_model.safetensors"
    assert adapter.stat().st_uid == 4321
