"""Nodes that really run: each pod's program as a process of this machine, joined over gloo."""

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

from tests.kubeflow.train_job import rules
from tests.kubeflow.train_job.stand_in import (
    COMPLETE,
    FAILED,
    Cluster,
    Stage,
    ended,
    running,
    succeeded,
)


class Nodes:
    """Runs the jobs of a cluster.

    Attributes:
        processes: Of the newest job, by node.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        self._cluster = cluster
        cluster.on_create = self._start
        cluster.on_delete = lambda name: self.stop()

    def stop(self) -> None:
        """End the programs as Kubernetes does, and wait for them."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(60)

    def _start(self, job: dict[str, Any]) -> None:
        runtime = self._cluster.runtimes[job["spec"]["runtimeRef"]["name"]]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        count = job["spec"]["trainer"]["numNodes"]
        pods = [rules.pod_of(job, runtime, node) for node in range(count)]
        self._cluster.script = [Stage(pods=[running()] * count)]
        self.processes = [self._process(pod, node, port) for node, pod in enumerate(pods)]
        threading.Thread(target=self._end, args=(job["metadata"]["name"],), daemon=True).start()

    def _process(self, pod: dict[str, Any], node: int, port: int) -> subprocess.Popen[str]:
        (container,) = pod["spec"]["containers"]
        environment = {e["name"]: e.get("value", str(node)) for e in container["env"]}
        environment |= {"PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port)}
        command = [sys.executable, *container["command"][1:]]
        assert container["command"][0] == "python3"
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        name = pod["metadata"]["name"]
        self._cluster.logs[name] = []
        self._cluster.open_logs.add(name)
        threading.Thread(target=self._read, args=(name, process), daemon=True).start()
        return process

    def _read(self, pod: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self._cluster.logs[pod].append((now, line.rstrip("\n")))
        self._cluster.open_logs.discard(pod)

    def _end(self, name: str) -> None:
        codes = [process.wait() for process in self.processes]
        if name in self._cluster.jobs:
            states = [succeeded() if code == 0 else ended("Error", code) for code in codes]
            self._cluster.script = [Stage(FAILED if any(codes) else COMPLETE, states)]
