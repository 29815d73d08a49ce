"""What a run starts from: a base model, an earlier adapter on it, or an earlier tuned model."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError, DataError
from tuneline.files import sha256_folder
from tuneline.models.source import BaseModel, copied_folder, resolve_base_model
from tuneline.training.result import RESULT_FILE, read_result

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.result import TuningResult
    from tuneline.training.settings import RunBasics

logger = logging.getLogger("tuneline")

ADAPTER_FOLDER = "adapter"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class Start:
    """What a run starts from.

    Attributes:
        base: The model whose weights are loaded.
        adapter: Folder of the adapter that is trained further; None: a new one, or none.
        adapter_digest: SHA-256 over its files; empty without one.
    """

    base: BaseModel
    adapter: Path | None = None
    adapter_digest: str = ""


def resolve_start(config: RunBasics) -> Start:
    """Find what a run starts from and bring it to this machine.

    Raises:
        ConfigurationError: It names nothing, or an adapter or model that does not belong to this
            base model or method.
        ServiceError: A store or hub does not answer.
    """
    reference = config.overrides.continue_from
    if not reference:
        return Start(resolve_base_model(config.base_model))
    folder = copied_folder("continue_from", reference)
    if (folder / ADAPTER_CONFIG).is_file():
        return _from_adapter(folder, config, None)
    if not (folder / RESULT_FILE).is_file():
        raise ConfigurationError(
            f"continue_from: {reference!r} holds neither {ADAPTER_CONFIG} nor "
            f"{RESULT_FILE}. Give the output folder of a finished run, or an adapter's folder."
        )
    result = _read(folder)
    if config.method == "pet" and result.method == "pet":
        return _from_adapter(folder / ADAPTER_FOLDER, config, result)
    model = folder / result.model_folder
    if not model.is_dir():
        raise ConfigurationError(
            f"continue_from: {reference!r} holds an adapter that was not merged, and "
            "method 'full' starts from whole weights. Merge it first: tuneline merge."
        )
    return Start(resolve_base_model(str(model)))


def _read(folder: Path) -> TuningResult:
    try:
        return read_result(folder)
    except DataError as error:
        raise ConfigurationError(f"continue_from: {error}") from error


def _from_adapter(folder: Path, config: RunBasics, result: TuningResult | None) -> Start:
    reference = config.overrides.continue_from
    if config.method == "full":
        raise ConfigurationError(
            f"continue_from: {reference!r} is an adapter, and method 'full' starts from "
            "whole weights. Merge it first (tuneline merge) and give that as base_model."
        )
    require_safetensors("continue_from", folder)
    base = resolve_base_model(config.base_model)
    if result is not None and result.base_model.digest != base.digest:
        raise ConfigurationError(
            f"continue_from: {reference!r} was tuned from "
            f"{result.base_model.reference!r}, whose files are not those of base_model "
            f"{config.base_model!r}. Give the same base_model."
        )
    if result is None:
        _tell_of_other_name(folder, base)
    return Start(base, folder, sha256_folder(folder))


def require_safetensors(what: str, adapter: Path) -> None:
    """Require weights that run no code when they are read.

    Args:
        what: The setting that names the adapter.
        adapter: Its folder.

    Raises:
        ConfigurationError: There are none.
    """
    if not (adapter / ADAPTER_WEIGHTS).is_file():
        raise ConfigurationError(
            f"{what}: {adapter} holds no {ADAPTER_WEIGHTS}. Weights in other forms, such as "
            "adapter_model.bin, can run code when they are read: save the adapter again with a "
            "current release of PEFT."
        )


def named_base(adapter: Path) -> str:
    """The base model that an adapter's configuration names; empty: none."""
    config = json.loads((adapter / ADAPTER_CONFIG).read_bytes())
    name, revision = config.get("base_model_name_or_path"), config.get("revision")
    return f"{name}@{revision}" if name and revision else name or ""


def _tell_of_other_name(folder: Path, base: BaseModel) -> None:
    name = named_base(folder)
    if name and name not in (base.reference, f"{base.name}@{base.revision}"):
        logger.warning(
            "tune: the adapter names %r as its base model; it is put on %r", name, base.reference
        )
