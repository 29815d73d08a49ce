"""The model registry: models, their versions, and the aliases that point to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.names import canonical
from tests.vertex.stand_in.refusals import RefusedError, invalid, not_found, precondition

_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")
_MODEL_ID = re.compile(r"[a-z_][a-z0-9_-]{0,62}|[0-9]+")


@dataclass(slots=True)
class Registered:
    """A model.

    Attributes:
        name: Without a version.
        versions: Each version's fields, by its id.
        aliases: Which version each alias points to; ``default`` is always there.
        labels: Of the model as a whole, beside those of each version.
        last: Number of the newest version that there ever was.
    """

    name: str
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    last: int = 0

    def add(self, version: dict[str, Any], aliases: list[str]) -> str:
        """Add a version; its aliases leave the versions that have them."""
        for alias in aliases:
            if alias != "default" and not _ALIAS.fullmatch(alias):
                raise _bad_alias(alias)
        self.last += 1
        number, at = str(self.last), now()
        times = {"versionCreateTime": at, "versionUpdateTime": at, "updateTime": at}
        created = next(iter(self.versions.values()))["createTime"] if self.versions else at
        self.versions[number] = {**version, **times, "createTime": created}
        self.aliases.setdefault("default", number)
        self.aliases.update(dict.fromkeys(aliases, number))
        return number

    def merge_aliases(self, number: str, changes: list[str]) -> None:
        """Move aliases to a version; those with a dash in front are taken from it."""
        for change in changes:
            alias = change.removeprefix("-")
            if alias != "default" and not _ALIAS.fullmatch(alias):
                raise _bad_alias(alias)
            if change == "-default":
                raise invalid("The default alias cannot be removed.")
        for change in changes:
            if not change.startswith("-"):
                self.aliases[change] = number
            elif self.aliases.get(change[1:]) == number:
                del self.aliases[change[1:]]

    def number_of(self, reference: str) -> str:
        """The version of what stands behind the ``@``; the default one where nothing does."""
        number = self.aliases.get(reference or "default", reference)
        if number not in self.versions:
            raise not_found("Model version", f"{self.name}@{reference}")
        return number

    def view(self, number: str) -> dict[str, Any]:
        """A version as the service shows it."""
        version = self.versions[number]
        labels = {**self.labels, **version.get("labels", {})}
        pointing = [alias for alias, at in self.aliases.items() if at == number]
        shown = {**version, "name": self.name, "versionId": number, "versionAliases": pointing}
        return {**shown, "labels": labels} if labels else shown

    def remove(self, number: str) -> None:
        """Remove a version and its aliases."""
        if self.aliases["default"] == number:
            raise precondition(
                f"Cannot delete the default version {number} of {self.name}. Set another default "
                "version, or delete the model."
            )
        del self.versions[number]
        self.aliases = {alias: at for alias, at in self.aliases.items() if at != number}


class Registry:
    """Every model, by its name without a version."""

    def __init__(self) -> None:
        self._models: dict[str, Registered] = {}

    def in_place(self, parent: str) -> list[Registered]:
        """The models of a location, newest first."""
        found = [model for name, model in self._models.items() if name.startswith(f"{parent}/")]
        return found[::-1]

    def find(self, name: str) -> tuple[Registered, str]:
        """The model of a name, and the id of the version that it means.

        Raises:
            RefusedError: There is none.
        """
        plain, _, reference = canonical(name).partition("@")
        if plain not in self._models:
            raise not_found("Model", name)
        model = self._models[plain]
        return model, model.number_of(reference.removeprefix("-"))

    def new(self, parent: str, model_id: str) -> Registered:
        """A model without versions."""
        if not _MODEL_ID.fullmatch(model_id):
            raise invalid(f"Invalid model_id: {model_id}. It must match [a-z_][a-z0-9_-]{{0,62}}.")
        name = f"{parent}/models/{model_id}"
        if name in self._models:
            raise RefusedError("ALREADY_EXISTS", f"The Model {name} already exists.")
        self._models[name] = Registered(name)
        return self._models[name]

    def remove(self, name: str) -> None:
        """Remove a model with all versions."""
        del self._models[name]


def _bad_alias(alias: str) -> RefusedError:
    return invalid(
        f"Invalid version alias: {alias}. It must match [a-z][a-zA-Z0-9-]{{0,126}}[a-z0-9]."
    )
