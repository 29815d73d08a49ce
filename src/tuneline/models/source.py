"""From a base model's name to a folder of safetensors on this machine, with its digest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from tuneline.errors import ConfigurationError, ServiceError
from tuneline.files import new_folder, sha256_file

EMBEDDED = "embedded"
"""Name of the tiny model that ships with the package."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(@[\w./-]+)?")
_HUB_TIMEOUT_S = 15.0
_CACHE = Path("~/.cache/tuneline/models")
_CARD = "README.md"
"""A model's card, which names its licence: it comes along, and is no part of the digest."""

_MODEL_SUFFIXES = (".json", ".safetensors", ".model", ".txt", ".jinja")


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model on this machine.

    ``digest`` is the SHA-256 over its files, so that two runs can be told apart by what they
    started from and not by a name that moves. ``revision`` is the commit of a model from a hub,
    empty for others.
    """

    reference: str
    path: Path
    digest: str
    revision: str = ""

    @property
    def name(self) -> str:
        """The reference without a revision."""
        return self.reference.partition("@")[0] if self.revision else self.reference


def reference_problem(reference: str) -> str | None:
    """Say what is wrong with a base model's name, as far as it shows without the network.

    Returns:
        One sentence, or None where the name may be right.
    """
    if reference == EMBEDDED or "://" in reference:
        return None
    if folder := _existing_folder(reference):
        return _folder_problem(reference, folder)
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
    revision = ""
    if reference == EMBEDDED:
        path = Path(str(files("tuneline.training") / "embedded"))
    elif "://" in reference:
        path = copied_folder("base_model", reference, cache)
    elif folder := _existing_folder(reference):
        path = folder
    else:
        path = _download_from_hub(reference)
        revision = path.name  # a snapshot's folder is named after its commit
    problem = _folder_problem(reference, path)
    if problem:
        raise ConfigurationError(problem)
    return BaseModel(reference, path, _digest(path), revision)


def copied_folder(setting: str, reference: str, cache: Path | None = None) -> Path:
    """Find a folder, and bring its files to this machine where it lies behind a URI.

    Args:
        setting: Name of the setting that gives it, for errors.
        reference: A folder, or a URI that fsspec can read.
        cache: Where URIs are copied to. Defaults to ``~/.cache/tuneline/models``.

    Raises:
        ConfigurationError: There is no such folder.
        ServiceError: The store could not be reached.
    """
    if "://" in reference:
        return _copy_from_store(setting, reference, cache or _CACHE.expanduser())
    folder = _existing_folder(reference)
    if folder is None:
        raise ConfigurationError(f"{setting}: {reference!r} is no folder on this machine.")
    return folder


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
        return _look_up("base_model", reference).key
    folder = _existing_folder(reference)
    return _digest(folder) if folder else reference


def _existing_folder(reference: str) -> Path | None:
    try:
        folder = Path(reference).expanduser()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError):  # a name too long for a path, a home that is not there
        return None


def _is_model_file(name: str) -> bool:
    """Tell a model's own files, by name, from what lies beside and below them.

    Such as weights in other formats, copies for other programs and a downloader's notes.
    """
    path = PurePosixPath(name)
    return (
        len(path.parts) == 1
        and not name.startswith((".", "consolidated"))
        and path.suffix in _MODEL_SUFFIXES
    )


def _digest(folder: Path) -> str:
    """SHA-256 over the sorted names and digests of a model's own files."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if _is_model_file(file.name) and file.is_file():
            digest.update(f"{file.name}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


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


def _look_up(setting: str, uri: str) -> _Stored:
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(uri)
        root = root.rstrip("/")
        found = (name.removeprefix(f"{root}/") for name in filesystem.find(root, maxdepth=1))
        names = sorted(name for name in found if name == _CARD or _is_model_file(name))
        state = [
            f"{name} {filesystem.checksum(f'{root}/{name}')}" for name in names if name != _CARD
        ]
    except (ImportError, ValueError, FileNotFoundError) as error:
        raise ConfigurationError(f"{setting}: {uri!r} cannot be read here: {error}") from error
    except Exception as error:  # every store has an exception tree of its own
        raise ServiceError(f"{setting}: {uri!r} could not be listed: {error}") from error
    if not state:
        raise ConfigurationError(f"{setting}: there is nothing at {uri!r}.")
    key = hashlib.sha256("\n".join([uri, *state]).encode()).hexdigest()
    return _Stored(filesystem, root, names, key)


def _copy_from_store(setting: str, uri: str, cache: Path) -> Path:
    stored = _look_up(setting, uri)
    folder = cache / stored.key[:32]
    if not folder.is_dir():
        with new_folder(folder) as temporary:
            for name in stored.names:
                try:
                    stored.filesystem.get_file(f"{stored.root}/{name}", str(temporary / name))
                except Exception as error:  # every store has an exception tree of its own
                    raise ServiceError(
                        f"{setting}: {name} of {uri!r} could not be copied: {error}"
                    ) from error
    return folder


def _download_from_hub(reference: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
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
                allow_patterns=[_CARD, *(f"*{suffix}" for suffix in _MODEL_SUFFIXES)],
                ignore_patterns=["*/*", ".*", "consolidated*"],
                etag_timeout=_HUB_TIMEOUT_S,
            )
        )
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise ConfigurationError(
            f"base_model: the model hub has no {reference!r} that this user may read, and there is "
            "no folder of that name."
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ServiceError(
            f"base_model: {reference!r} is no folder on this machine, and the model hub could not "
            f"give it ({type(error).__name__}: {error})."
        ) from error
