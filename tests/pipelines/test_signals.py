"""Signals reach a component's program through the command that a spec has."""

import os
import signal
import subprocess
import sys

import pytest
import yaml

from tuneline.pipelines import PIPELINES
from tuneline.pipelines.compile import SPECS, compile_pipeline
from tuneline.pipelines.platform import Platform

_PROGRAM = """#!{python}
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
time.sleep(60)
"""


def commands(path):
    executors = yaml.safe_load(path.read_text())["deploymentSpec"]["executors"]
    for label, executor in executors.items():
        yield label, [*executor["container"]["command"], *executor["container"]["args"]]


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_every_command_is_replaced_by_its_program(name):
    for label, command in commands(SPECS / f"{name}.yaml"):
        assert sum("exec env _KFP_RUNTIME=true python3 -m" in word for word in command) == 1, label


def test_a_custom_jobs_program_too(tmp_path):
    platform = Platform(target="vertex", machine_type="g2-standard-12", accelerator="NVIDIA_L4")
    compile_pipeline("supervised_tuning", platform, tmp_path / "spec.yaml")
    spec = yaml.safe_load((tmp_path / "spec.yaml").read_text())
    pools = spec["components"]["comp-tune-model"]["inputDefinitions"]["parameters"][
        "worker_pool_specs"
    ]["defaultValue"]
    (pool,) = pools
    words = pool["container_spec"]["command"]
    assert sum("exec env _KFP_RUNTIME=true python3 -m" in word for word in words) == 1


def test_the_first_process_of_a_task_hears_sigterm(tmp_path):
    program = tmp_path / "python3"
    program.write_text(_PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    found = dict(commands(SPECS / "gemini_tuning.yaml"))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(
        found["exec-tune-managed-model"], env=environment, stdout=subprocess.PIPE, text=True
    ) as task:
        assert task.stdout is not None
        assert task.stdout.readline() == "ready\n"
        task.send_signal(signal.SIGTERM)
        assert task.wait(30) == 7
