"""Where a tuned model is registered, and under which name and alias."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

DEFAULT_REGISTRY = "tuneline-registry"

_RESERVED_ALIAS = r"(?i)^(latest|v\d+)$"


class RegisterSettings(BaseModel):
    """What registration is told.

    Attributes:
        registry: A folder, or the MLflow tracking URI of a server (anything with ``://``).
        model_name: The registered model's name: letters, digits, ``_``, ``.``, ``-`` and spaces.
        alias: The alias that moves to the registered version: letters, digits, ``_`` and ``-``,
            but not ``latest`` or ``v1``, which MLflow keeps for itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    registry: str = Field(default=DEFAULT_REGISTRY, min_length=1)
    model_name: Annotated[str, Field(pattern=r"^\w(?:[\w .-]*\w)?$", max_length=256)]
    alias: Annotated[str, Field(pattern=r"^[\w-]+$", max_length=255)] = "champion"

    @field_validator("alias")
    @classmethod
    def _not_reserved(cls, alias: str) -> str:
        if re.match(_RESERVED_ALIAS, alias):
            raise ValueError(f"{alias!r} is reserved by MLflow; choose another alias")
        return alias


def registry_folder(registry: str) -> Path | None:
    """The folder that ``registry`` names, absolute; None where it is a tracking URI."""
    return None if "://" in registry else Path(registry).expanduser().resolve()


def shown(registry: str) -> str:
    """The registry as messages may show it: a URI without its user name and password."""
    return re.sub(r"(?<=://)[^/@]*@", "", registry)
