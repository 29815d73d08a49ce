"""Labels of registered versions: what they are found by, and what they came from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneline.registry.records import ResultRecord

REGISTERED = "tuneline-registered"
MODEL = "tuneline-model"
METHOD = "tuneline-method"
BASE = "tuneline-base"

_PREFIX = "tuneline-"
_LENGTH = 63
_DIGEST_LENGTH = 40


def version_labels(result: ResultRecord) -> dict[str, str]:
    """The labels of the version that a tuned model becomes."""
    train = result.data.get("train")
    return {
        REGISTERED: "true",
        MODEL: digest_label(result.model_digest),
        "tuneline-dataset": digest_label(train.digest if train else ""),
        "tuneline-run": digest_label(result.run_digest),
        BASE: label(result.base_model.reference),
        METHOD: label(result.method),
        "tuneline-version": label(result.tuneline_version),
    }


def label(value: str) -> str:
    """A value as labels can hold it: small letters, digits, ``_`` and ``-``, up to 63 of them."""
    return re.sub(r"[^a-z0-9_-]+", "-", value.lower())[:_LENGTH]


def digest_label(digest: str) -> str:
    """A digest's start: all of it is one character too long for a label."""
    return label(digest)[:_DIGEST_LENGTH]


def of_others(labels: dict[str, str]) -> dict[str, str]:
    """The labels that are not Tuneline's.

    The service shows a model's labels and those of a version as one, and what is written to the
    model shows on every version: a version's own must not get there.
    """
    return {name: value for name, value in labels.items() if not name.startswith(_PREFIX)}
