"""The way to the cluster: as the pod's service account, or by KUBECONFIG; every call ends in time.

The backend is the SDK's own, the one that its `TrainerClient` hands every call to. Its clients are
replaced by ones with a deadline, since the SDK waits for an answer for ever.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from kubeflow.common.types import KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubernetes import client, config
from kubernetes.client.rest import RESTClientObject

from tuneline.errors import ConfigurationError

NAMESPACE = "TUNELINE_NAMESPACE"
"""Environment variable: namespace of the jobs, where it is not the pod's own."""

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_CONNECT_S = 3.0
_ANSWER_S = 8.0
"""Longest wait for an answer: a task that is cancelled has 30 s, and one call may be under way."""


class _WithDeadline(RESTClientObject):  # type: ignore[misc]
    """Sends requests that end in time, once each: what is sent again is decided by the caller."""

    def request(self, *args: Any, _request_timeout: Any = None, **kwargs: Any) -> Any:
        deadline = _request_timeout or (_CONNECT_S, _ANSWER_S)
        return super().request(*args, _request_timeout=deadline, **kwargs)


class Backend(KubernetesBackend):
    """The SDK's backend with deadlines.

    Attributes:
        namespace: Where jobs are.
    """

    def verify_backend(self) -> None:
        """Set deadlines before the first request, which this is: the constructor calls it."""
        api_client = self.custom_api.api_client
        api_client.rest_client = _WithDeadline(api_client.configuration)
        super().verify_backend()


def connected() -> Backend:
    """Reach the cluster.

    Raises:
        ConfigurationError: It is not said where the cluster is, or which namespace.
    """
    return Backend(
        KubernetesBackendConfig(namespace=_namespace(), client_configuration=_configuration())
    )


def _namespace() -> str:
    if named := os.environ.get(NAMESPACE, ""):
        return named
    try:
        return _OWN_NAMESPACE.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(
            f"{NAMESPACE}: is not set, and this is no pod that says its namespace ({error}). Set "
            "it to the namespace that jobs are to run in."
        ) from error


def _configuration() -> client.Configuration:
    configuration = client.Configuration()
    # Waits between attempts are ours, so that a signal ends them.
    configuration.retries = False
    try:
        if files := os.environ.get("KUBECONFIG"):
            config.load_kube_config(files, client_configuration=configuration)
        else:
            config.load_incluster_config(client_configuration=configuration)
    # The client checks neither that the file is YAML nor that it holds what it looks for.
    except (config.ConfigException, OSError, yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"The cluster cannot be reached: {_line(error)}. In a pod its service account says "
            "where it is; elsewhere, set KUBECONFIG."
        ) from error
    return configuration


def _line(error: Exception) -> str:
    named = f"KUBECONFIG {os.environ['KUBECONFIG']}: " if os.environ.get("KUBECONFIG") else ""
    return named + " ".join(str(error).split())
