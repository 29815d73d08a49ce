"""Where the weights of an open tuned model lie, and what has to be loaded with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.data.media.stores import open_store, store_failure
from tuneline.errors import ConfigurationError, ServiceError
from tuneline.models.source import EMBEDDED

if TYPE_CHECKING:
    from tuneline.registry.evidence import Evidence
    from tuneline.vertex.tuning.result import ManagedResult

_ADAPTER_CONFIG = "adapter_config.json"
_ADAPTER_FOLDER = "adapter"
_IMAGE = "oci://"


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights in an object store.

    Attributes:
        uri: Their folder, such as ``gs://``; of an image in a registry (``oci://``) its name.
        base: The base model that an adapter needs; empty where the weights are a whole model.
        rank: The adapter's; 0 where it is not known or there is none.
    """

    uri: str
    base: str = ""
    rank: int = 0


def trained_weights(evidence: Evidence) -> Weights:
    """The weights of a model that Tuneline's own trainer left in an object store.

    Raises:
        ConfigurationError: Its base model, which it needs, is on one machine alone.
    """
    result, uri = evidence.result, str(evidence.model).rstrip("/")
    folder = uri if uri.startswith(_IMAGE) else f"{uri}/{result.model_folder}"
    if result.model_folder != _ADAPTER_FOLDER:
        return Weights(folder)
    base = result.base_model.reference
    _require_servable(base, "Tune with merge: true, which writes a whole model.")
    return Weights(folder, base, int(result.settings.get("lora_rank") or 0))


def managed_weights(managed: ManagedResult) -> Weights:
    """The weights that managed tuning of an open model left in a bucket.

    Raises:
        ConfigurationError: They are an adapter, and where its base model lies was not said.
        ServiceError: The bucket cannot be read.
    """
    uri = managed.weights_uri.rstrip("/")
    text = _read(f"{uri}/{_ADAPTER_CONFIG}") if managed.method == "pet" else None
    if text is None:
        return Weights(uri)
    _require_servable(managed.base_weights, "Set base_weights to a hub id or a gs:// URI.")
    return Weights(uri, managed.base_weights, int(json.loads(text).get("r", 0)))


def _require_servable(base: str, remedy: str) -> None:
    """Refuse what no other machine can load: a folder, the embedded model."""
    if base not in {"", EMBEDDED} and not base.startswith(("/", ".", "~")):
        return
    raise ConfigurationError(
        f"base model {base!r}: an adapter is served with its base model, which must be a hub id or "
        f"a gs:// URI. {remedy}"
    )


def _read(uri: str) -> bytes | None:
    """An object's content; None where there is none."""
    try:
        content: bytes = open_store("gs").cat_file(uri.removeprefix("gs://"))
    except FileNotFoundError:
        return None
    except Exception as error:  # every store has an exception tree of its own
        raise ServiceError(f"{uri}: cannot be read ({store_failure(error)}).") from error
    return content
