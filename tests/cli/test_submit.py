"""``tuneline submit`` and ``compile``: options that are wrong, and machines."""

import pytest

from tests.cli.command_line import tuneline
from tuneline.pipelines.compile import SPECS

SPEC = str(SPECS / "supervised_tuning.yaml")


def test_wrong_options_come_at_once(tmp_path):
    finished = tuneline(
        tmp_path,
        *("submit", SPEC, "--target", "vertex", "--staging", "bucket", "--label", "A=b"),
        *("--nodes", "2", "--spot", "--flex-start"),
    )
    assert finished.returncode == 2
    for problem in (
        "project: is required. Give --project or set GOOGLE_CLOUD_PROJECT.",
        "location: is required. Give --location or set GOOGLE_CLOUD_LOCATION.",
        "staging: must be like gs://bucket/prefix, not 'bucket'.",
        "labels.A: ",
        "spot: excludes flex_start.",
        "nodes: needs machine_type",
    ):
        assert problem in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "kubeflow"], "host: is required. Give --host or set KF_PIPELINES_ENDPOINT."),
        (["--target", "local"], "a pipeline runs here by tuneline run"),
        (["--target", "vertex", "--label", "team"], "--label team: write NAME=VALUE."),
    ],
)
def test_usage_that_is_wrong_says_what_is_right(tmp_path, arguments, said):
    finished = tuneline(tmp_path, "submit", SPEC, *arguments)
    assert finished.returncode == 2
    assert said in finished.stderr


def test_compile_takes_machines(tmp_path):
    arguments = ("compile", "supervised_tuning", "--target", "vertex", "--nodes", "2")
    assert "needs machine_type" in tuneline(tmp_path, *arguments).stderr
    compiled = tuneline(tmp_path, *arguments, "--machine-type", "g2-standard-12", "--spot")
    assert compiled.returncode == 0, compiled.stderr
    assert "defaultValue: SPOT" in (tmp_path / "supervised_tuning.yaml").read_text()
