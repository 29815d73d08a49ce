"""A custom job of Vertex AI with two machines, as its service starts it: from the compiled spec."""

import json
import subprocess
import uuid

import pytest
import yaml

from containers.engine import output_of
from tests.lamps import lamps, write_split
from tuneline.pipelines.compile import compile_pipeline
from tuneline.pipelines.platform import Platform

pytestmark = pytest.mark.containers


def worker_pools(folder, image):
    """The pools that the pipeline's custom job asks the service for."""
    platform = Platform(
        target="vertex",
        trainer_image=image,
        accelerator="NVIDIA_TESLA_T4",
        machine_type="n1-standard-8",
        nodes=2,
    )
    compile_pipeline("supervised_tuning", platform, folder / "spec.yaml")
    spec = yaml.safe_load((folder / "spec.yaml").read_text())
    inputs = spec["components"]["comp-tune-model"]["inputDefinitions"]["parameters"]
    return inputs["worker_pool_specs"]["defaultValue"]


def executor_input():
    """What Vertex AI tells a component: artifacts in a bucket, which is mounted at /gcs."""

    def artifact(name, kind):
        uri = f"gs://bucket/{name}"
        title = {"schemaTitle": f"system.{kind}", "schemaVersion": "0.0.1"}
        return {"artifacts": [{"name": name, "uri": uri, "type": title, "metadata": {}}]}

    splits = {name: artifact(f"{name}.parquet", "Dataset") for name in ("train", "validation")}
    kinds = {"model": "Model", "metrics": "Metrics", "curves": "HTML"}
    values = {"base_model": "embedded", "method": "pet", "preset": "quick", "seed": 1}
    values |= {"overrides": {"epochs": 1, "batch_size": 4}, "fingerprint": "sha256:1"}
    return {
        "inputs": {"artifacts": splits, "parameterValues": values},
        "outputs": {
            "artifacts": {name: artifact(f"out/{name}", kind) for name, kind in kinds.items()},
            "outputFile": "/gcs/bucket/out/executor_output.json",
        },
    }


def test_two_machines_tune_one_model(docker, trainer_image, tmp_path):
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    write_split(bucket / "train.parquet", lamps(1, 24))
    write_split(bucket / "validation.parquet", lamps(101, 9))
    for path in (tmp_path, bucket, *bucket.iterdir()):
        path.chmod(0o777)  # the containers' user is another one
    names = {f"workerpool{pool}": f"{uuid.uuid4().hex[:8]}-{pool}" for pool in range(2)}
    network = output_of(docker, "network", "create", f"job-{uuid.uuid4().hex[:8]}")
    try:
        for pool, described in zip(names, worker_pools(tmp_path, trainer_image), strict=True):
            assert described["replica_count"] == 1
            start(docker, network, tmp_path, names, pool, described["container_spec"])
        codes = {pool: output_of(docker, "wait", name) for pool, name in names.items()}
        logs = {pool: log_of(docker, name) for pool, name in names.items()}
    finally:
        subprocess.run([docker, "rm", "--force", *names.values()], capture_output=True)
        subprocess.run([docker, "network", "rm", network], capture_output=True)
    assert codes == {"workerpool0": "0", "workerpool1": "0"}, logs
    result = json.loads((bucket / "out" / "model" / "result.json").read_text())
    assert result["work"]["processes"] == 2, logs
    written = json.loads((bucket / "out" / "executor_output.json").read_text())
    assert written["artifacts"]["model"]["artifacts"][0]["metadata"]["method"] == "pet"


def start(docker, network, folder, names, pool, container):
    """Start one machine's container as the service does, with CLUSTER_SPEC."""
    cluster = {
        "cluster": {other: [f"{name}:2222"] for other, name in names.items()},
        "environment": "cloud",
        "task": {"type": pool, "index": 0},
    }
    # {{$.json_escape[1]}} is the executor's input, escaped once for the job's payload.
    arguments = [
        word.replace("{{$.json_escape[1]}}", json.dumps(executor_input()))
        for word in container["args"]
    ]
    output_of(
        *(docker, "run", "--detach", "--name", names[pool], "--network", network),
        *("--volume", f"{folder}:/gcs", "--env", f"CLUSTER_SPEC={json.dumps(cluster)}"),
        *("--env", "OMP_NUM_THREADS=1", "--entrypoint", container["command"][0]),
        *(container["image_uri"], *container["command"][1:], *arguments),
    )


def log_of(docker, name):
    found = subprocess.run([docker, "logs", name], capture_output=True, text=True, check=False)
    return (found.stdout + found.stderr)[-3000:]
