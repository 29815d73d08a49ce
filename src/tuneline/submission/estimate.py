"""What can be said of a run before it: the price of managed tuning, images that nobody can pull."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, DataError, ServiceError
from tuneline.parameters import is_managed_run, managed_settings, prepare_settings
from tuneline.vertex.tuning.budget import affordable
from tuneline.vertex.tuning.limits import require_possible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tuneline.submission.spec import Spec

_REGISTRY = re.compile(r"[^/]*[.:][^/]*/")
"""A name's first part is a registry where it has a dot or a port, as Docker reads it."""


def tuning_cost(values: Mapping[str, Any]) -> Iterator[str]:
    """Say what managed tuning costs, by the data's tokens; nothing where no service tunes.

    Args:
        values: A run's parameters.

    Raises:
        ConfigurationError: It costs more than ``max_cost_usd``.
        DataError: The service would refuse the data.
    """
    from tuneline.data.check import check

    if not is_managed_run(values):
        return
    managed = managed_settings(values)
    model, settings = managed.base_model, prepare_settings(values)
    target = {"target": model, "epochs": managed.epochs}
    if managed.catalogue:
        target["catalogue"] = managed.catalogue
    try:
        result = check(settings.model_copy(update=target))
    except (ConfigurationError, ServiceError) as error:
        yield f"Tuning {model}: the price depends on the data, unreadable from here ({error})"
        return
    if not result.passed:
        raise DataError(f"{model} would not be tuned on this data: {result.failure}")
    if found := result.target:
        share = found.tokens_at_least / found.tokens if found.tokens else 1.0
        yield affordable(require_possible(managed), managed, found.tokens, share)[1]


def images_nobody_can_pull(spec: Spec) -> list[str]:
    """Images of a pipeline whose names have no registry, so that a service does not find them."""
    executors = spec.content["deploymentSpec"]["executors"].values()
    images = {str(each.get("container", {}).get("image", "")) for each in executors}
    return sorted(image for image in images if not _REGISTRY.match(image))
