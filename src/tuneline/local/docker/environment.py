"""Which variables of this machine's environment a task sees: those listed here, and no others."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOME = "/tmp"  # noqa: S108 - in the container: the one folder that any user may write to there
"""A task's home; nothing in it outlives the task."""

_NAMES = frozenset(
    {
        "BIGQUERY_EMULATOR_HOST",
        "CUDA_VISIBLE_DEVICES",
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_QUOTA_PROJECT",
        "GOOGLE_GEMINI_BASE_URL",
        "GOOGLE_VERTEX_BASE_URL",
        "HF_DATASETS_OFFLINE",
        "HF_ENDPOINT",
        "HF_TOKEN",
        "OMP_NUM_THREADS",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "STORAGE_EMULATOR_HOST",
        "TOKENIZERS_PARALLELISM",
        "TRANSFORMERS_OFFLINE",
        "TZ",
    }
)
_PROXIES = ("all_proxy", "http_proxy", "https_proxy", "no_proxy")
_PREFIXES = ("AWS_", "HF_HUB_", "MLFLOW_TRACKING_", "NCCL_", "PYTORCH_", "TUNELINE_VERTEX_")


def passed(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that tasks need: credentials, proxies, tuning knobs."""
    return {
        name: value
        for name, value in environment.items()
        if name in _NAMES or name.startswith(_PREFIXES) or name.lower() in _PROXIES
    }


def files_of(variables: Mapping[str, str]) -> list[Path]:
    """The files that variables name, such as credentials and certificates."""
    return [Path(value) for value in variables.values() if _names_file(value)]


def task_environment(variables: Mapping[str, str], caches: Sequence[Path]) -> dict[str, str]:
    """A task's environment, beside what its image and its spec set.

    Args:
        variables: Those of this machine that are passed on.
        caches: The model hub's, as `model_caches` gives them, which the container sees too.
    """
    # PyTorch names a folder after the user, whom the image does not know by number.
    hub = dict(zip(("HF_HOME", "HF_HUB_CACHE"), map(str, caches), strict=False))
    return {"HOME": HOME, "USER": _user(), **variables, **hub}


def model_caches(environment: Mapping[str, str]) -> list[Path]:
    """The model hub's caches on this machine, absolute: its home, then what lies elsewhere."""
    beside = environment.get("XDG_CACHE_HOME") or "~/.cache"
    home = environment.get("HF_HOME") or f"{beside}/huggingface"
    elsewhere = environment.get("HF_HUB_CACHE", "")
    return [Path(each).expanduser().absolute() for each in (home, elsewhere) if each]


def _names_file(value: str) -> bool:
    try:
        return value.startswith("/") and Path(value).is_file()
    except (OSError, ValueError):  # too long for a path, or no path at all
        return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        return "tuneline"
