"""A registered model with its versions, their artifacts and aliases: found, or made once.

The registry has one registered model of a name, one version of a name in it, and one artifact of a
name in that. It keeps no aliases: one is a custom property of the registered model that names the
version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mr_openapi import (
    Artifact,
    ArtifactState,
    ModelArtifact,
    ModelVersionCreate,
    RegisteredModelCreate,
    RegisteredModelUpdate,
)

from tuneline.errors import ConfigurationError
from tuneline.registry.kubeflow.properties import as_properties, as_values
from tuneline.registry.kubeflow.provenance import DIGEST, PRODUCER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.registry.kubeflow.client import Client
    from tuneline.registry.kubeflow.properties import Value

ALIAS = f"{PRODUCER}.alias."
"""What the names of properties that are aliases start with."""

_ARCHIVED = "ARCHIVED"
_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that is to be there.

    Attributes:
        name: Its name, see `version_name`.
        digest: Of its model.
        description: Why it was registered, as Markdown.
        properties: What is known of it.
        artifact: Fields of its model artifact: ``uri``, its format and its source.
    """

    name: str
    digest: str
    description: str
    properties: Mapping[str, Value | None]
    artifact: Mapping[str, str]


def version_name(method: str, digest: str) -> str:
    """The name of the version that holds a model: the same for the same digest, and no other."""
    start = digest.rpartition(":")[2][:_DIGEST_LENGTH]
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', method)}-{start}"


class Models:
    """The registered models of a server.

    Args:
        client: Of the server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def registered(self, name: str) -> Any:
        """The registered model of a name, made where there is none.

        Raises:
            ConfigurationError: It is archived, or another name is taken for this one.
        """

        def find() -> Any | None:
            found = self._client.find("find_registered_model", name=name)
            if found is not None and found.name != name:  # some databases ignore case and accents
                raise ConfigurationError(
                    f"model_name: the registry takes {name!r} for {found.name!r}, which is "
                    "registered. Use that name, or one that differs by more than case."
                )
            return found

        new = RegisteredModelCreate(
            name=name, owner=PRODUCER, description="Tuned models, registered by Tuneline."
        )
        model, _ = self._client.found_or_made(
            find, lambda: self._client.once("create_registered_model", registered_model_create=new)
        )
        _require_live(model, f"model_name: {name!r}")
        return model

    def version(self, model: Any, new: NewVersion) -> tuple[Any, bool]:
        """A version of a registered model, made where there is none.

        Returns:
            It, and whether it was made here.

        Raises:
            ConfigurationError: It is archived, or the name is of a version with another model,
                which is left alone.
        """
        what = f"model_name: version {new.name!r} of {model.name!r}"

        def find() -> Any | None:
            found = self._client.find(
                "find_model_version", name=new.name, parent_resource_id=model.id
            )
            if found is not None:
                _require_digest(found, new.digest, what)
            return found

        request = ModelVersionCreate(
            name=new.name,
            registeredModelId=model.id,
            author=PRODUCER,
            description=new.description,
            customProperties=as_properties(new.properties),
        )
        version, created = self._client.found_or_made(
            find, lambda: self._client.once("create_model_version", model_version_create=request)
        )
        _require_live(version, what)
        return version, created

    def artifact(self, model: Any, version: Any, fields: Mapping[str, str]) -> Any:
        """The model artifact of a version, made where a registration ended before it.

        Args:
            model: The registered model, whose name it has: the registry's own clients look for it.
            version: The version.
            fields: Its fields, by the client's names.
        """
        new = ModelArtifact(name=model.name, state=ArtifactState.LIVE, **fields)
        made, _ = self._client.found_or_made(
            lambda: self.artifact_of(model, version),
            lambda: self._client.once(
                "upsert_model_version_artifact", model_version_id=version.id, artifact=Artifact(new)
            ),
        )
        return made

    def artifact_of(self, model: Any, version: Any) -> Any | None:
        """The model artifact of a version; None where a registration ended before it."""
        return self._client.find(
            "find_model_artifact", name=model.name, parent_resource_id=version.id
        )

    def move_alias(self, name: str, alias: str, version: Any) -> None:
        """Make a property of the registered model name a version.

        The registry changes all properties of a model or none, and compares nothing: where two
        processes move aliases of one model in the same moment, one of them may stay where it was.

        Args:
            name: The registered model's.
            alias: The alias.
            version: The version.
        """
        model = self.registered(name)  # with the properties that it has by now
        properties = dict(model.custom_properties or {})
        if as_values(properties).get(f"{ALIAS}{alias}") == version.name:
            return
        moved = {**properties, **as_properties({f"{ALIAS}{alias}": version.name})}
        self._client.ask(
            "update_registered_model",
            registered_model_id=model.id,
            # The client sends a state in any case.
            registered_model_update=RegisteredModelUpdate(
                customProperties=moved, state=model.state
            ),
        )


def _require_digest(version: Any, digest: str, what: str) -> None:
    recorded = as_values(version.custom_properties).get(DIGEST)
    if recorded != digest:
        raise ConfigurationError(
            f"{what} holds another model ({DIGEST} is {recorded or 'not set'}, not {digest}), and "
            "is not overwritten. Register under another model_name."
        )


def _require_live(thing: Any, what: str) -> None:
    if thing.state == _ARCHIVED:
        raise ConfigurationError(
            f"{what} is archived. Restore it in the registry, or register under another model_name."
        )
