"""Names of resources: the service answers with the project's number, and takes its id as well."""

from __future__ import annotations

import itertools
import re

from tests.prediction.gemini.stand_in import PROJECT

PROJECT_NUMBER = "471147114711"

_OWN = re.compile(rf"^projects/({PROJECT}|{PROJECT_NUMBER})(?=/)")
_PARENT = re.compile(r"(projects/[^/]+/locations/[^/]+)")
_NUMBERS = itertools.count(4_700_000_000_000_000_001)


def canonical(name: str) -> str:
    """A name with the project's number where it had its id."""
    return _OWN.sub(f"projects/{PROJECT_NUMBER}", name)


def project_of(name: str) -> str:
    """The project in a name; empty where there is none."""
    parts = name.split("/")
    return parts[1] if len(parts) > 1 and parts[0] == "projects" else ""


def place_of(name: str) -> str:
    """``projects/P/locations/L`` of a name; empty where it has none."""
    found = _PARENT.match(name)
    return found[1] if found else ""


def location_of(name: str) -> str:
    """The location in a name; empty where there is none."""
    return place_of(name).rpartition("/")[2]


def place(location: str) -> str:
    """``projects/NUMBER/locations/L``."""
    return f"projects/{PROJECT_NUMBER}/locations/{location}"


def new_number() -> str:
    """An id that nothing else has, as long as the service's own."""
    return str(next(_NUMBERS))
