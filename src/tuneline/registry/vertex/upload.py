"""An open tuned model becomes a version: its weights' place and the container that serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.cloud import aiplatform_v1 as service

from tuneline.registry.vertex.made_once import finished, found_or_made, within_quota
from tuneline.registry.vertex.models import model_id
from tuneline.registry.vertex.serving import container
from tuneline.vertex.place import Resource

if TYPE_CHECKING:
    from tuneline.registry.vertex.models import Models
    from tuneline.registry.vertex.version import NewVersion
    from tuneline.registry.weights import Weights


def uploaded(
    models: Models, version: NewVersion, weights: Weights, image: str
) -> tuple[Resource, bool]:
    """Find the version of an open model, or upload it.

    The version carries its labels from the first moment on, and the first one's model has an id
    made from its name: an upload whose answer was lost is found.

    Args:
        models: Where to.
        version: What it is called and found by.
        weights: What is served.
        image: The container that serves them.

    Returns:
        The version, and whether it was made here.
    """

    def find() -> Resource | None:
        parent = models.parent(version.model_name)
        return None if parent is None else models.version_of(parent, version.digest)

    def make() -> Resource:
        request = _request(models, version, weights, image)
        made = finished(models.client.upload_model(request=request, **within_quota()))
        name = Resource.parse(made.model)
        return Resource(name.place, name.kind, name.id, made.model_version_id)

    return found_or_made(find, make)


def _request(
    models: Models, version: NewVersion, weights: Weights, image: str
) -> service.UploadModelRequest:
    parent = models.parent(version.model_name)
    return service.UploadModelRequest(
        parent=models.place.parent,
        parent_model=parent or "",
        model_id="" if parent else model_id(version.model_name),
        model=service.Model(
            display_name=version.model_name,
            version_description=version.description,
            labels=version.labels,
            artifact_uri=weights.uri,
            container_spec=container(image, weights, version.model_name),
        ),
    )
