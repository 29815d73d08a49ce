"""Where a tuned model is registered, and under which name and alias."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from tuneline.errors import ConfigurationError
from tuneline.registry.kubeflow.address import kubeflow_registry

DEFAULT_REGISTRY = "tuneline-registry"

_VERTEX = "vertex://"
_VERTEX_PARTS = re.compile(rf"{_VERTEX}(?P<project>[a-z0-9.:-]+)(?:/(?P<location>[a-z0-9-]+))?/?")
_VERTEX_NAME_LENGTH = 128
_VERTEX_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")
_VERTEX_IMAGE = re.compile(r"([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io)/\S+")
_RESERVED_ALIAS = r"(?i)^(latest|v\d+)$"

# Its database holds 255 characters, and puts a version's id and a colon before an artifact's name.
_KUBEFLOW_NAME_LENGTH = 240


@dataclass(frozen=True, slots=True)
class VertexRegistry:
    """The Model Registry of a project on Vertex AI; ``location`` is empty where none is given."""

    project: str
    location: str

    @property
    def uri(self) -> str:
        """What the setting ``registry`` says for it."""
        return f"{_VERTEX}{self.project}" + (f"/{self.location}" if self.location else "")


class RegisterSettings(BaseModel):
    """What registration is told.

    Attributes:
        registry: A folder; ``vertex://PROJECT`` or ``vertex://PROJECT/LOCATION``; Kubeflow Model
            Registry as ``kubeflow://HOST[:PORT]``, or ``kubeflow+http://HOST[:PORT]`` where the
            server speaks plain HTTP, as in a cluster; or the MLflow tracking URI of a server
            (anything else with ``://``).
        model_name: The registered model's name: letters, digits, ``_``, ``.``, ``-`` and spaces;
            up to 256 characters, on Vertex AI 128, on Kubeflow 240.
        alias: The alias that moves to the registered version: letters, digits, ``_`` and ``-``,
            but not ``latest`` or ``v1``, which MLflow keeps for itself. On Vertex AI a small
            letter comes first, and ``default`` is the service's own. Kubeflow takes any.
        serving_image: Container in Artifact Registry that serves an open model by vLLM's OpenAI
            API. Vertex AI needs it for open models; no other registry serves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    registry: str = Field(default=DEFAULT_REGISTRY, min_length=1)
    model_name: Annotated[str, Field(pattern=r"^\w(?:[\w .-]*\w)?$", max_length=256)]
    alias: Annotated[str, Field(pattern=r"^[\w-]+$", max_length=255)] = "champion"
    serving_image: str = ""

    @field_validator("registry")
    @classmethod
    def _known_place(cls, registry: str) -> str:
        vertex_registry(registry)
        kubeflow_registry(registry)
        if _HALF_URI.match(registry):
            raise ValueError(
                f"{registry!r} is no folder and no URI; a URI has two slashes after its scheme, as "
                "in vertex://PROJECT"
            )
        return registry

    @field_validator("model_name")
    @classmethod
    def _short_enough(cls, model_name: str, info: ValidationInfo) -> str:
        for service, is_it, longest in (
            ("Vertex AI", _is_vertex(info), _VERTEX_NAME_LENGTH),
            ("Kubeflow Model Registry", _is_kubeflow(info), _KUBEFLOW_NAME_LENGTH),
        ):
            if is_it and len(model_name) > longest:
                raise ValueError(f"has {len(model_name)} characters; {service} takes {longest}")
        return model_name

    @field_validator("alias")
    @classmethod
    def _not_reserved(cls, alias: str, info: ValidationInfo) -> str:
        if _is_kubeflow(info):
            return alias
        if not _is_vertex(info):
            if re.match(_RESERVED_ALIAS, alias):
                raise ValueError(f"{alias!r} is reserved by MLflow; choose another alias")
        elif alias == "default":
            raise ValueError(f"{alias!r} is Vertex AI's own; choose another alias")
        elif not _VERTEX_ALIAS.fullmatch(alias):
            raise ValueError(
                f"{alias!r} is no alias on Vertex AI: 2 to 128 letters, digits and dashes, a small "
                "letter first and a small letter or a digit last"
            )
        return alias

    @field_validator("serving_image")
    @classmethod
    def _served_here(cls, serving_image: str, info: ValidationInfo) -> str:
        if not serving_image or "registry" not in info.data:
            return serving_image
        if not _is_vertex(info):
            raise ValueError(
                f"only Vertex AI's registry serves models, not {shown(info.data['registry'])}; "
                "leave it empty"
            )
        if not _VERTEX_IMAGE.fullmatch(serving_image):
            raise ValueError(
                f"{serving_image!r} is no image in Artifact Registry, such as "
                "us-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE:TAG; Vertex AI takes no others"
            )
        return serving_image


_HALF_URI = re.compile(r"[a-z][a-z0-9+.-]+:(?!//)")


def registry_folder(registry: str) -> Path | None:
    """The folder that ``registry`` names, absolute; None where it is a URI."""
    return None if "://" in registry else Path(registry).expanduser().resolve()


def vertex_registry(registry: str) -> VertexRegistry | None:
    """The registry on Vertex AI that ``registry`` names; None where it is another kind.

    Raises:
        ConfigurationError: It starts with ``vertex://`` and names no project.
    """
    if not registry.startswith(_VERTEX):
        return None
    found = _VERTEX_PARTS.fullmatch(registry)
    if found is None:
        raise ConfigurationError(
            f"{registry!r} must be vertex://PROJECT or vertex://PROJECT/LOCATION"
        )
    return VertexRegistry(found["project"], found["location"] or "")


def shown(registry: str) -> str:
    """The registry as messages may show it: a URI without its user name and password."""
    return re.sub(r"(?<=://)[^/@]*@", "", registry)


def _is_kubeflow(info: ValidationInfo) -> bool:
    return kubeflow_registry(info.data.get("registry", "")) is not None


def _is_vertex(info: ValidationInfo) -> bool:
    return vertex_registry(info.data.get("registry", "")) is not None
