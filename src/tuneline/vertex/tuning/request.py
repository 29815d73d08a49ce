"""What the service is asked for, in the words of its client; the same request is the same job."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from tuneline.vertex.tuning.settings import RUN_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.vertex.place import Place
    from tuneline.vertex.tuning.settings import ManagedSettings

# The service names ranks; the words come from its REST reference.
_RANKS = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN", 32: "THIRTY_TWO"}
_MODES = {"pet": "TUNING_MODE_PEFT_ADAPTER", "full": "TUNING_MODE_FULL"}
_LABEL_CHARACTERS = 63


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job that is asked for.

    Attributes:
        place: Where.
        base_model: Model to tune, or the tuned model to go on from.
        training_uri: The training file.
        config: Further arguments, by the client's names.
        service_account: Which the client has no argument for; empty: none.
        digest: SHA-256 of everything that makes the job what it is.
        output_uri: Where tuned weights of open models will lie; empty for Gemini.
    """

    place: Place
    base_model: str
    training_uri: str
    config: dict[str, Any]
    service_account: str
    digest: str
    output_uri: str

    @property
    def label(self) -> str:
        """Value of the label that the job is found again by."""
        return self.digest[:_LABEL_CHARACTERS]


@dataclass(frozen=True, slots=True)
class SentFile:
    """An uploaded file: where it is, and the SHA-256 of what it holds."""

    uri: str
    digest: str


def job_request(
    settings: ManagedSettings, place: Place, files: Mapping[str, SentFile], base: str = ""
) -> JobRequest:
    """Write the request.

    What is asked for is told by content, not by place: another folder of the bucket, or the same
    project by its number, makes no other job.

    Args:
        settings: The job's settings.
        place: Where it runs.
        files: The uploaded files, ``train`` and, where there is one, ``validation``.
        base: Digest of the weights of ``custom_base_model``; empty: there are none.
    """
    base_model = settings.tuned_from or settings.base_model
    asked = _asked(settings)
    identity = {
        "attempt": settings.attempt,
        "base": base,
        "base_model": re.sub(r"^projects/[^/]+/", "", base_model),
        "encryption_key": settings.encryption_key,
        "files": {name: file.digest for name, file in files.items()},
        "location": place.location,
        "service_account": settings.service_account,
        **asked,
    }
    digest = hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()
    is_open = settings.engine == "vertex-open"
    output_uri = f"{settings.staging.rstrip('/')}/tuned/{digest}" if is_open else ""
    config = {
        **asked,
        "validation_dataset": _dataset(files.get("validation")),
        "custom_base_model": settings.custom_base_model or None,
        # Models get their own name when they are registered: until then they are candidates. A
        # model that is tuned further keeps its name, and gets a version.
        "tuned_model_display_name": (
            None if settings.tuned_from else f"{settings.model_name} {digest[:8]}"
        ),
        "labels": {**settings.labels, RUN_LABEL: digest[:_LABEL_CHARACTERS]},
        "output_uri": output_uri or None,
        "encryption_spec": (
            {"kms_key_name": settings.encryption_key} if settings.encryption_key else None
        ),
    }
    return JobRequest(
        place=place,
        base_model=base_model,
        training_uri=files["train"].uri,
        config={name: value for name, value in config.items() if value is not None},
        service_account=settings.service_account,
        digest=digest,
        output_uri=output_uri,
    )


def _asked(settings: ManagedSettings) -> dict[str, Any]:
    is_open = settings.engine == "vertex-open"
    size = settings.adapter_size
    return {
        "epoch_count": settings.epochs,
        "adapter_size": f"ADAPTER_SIZE_{_RANKS.get(size, size)}" if size else None,
        "learning_rate_multiplier": settings.learning_rate_multiplier or None,
        "learning_rate": settings.learning_rate or None,
        "batch_size": settings.batch_size or None,
        "tuning_mode": _MODES[settings.method] if is_open else None,
        "export_last_checkpoint_only": settings.last_checkpoint_only or None,
        "pre_tuned_model_checkpoint_id": settings.tuned_from_checkpoint or None,
    }


def _dataset(file: SentFile | None) -> dict[str, str] | None:
    return {"gcs_uri": file.uri} if file else None
