"""The model service."""

from __future__ import annotations

import copy
from typing import Any

from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.labels import label_problem
from tests.vertex.stand_in.listing import page
from tests.vertex.stand_in.names import canonical, location_of, new_number
from tests.vertex.stand_in.operations import done
from tests.vertex.stand_in.refusals import invalid, precondition
from tests.vertex.stand_in.registry import Registered
from tests.vertex.stand_in.state import Vertex

_OUTPUT_ONLY = ("name", "versionId", "versionAliases", "createTime", "updateTime", "deployedModels")
_MODEL_FIELDS = ("displayName", "description")
_VERSION_FIELDS = ("versionDescription",)


def upload(vertex: Vertex, call: Call) -> dict[str, Any]:
    """UploadModel: a new model, or a new version of one."""
    given = call.request.get("model", {})
    if problem := _problem(given):
        raise invalid(problem)
    aliases = given.get("versionAliases", [])
    version = {field: value for field, value in given.items() if field not in _OUTPUT_ONLY}
    return _added(vertex, call, "UploadModel", copy.deepcopy(version), aliases)


def _problem(model: dict[str, Any]) -> str:
    if not model.get("displayName"):
        return "model.display_name is required."
    if "containerSpec" in model and not model["containerSpec"].get("imageUri"):
        return "model.container_spec.image_uri is required."
    if not model.get("artifactUri", "gs://").startswith("gs://"):
        return "model.artifact_uri should be a Cloud Storage directory: gs://bucket/directory."
    return label_problem(model.get("labels", {}))


def _added(
    vertex: Vertex, call: Call, kind: str, version: dict[str, Any], aliases: list[str]
) -> dict[str, Any]:
    """Enter a version under the asked parent model, or under a new model."""
    parent_model = call.request.get("parentModel", "")
    if not parent_model:
        model = vertex.models.new(call.name, call.request.get("modelId", "") or new_number())
    else:
        model, _ = vertex.models.find(parent_model)
        if location_of(model.name) != location_of(call.name):
            raise invalid(f"The parent model {parent_model} is not in {call.name}.")
    try:
        number = model.add(version, aliases)
    finally:
        if not model.versions:
            vertex.models.remove(model.name)
    return done(call, kind, {"model": model.name, "modelVersionId": number})


def copy_model(vertex: Vertex, call: Call) -> dict[str, Any]:
    """CopyModel: a version of a model elsewhere becomes a new model, or a new version of one."""
    source, number = vertex.models.find(call.request.get("sourceModel", ""))
    version = copy.deepcopy(source.versions[number])
    version["labels"] = {**source.labels, **version.get("labels", {})}
    version["originalModelInfo"] = {"model": f"{source.name}@{number}"}
    version["modelSourceInfo"] = {**version.get("modelSourceInfo", {}), "copy": True}
    return _added(vertex, call, "CopyModel", version, [])


def _view(vertex: Vertex, model: Registered, number: str) -> dict[str, Any]:
    """A version, with the endpoints that answer for it."""
    deployed = [
        {"endpoint": name, "deployedModelId": entry["id"]}
        for name, endpoint in vertex.endpoints.items()
        for entry in endpoint["deployedModels"]
        if (entry["model"], entry["modelVersionId"]) == (model.name, number)
    ]
    shown = model.view(number)
    return {**shown, "deployedModels": deployed} if deployed else shown


def get(vertex: Vertex, call: Call) -> dict[str, Any]:
    """GetModel."""
    return _view(vertex, *vertex.models.find(call.name))


def list_(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListModels: the default version of each."""
    found = [
        _view(vertex, model, model.number_of("")) for model in vertex.models.in_place(call.name)
    ]
    return page(call, found, "models")


def list_versions(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListModelVersions."""
    model, _ = vertex.models.find(call.name)
    return page(call, [_view(vertex, model, number) for number in model.versions], "models")


def update(vertex: Vertex, call: Call) -> dict[str, Any]:
    """UpdateModel: a name with a version changes that version, one without the model."""
    given, mask = call.request["model"], call.request.get("updateMask", "")
    fields = [field for field in mask.split(",") if field]
    if not fields:
        raise invalid("update_mask is required.")
    model, number = vertex.models.find(given["name"])
    reference = canonical(given["name"]).partition("@")[2]
    of_version = reference not in ("", "-")
    allowed = ("labels", *(_VERSION_FIELDS if of_version else _MODEL_FIELDS))
    for field in fields:
        if field not in (*_MODEL_FIELDS, *_VERSION_FIELDS, "labels"):
            raise invalid(f"The field {field} in update_mask cannot be updated.")
        if field not in allowed:
            raise precondition(f"{field} cannot be updated by the name {given['name']}.")
    if "labels" in fields and (problem := label_problem(given.get("labels", {}))):
        raise invalid(problem)
    for field in fields:
        _set(model, number, field, given, of_version=of_version)
    return _view(vertex, model, number)


def _set(
    model: Registered, number: str, field: str, given: dict[str, Any], *, of_version: bool
) -> None:
    changed = [model.versions[number]] if of_version else list(model.versions.values())
    if field == "labels" and not of_version:
        model.labels = dict(given.get("labels", {}))
    else:
        value = given.get(field, {} if field == "labels" else "")
        for version in changed:
            version[field] = copy.deepcopy(value)
    for version in changed:
        version["versionUpdateTime" if of_version else "updateTime"] = now()


def merge_aliases(vertex: Vertex, call: Call) -> dict[str, Any]:
    """MergeVersionAliases."""
    if "@" not in call.name:
        raise invalid(f"The model version is required: {call.name}@VERSION.")
    model, number = vertex.models.find(call.name)
    changes = call.request.get("versionAliases", [])
    if not changes:
        raise invalid("version_aliases is required.")
    model.merge_aliases(number, changes)
    return _view(vertex, model, number)


def delete(vertex: Vertex, call: Call) -> dict[str, Any]:
    """DeleteModel."""
    if "@" in call.name:
        raise invalid(f"A model is deleted by its name without a version, not {call.name}.")
    model, _ = vertex.models.find(call.name)
    _check_free(vertex, model, list(model.versions))
    vertex.models.remove(model.name)
    _forget(vertex, f"{model.name}@")
    return done(call, "Delete")


def delete_version(vertex: Vertex, call: Call) -> dict[str, Any]:
    """DeleteModelVersion."""
    if "@" not in call.name:
        raise invalid(f"The model version is required: {call.name}@VERSION.")
    model, number = vertex.models.find(call.name)
    _check_free(vertex, model, [number])
    model.remove(number)
    _forget(vertex, f"{model.name}@{number}/")
    return done(call, "Delete")


def _check_free(vertex: Vertex, model: Registered, numbers: list[str]) -> None:
    for number in numbers:
        if deployed := _view(vertex, model, number).get("deployedModels"):
            raise precondition(
                f"The Model {model.name}@{number} cannot be deleted: it is deployed at "
                f"{deployed[0]['endpoint']}."
            )


def _forget(vertex: Vertex, prefix: str) -> None:
    """Remove the evaluations of what was deleted."""
    for held in (vertex.evaluations, vertex.slices):
        for name in [name for name in held if name.startswith(prefix)]:
            del held[name]
