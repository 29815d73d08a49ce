"""The models of a place: how Tuneline's are found among them, read and changed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions as api_errors
from google.cloud import aiplatform_v1 as service

from tuneline.errors import ConfigurationError
from tuneline.registry.vertex.labels import MODEL, REGISTERED
from tuneline.vertex.clients import api_client, patient
from tuneline.vertex.place import Resource

if TYPE_CHECKING:
    from tuneline.vertex.place import Place

_ID_LENGTH = 63
_ID_DIGEST_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a place.

    Attributes:
        place: Project and location.
        client: Of the service.
    """

    place: Place
    client: Any

    @classmethod
    def at(cls, place: Place) -> Models:
        """The models of a place.

        Raises:
            ConfigurationError: There are no credentials.
        """
        return cls(place, api_client(service.ModelServiceClient, place))

    def parent(self, model_name: str, besides: str = "") -> str | None:
        """The model whose versions are registered under a name; None before the first.

        Args:
            model_name: Its display name.
            besides: Id of a model that may have this display name without being Tuneline's: the
                one that is to be registered.

        Raises:
            ConfigurationError: Other models have this name, so that a version would go astray.
        """
        found = [
            model
            for model in self._listed(f'display_name="{model_name}"')
            if model.display_name == model_name
            and (REGISTERED in model.labels or Resource.parse(model.name).id != besides)
        ]
        if not found:
            found = self._made_under(model_name)
        names = ", ".join(model.name for model in found)
        if len(found) > 1:
            raise ConfigurationError(
                f"model_name: {len(found)} models of {self.place.parent} are called "
                f"{model_name!r}: {names}. Rename or delete all but one, or register under another "
                "name."
            )
        if found and REGISTERED not in found[0].labels:
            raise ConfigurationError(
                f"model_name: {names} is called {model_name!r} and was not registered by Tuneline "
                f"(it has no label {REGISTERED}). Register under another name, or rename it."
            )
        return Resource.parse(found[0].name).unversioned if found else None

    def registered(self) -> dict[str, str]:
        """Display names of all models that have Tuneline's label, by their names."""
        found = self._listed(f'labels.{REGISTERED}="true"')
        return {Resource.parse(model.name).unversioned: model.display_name for model in found}

    def version_of(self, parent: str, digest: str) -> Resource | None:
        """The version of a model that holds the tuned model of a digest, as labels have it."""
        found = [
            version for version in self.versions(parent) if version.labels.get(MODEL) == digest
        ]
        return min(map(versioned, found), key=lambda name: int(name.version), default=None)

    def versions(self, parent: str) -> list[Any]:
        """Every version of a model."""
        return list(self.client.list_model_versions(name=parent, **patient()))

    def read(self, name: str) -> Any | None:
        """A model, or a version of one; None where there is none."""
        try:
            return self.client.get_model(name=name, **patient())
        except api_errors.NotFound:
            return None

    def update(self, name: str, **fields: Any) -> None:
        """Change fields of a model, or of a version of one: the service takes one or the other."""
        self.client.update_model(
            model=service.Model(name=name, **fields),
            update_mask={"paths": list(fields)},
            **patient(),
        )

    def _listed(self, expression: str) -> list[Any]:
        """The models that a filter lets through, over all pages."""
        request = {"parent": self.place.parent, "filter": expression}
        return list(self.client.list_models(request=request, **patient()))

    def _made_under(self, model_name: str) -> list[Any]:
        """The model that was made under this name, where the list does not show it.

        Raises:
            ConfigurationError: It was renamed since.
        """
        model = self.read(f"{self.place.parent}/models/{model_id(model_name)}")
        if model is not None and model.display_name != model_name:
            raise ConfigurationError(
                f"model_name: {model.name} was registered as {model_name!r} and is called "
                f"{model.display_name!r} now. Register under that name, or rename it back."
            )
        return [] if model is None else [model]


def versioned(model: Any) -> Resource:
    """The name of a version that the service answered with."""
    name = Resource.parse(model.name)
    return Resource(name.place, name.kind, name.id, model.version_id)


def model_id(model_name: str) -> str:
    """The id of the model that is made for a name: the same, however often it is asked for."""
    digest = hashlib.sha256(model_name.encode()).hexdigest()[:_ID_DIGEST_LENGTH]
    words = re.sub(r"[^a-z0-9]+", "-", model_name.lower()).strip("-")
    return f"{f'tuneline-{words}'[: _ID_LENGTH - _ID_DIGEST_LENGTH - 1]}-{digest}"
