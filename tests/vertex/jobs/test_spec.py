"""A spec: compiled or loaded, and what its content says."""

import json

import pytest
import yaml

from tests.vertex.jobs.conftest import SPEC
from tuneline.errors import ConfigurationError
from tuneline.pipelines.platform import Platform
from tuneline.submission.spec import compiled_or_loaded, working_tasks

VERTEX = Platform(target="vertex")


def test_loaded_spec_is_the_compiled_one(spec, tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec.content))
    assert compiled_or_loaded(str(path), VERTEX) == spec
    assert spec.name == "supervised-tuning"


def test_machines_of_a_compiled_spec_are_its_own():
    platform = Platform(target="vertex", machine_type="g2-standard-12")
    with pytest.raises(ConfigurationError, match="supervised_tuning.yaml: is compiled"):
        compiled_or_loaded(str(SPEC), platform)


def test_spec_for_another_engine_is_refused(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(f"{SPEC.read_text()}---\nplatforms: {{}}\n")
    with pytest.raises(ConfigurationError, match="2 documents"):
        compiled_or_loaded(str(path), VERTEX)


@pytest.mark.parametrize("name", ["supervised_tunin", "missing.yaml"])
def test_what_is_not_there_is_named(name):
    with pytest.raises(ConfigurationError, match=name):
        compiled_or_loaded(name, VERTEX)


def test_without_cache_every_task_runs_anew(spec):
    assert '"enableCache": true' in json.dumps(spec.content)
    assert '"enableCache": true' not in json.dumps(spec.without_cache().content)
    assert yaml.safe_load(SPEC.read_text()) == spec.content


def test_titles_are_those_of_the_pipeline(spec):
    titles = {task.name: task.title for task in working_tasks(spec.content)}
    assert titles["tune-model"] == "tune"
    assert titles["register-model"] == "register"
    assert "condition-1" not in titles
