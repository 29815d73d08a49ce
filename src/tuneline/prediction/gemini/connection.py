"""The client of a service: which service is asked, with whose rights."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from google import genai
from google.genai import types

from tuneline.errors import ConfigurationError
from tuneline.prediction.gemini.names import parse
from tuneline.vertex.credentials import application_credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tuneline.prediction.gemini.settings import GeminiSettings

_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")


@dataclass(frozen=True, slots=True)
class Service:
    """Where a model is asked.

    Attributes:
        model: The model as the service's client takes it.
        resource: The same for every way to write the same model; journals know it by this.
        is_vertex: Vertex AI; else the Gemini Developer API.
        project: Google Cloud project; empty: that of the credentials.
        location: Where; empty for the Developer API.
        address: Address of another server that is asked in the service's place; mostly empty.
    """

    model: str
    resource: str
    is_vertex: bool
    project: str
    location: str
    address: str

    def __str__(self) -> str:
        if not self.is_vertex:
            return "Gemini Developer API"
        return f"Vertex AI, {self.project or 'project of the credentials'}, {self.location}"


def choose_service(model: str, settings: GeminiSettings) -> Service:
    """Choose where to ask, from the model's name, the settings and the environment.

    Vertex AI, unless neither the name nor the settings nor GOOGLE_CLOUD_PROJECT name a project or
    location and a key is in the environment. GOOGLE_VERTEX_BASE_URL and GOOGLE_GEMINI_BASE_URL name
    another server, such as a proxy.

    Raises:
        ConfigurationError: The name is no model's.
    """
    name = parse(model)
    environment = os.environ
    project = settings.project or name.project or environment.get("GOOGLE_CLOUD_PROJECT", "")
    given = project or settings.location
    if not given and any(environment.get(key) for key in _KEYS):
        address = environment.get("GOOGLE_GEMINI_BASE_URL", "")
        developer = f"models/{name.publisher_model}"
        return Service(developer, developer, False, "", "", address)  # noqa: FBT003
    location = (
        name.location
        or settings.location
        or environment.get("GOOGLE_CLOUD_LOCATION", "")
        or "global"
    )
    return Service(
        model=name.given if name.project else name.resource,
        resource=name.resource,
        is_vertex=True,
        project=project,
        location=location,
        address=environment.get("GOOGLE_VERTEX_BASE_URL", ""),
    )


@asynccontextmanager
async def connected(service: Service, settings: GeminiSettings) -> AsyncIterator[Any]:
    """Yield the service's client, whose requests are made once each.

    Raises:
        ConfigurationError: There are no credentials, their file is missing, or they name no
            project.
    """
    limits = httpx.Limits(max_connections=settings.concurrency)
    # Of the two libraries that the client can speak by, always the same, whatever is installed.
    async with httpx.AsyncClient(limits=limits, follow_redirects=True) as http:
        options = types.HttpOptions(
            base_url=service.address or None,
            timeout=max(1, round(settings.timeout_s * 1000)),
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_async_client=http,
        )
        if not service.is_vertex:
            yield genai.Client(vertexai=False, http_options=options)
            return
        credentials, own_project = application_credentials()
        project = service.project or own_project
        if not project:
            raise ConfigurationError(
                "project: neither the settings nor GOOGLE_CLOUD_PROJECT nor the credentials name "
                "one. Set project."
            )
        yield genai.Client(
            vertexai=True,
            project=project,
            location=service.location,
            credentials=credentials,
            http_options=options,
        )
