"""Where something is on Vertex AI: names of resources, taken apart, and hosts of locations."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tuneline.errors import ConfigurationError

_RESOURCE = re.compile(
    r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/"
    r"(?P<kind>[A-Za-z]+)/(?P<id>[^/@]+)(?:@(?P<version>[\w-]+))?"
)
MULTI_REGIONS = ("us", "eu")
"""Locations that several regions make up; their host is named otherwise."""


@dataclass(frozen=True, slots=True)
class Place:
    """A project and a location."""

    project: str
    location: str

    @property
    def parent(self) -> str:
        """The name that resources in it start with."""
        return f"projects/{self.project}/locations/{self.location}"

    @property
    def host(self) -> str:
        """The host that is asked for it."""
        if self.location == "global":
            return "aiplatform.googleapis.com"
        if self.location in MULTI_REGIONS:
            return f"aiplatform.{self.location}.rep.googleapis.com"
        return f"{self.location}-aiplatform.googleapis.com"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource's full name, taken apart; a service may put it in another place than was asked.

    Attributes:
        place: Project, a number as often as an id, and location.
        kind: Such as ``models`` or ``tuningJobs``.
        id: Its id.
        version: Of a model; empty where the name has none.
    """

    place: Place
    kind: str
    id: str
    version: str = ""

    @classmethod
    def parse(cls, name: str) -> Resource:
        """Take a name such as ``projects/P/locations/L/models/ID@1`` apart.

        Raises:
            ConfigurationError: It is no such name.
        """
        found = _RESOURCE.fullmatch(name)
        if found is None:
            raise ConfigurationError(
                f"{name!r} is no name of a resource of Vertex AI; one is "
                "projects/PROJECT/locations/LOCATION/KIND/ID."
            )
        place = Place(found["project"], found["location"])
        return cls(place, found["kind"], found["id"], found["version"] or "")

    @property
    def unversioned(self) -> str:
        """The name without a version."""
        return f"{self.place.parent}/{self.kind}/{self.id}"

    @property
    def url(self) -> str:
        """Where the resource is read, as artifacts of google-cloud-pipeline-components have it."""
        version = f"@{self.version}" if self.version else ""
        return f"https://{self.place.host}/v1/{self.unversioned}{version}"
