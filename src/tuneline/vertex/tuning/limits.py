"""What the catalogue says that a model cannot do, before anything is sent."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from tuneline.data.targets.catalogue import load_catalogue
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.data.targets.catalogue import ModelEntry
    from tuneline.vertex.tuning.settings import ManagedSettings

logger = logging.getLogger("tuneline")

_USUAL_LOCATION = {"gemini": "us-central1", "vertex-open": "global"}


def require_possible(settings: ManagedSettings) -> ModelEntry | None:
    """Judge the settings by the catalogue.

    Returns:
        The model's entry; None where the catalogue does not know it and is only to warn.

    Raises:
        ConfigurationError: Lists everything that the model does not take, unless
            ``catalogue_checks`` is ``warn``.
    """
    try:
        entry = load_catalogue(settings.catalogue).find(settings.base_model)
    except ConfigurationError as error:
        judge(settings, [each.replace("target:", "base_model:", 1) for each in error.problems])
        return None
    today = dt.datetime.now(dt.UTC).date()
    if entry.is_retired(today):
        judge(settings, entry.warnings(today))
    else:
        for warning in entry.warnings(today):
            logger.warning("tune: %s", warning)
    judge(settings, list(_problems(settings, entry, today)))
    return entry


def judge(settings: ManagedSettings, problems: Sequence[str]) -> None:
    """Refuse what the catalogue speaks against, or say it and go on, as the settings want it.

    Raises:
        ConfigurationError: There are problems and the checks are strict.
    """
    if problems and settings.catalogue_checks == "strict":
        *others, last = problems
        hint = (
            "If the catalogue is wrong, correct it in a file of your own (catalogue in overrides), "
            "or set catalogue_checks to warn there."
        )
        raise ConfigurationError([*others, f"{last} {hint}"])
    for problem in problems:
        logger.warning("tune: %s", problem)


def location_of(settings: ManagedSettings, entry: ModelEntry | None) -> str:
    """Where the job runs."""
    if settings.location:
        return settings.location
    usual = _USUAL_LOCATION[settings.engine]
    known = entry.locations.tuning if entry else "unknown"
    return usual if isinstance(known, str) or usual in known else known[0]


def _problems(settings: ManagedSettings, entry: ModelEntry, today: dt.date) -> Iterator[str]:
    said = f"({entry.source}, {entry.as_of})"
    if entry.engine != settings.engine:
        yield f"base_model: {entry.id} is tuned by the engine {entry.engine} {said}."
    if settings.method not in entry.methods:
        offered = " and ".join(entry.methods)
        yield f"method: {entry.id} is tuned by {offered}, not by {settings.method} {said}."
    sizes, size = entry.adapter_sizes, settings.adapter_size
    if size and not isinstance(sizes, str) and size not in sizes:
        yield f"adapter_size: {entry.id} takes {_listed(sizes)}, not {size} {said}."
    known = entry.locations.tuning
    location = location_of(settings, entry)
    if not isinstance(known, str) and location not in known:
        yield f"location: {entry.id} is tuned at {_listed(known)}, not at {location} {said}."
    if settings.encryption_key and entry.customer_managed_keys == "no":
        yield f"encryption_key: {entry.id} takes none of the customer's {said}."
    plan = entry.retirement
    ends = plan.tuning_ends if not isinstance(plan, str) else None
    if isinstance(ends, dt.date) and today >= ends and not isinstance(plan, str) and plan.certain:
        yield f"base_model: tuning {entry.id} ended on {ends} {said}."


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values)
