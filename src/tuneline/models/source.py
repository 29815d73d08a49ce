"""From a base model's name to a folder of safetensors on this machine, with its digest."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from tuneline.errors import ConfigurationError, ServiceError
from tuneline.files import new_folder, sha256_folder

EMBEDDED = "embedded"
"""Name of the tiny model that ships with the package."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
_HUB_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model on this machine.

    ``digest`` is the SHA-256 over its files, so that two runs can be told apart by what they
    started from and not by a name that moves.
    """

    reference: str
    path: Path
    digest: str


def reference_problem(reference: str) -> str | None:
    """Say what is wrong with a base model's name, as far as it shows without the network.

    Returns:
        One sentence, or None where the name may be right.
    """
    if reference == EMBEDDED or "://" in reference:
        return None
    if Path(reference).expanduser().is_dir():
        return _folder_problem(reference, Path(reference).expanduser())
    if _HUB_ID.fullmatch(reference):
        return None
    return (
        f"base_model: {reference!r} is no folder on this machine. Give a folder, a hub id such as "
        f"'Qwen/Qwen3-0.6B', a gs:// URI or {EMBEDDED!r}."
    )


def resolve_base_model(reference: str, cache: Path | None = None) -> BaseModel:
    """Find a base model and bring it to this machine.

    Args:
        reference: ``embedded``, a folder, a URI that fsspec can read (``gs://`` with the ``gcs``
            extra), or a model hub id, optionally ``id@revision``.
        cache: Where URIs are copied to. Defaults to ``~/.cache/tuneline/models``.

    Raises:
        ConfigurationError: It names nothing, or a folder without safetensors weights.
        ServiceError: The store or hub could not be reached.
    """
    problem = reference_problem(reference)
    if problem:
        raise ConfigurationError(problem)
    if reference == EMBEDDED:
        path = Path(str(files("tuneline.training") / "embedded"))
    elif "://" in reference:
        path = _copy_from_store(reference, cache or Path("~/.cache/tuneline/models").expanduser())
    elif (folder := Path(reference).expanduser()).is_dir():
        path = folder
    else:
        path = _download_from_hub(reference)
    problem = _folder_problem(reference, path)
    if problem:
        raise ConfigurationError(problem)
    return BaseModel(reference, path, sha256_folder(path))


def base_model_fingerprint(reference: str) -> str:
    """Digest of what is behind a base model's name now, without loading or copying it.

    Names on a hub and the embedded model stand for themselves.

    Raises:
        ConfigurationError: There is nothing behind a URI.
        ServiceError: The store could not be reached.
    """
    if reference == EMBEDDED:
        return reference
    if "://" in reference:
        return _look_up(reference).key
    folder = Path(reference).expanduser()
    return sha256_folder(folder) if folder.is_dir() else reference


def _folder_problem(reference: str, folder: Path) -> str | None:
    if not (folder / "config.json").is_file():
        return f"base_model: {reference!r} holds no config.json, so it is not a model."
    if not any(folder.glob("*.safetensors")):
        return (
            f"base_model: {reference!r} holds no *.safetensors weights. Other formats can run code "
            "when they are loaded and are refused; convert the model to safetensors."
        )
    return None


@dataclass(frozen=True, slots=True)
class _Stored:
    """A folder in a store: its files, and a key that changes with their content."""

    filesystem: Any
    root: str
    names: list[str]
    key: str


def _look_up(uri: str) -> _Stored:
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(uri)
        names = sorted(filesystem.find(root))
        state = [f"{name} {filesystem.checksum(name)}" for name in names]
    except (ImportError, ValueError) as error:
        raise ConfigurationError(f"base_model: {uri!r} cannot be read here: {error}") from error
    except Exception as error:  # every store has an exception tree of its own
        raise ServiceError(f"base_model: {uri!r} could not be listed: {error}") from error
    if not names:
        raise ConfigurationError(f"base_model: there is nothing at {uri!r}.")
    key = hashlib.sha256("\n".join([uri, *state]).encode()).hexdigest()
    return _Stored(filesystem, root.rstrip("/"), names, key)


def _copy_from_store(uri: str, cache: Path) -> Path:
    stored = _look_up(uri)
    folder = cache / stored.key[:32]
    if not folder.is_dir():
        with new_folder(folder) as temporary:
            for name in stored.names:
                target = temporary / os.path.relpath(name, stored.root)
                target.parent.mkdir(parents=True, exist_ok=True)
                stored.filesystem.get_file(name, str(target))
    return folder


def _download_from_hub(reference: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name, _, revision = reference.partition("@")
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision or None,
                allow_patterns=_HUB_FILES,
                etag_timeout=_HUB_TIMEOUT_S,
            )
        )
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ConfigurationError(
            f"base_model: the model hub has no {reference!r} that this user may read, and there is "
            "no folder of that name."
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ServiceError(
            f"base_model: {reference!r} is no folder on this machine, and the model hub could not "
            f"be reached to look for it ({type(error).__name__})."
        ) from error
