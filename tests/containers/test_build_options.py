"""Wrong options of the build are refused before an engine is asked."""

import subprocess
import sys

import pytest

from containers.engine import EngineError, output_of
from containers.images import ROOT


def build(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "containers.build", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/nowhere", "NO_COLOR": "1", "COLUMNS": "200"},
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["https://ghcr.io/acme"], "images are components and trainer"),
        (["--image-registry", "https://ghcr.io/acme"], "without https://"),
        (["--image-registry", "Bad Registry!"], "must be like ghcr.io/acme"),
        (["--push"], "say where to in --image-registry"),
        (["components", "--torch", "cpu"], "--torch: is for the image trainer"),
        (["--pip-conf", "containers"], "is a directory"),
        ([], "there is no docker on PATH"),
    ],
)
def test_what_is_wrong_is_said(options, said):
    finished = build(*options)
    assert finished.returncode == (2 if options else 3)
    assert said in finished.stderr


def test_a_client_that_cannot_be_run_is_named():
    with pytest.raises(EngineError, match="/nope: cannot be run"):
        output_of("/nope", "--version")
    with pytest.raises(EngineError, match="exit code 1"):
        output_of("false")
