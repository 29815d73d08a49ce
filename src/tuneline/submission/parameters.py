"""A run's parameters for containers that never saw this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneline.data.sources.locate import scheme_of
from tuneline.errors import ConfigurationError
from tuneline.models.source import EMBEDDED
from tuneline.parameters import checked, evaluation_settings, prepare_settings
from tuneline.submission.problems import gathered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tuneline.submission.spec import Spec

_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s]*@", re.IGNORECASE)

SENT = ("data", "test_data")
"""Parameters whose local files are brought to the bucket."""


def run_parameters(
    spec: Spec, given: Mapping[str, Any], places: Mapping[str, str], registry: str
) -> dict[str, Any]:
    """Check the parameters; the pipeline's own place is that of the run unless it is given.

    Args:
        spec: The pipeline.
        given: What the user gave, by name.
        places: Parameters that say where the run is, such as ``staging``.
        registry: A registry that the run's tasks reach, to be named where a folder is given.

    Raises:
        ConfigurationError: Lists everything that is wrong, unknown, missing or bound to this
            machine.
    """
    filled = {name: place for name, place in places.items() if name in spec.inputs} | dict(given)
    known = {name: value for name, value in filled.items() if name in spec.inputs}
    values = {**spec.defaults, **known}
    problems = [*spec.problems(filled), *_places_here(values, registry)]
    valid: dict[str, Any] = {}
    if not spec.missing(filled):
        with gathered(problems):
            valid = checked(values).model_dump()
            problems += _files_here(valid)
    if problems:
        raise ConfigurationError(problems)
    return {name: valid[name] for name in known}


def _places_here(values: Mapping[str, Any], example: str) -> Iterator[str]:
    """Places of this machine that a container cannot reach, or that are lost with it."""
    registry = str(values.get("registry", ""))
    if registry and "://" not in registry:
        yield (
            f"registry: {registry!r} is a folder, which is lost with its container. Give {example}."
        )
    for name, value in values.items():
        if isinstance(value, str) and _WITH_PASSWORD.match(value):
            yield (
                f"{name}: holds a user name or password, which everybody who sees the run could "
                "read. Give the address without it, and the secret by the tasks' own identity."
            )
    for name in ("base_model", "base_weights"):
        model = str(values.get(name, ""))
        if model not in ("", EMBEDDED) and is_local(model) and Path(model).is_dir():
            yield (
                f"{name}: {model!r} is a folder of this machine. Copy it to a bucket and give its "
                "URI."
            )


def _files_here(values: Mapping[str, Any]) -> Iterator[str]:
    """Files beside the data that the settings of the stages name."""
    settings = prepare_settings(values)
    own = {settings.data, settings.test_data}
    further = [uri for uris in settings.given.values() for uri, _ in uris if uri not in own]
    further += [settings.catalogue, settings.tokenizer, *evaluation_settings(values).files]
    further += [str(values["overrides"].get(name, "")) for name in ("catalogue", "tokenizer")]
    for place in further:
        if is_local(place) and Path(place).exists():
            yield f"{place}: is on this machine alone. Copy it to a bucket and give its URI."


def is_local(uri: str) -> bool:
    """Whether something is a path, or a ``file://`` URI."""
    return bool(uri) and scheme_of(uri) == "file"
