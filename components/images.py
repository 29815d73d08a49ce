"""The container images that the components name.

The environment says which; else those that ``make images`` built last; else the release's own.
"""

import json
import os
from pathlib import Path

from tuneline import __version__

REFERENCES = Path(__file__).with_name("references.json")
"""Written by ``make images``: what it built, by name."""

RELEASED = {name: f"tuneline/{name}:{__version__}" for name in ("components", "trainer")}
"""The images of this release, which the specs that are checked in name."""


def _image(name: str) -> str:
    given = os.environ.get(f"TUNELINE_{name.upper()}_IMAGE")
    if given:
        return given
    built = json.loads(REFERENCES.read_text(encoding="utf-8")) if REFERENCES.is_file() else {}
    return str(built.get(name, RELEASED[name]))


COMPONENTS_IMAGE = _image("components")
"""CPU image: data, evaluation and registration."""

TRAINER_IMAGE = _image("trainer")
"""GPU image, which also runs on a CPU: tuning and prediction."""
