"""Names of models that a service answers for: publisher models and endpoints of tuned models."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from tuneline.data.targets.catalogue import ModelEntry, load_catalogue
from tuneline.errors import ConfigurationError

_IN_PROJECT = re.compile(r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/(?P<rest>.+)")
_ENDPOINT = re.compile(r"endpoints/[A-Za-z0-9-]+")
_MODEL = re.compile(r"(?:publishers/google/models/|google/|models/)?(?P<id>gemini-[a-z0-9.-]+)")


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name, taken apart.

    Attributes:
        given: As the user wrote it.
        publisher_model: Id of a publisher's model; empty for an endpoint.
        project: The project in the name, a number as often as an id; empty where it has none.
        location: The location in the name; empty where it has none.
    """

    given: str
    publisher_model: str
    project: str
    location: str

    @property
    def is_endpoint(self) -> bool:
        """Whether it is the endpoint of a tuned model."""
        return not self.publisher_model

    @property
    def resource(self) -> str:
        """The same for every way to write the same model, wherever it is asked."""
        if self.is_endpoint:
            return self.given
        return f"publishers/google/models/{self.publisher_model}"


def is_gemini(name: str) -> bool:
    """Whether a model's name is one that a service answers for, right or misspelt."""
    inside = _IN_PROJECT.fullmatch(name)
    rest = inside["rest"] if inside else name
    if inside or name.startswith("projects/"):
        return True
    for prefix in ("publishers/google/models/", "google/", "models/"):
        rest = rest.removeprefix(prefix)
    return rest.lower().startswith("gemini-") and "/" not in rest


def model_problem(name: str, today: dt.date | None = None) -> str | None:
    """Say what is wrong with the name of a Gemini model or an endpoint, without asking a service.

    Args:
        name: For which `is_gemini` holds.
        today: The day to judge retirement by; today where None.

    Returns:
        One sentence, or None where the name may be right.
    """
    try:
        parsed = parse(name)
    except ConfigurationError as error:
        return str(error)
    entry = catalogued(parsed.publisher_model)
    day = today or dt.datetime.now(tz=dt.UTC).date()
    if entry is not None and entry.is_retired(day):
        return f"model: {name}: the catalogue says that it is retired. Choose another model."
    return None


def parse(name: str) -> ModelName:
    """Take a name apart.

    Raises:
        ConfigurationError: It is neither a publisher's model nor an endpoint.
    """
    inside = _IN_PROJECT.fullmatch(name)
    rest = inside["rest"] if inside else name
    model = _MODEL.fullmatch(rest)
    project, location = (inside["project"], inside["location"]) if inside else ("", "")
    if model:
        return ModelName(name, model["id"], project, location)
    if inside and _ENDPOINT.fullmatch(rest):
        return ModelName(name, "", project, location)
    hint = (
        " A tuned model answers from its endpoint, not from its model resource: take the name that "
        "the tuning job gives as its endpoint."
        if rest.startswith("models/")
        else ""
    )
    raise ConfigurationError(
        f"model: {name!r} is no model that can be asked.{hint} Give a model's name such as "
        "'gemini-2.5-flash', or 'projects/PROJECT/locations/LOCATION/endpoints/ID'."
    )


def catalogued(model_id: str) -> ModelEntry | None:
    """What the catalogue says of a publisher's model; None where it does not know it."""
    try:
        return load_catalogue().find(model_id)
    except ConfigurationError:
        return None
