"""The services and methods that there are, and the HTTP rules that the installed SDK has for them.

Paths come from the SDK's own transports, so that a client and the stand-in cannot disagree on one.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

VERSIONS = ("v1", "v1beta1")

# Method, and the name of its answer's type.
_SERVICES: dict[str, dict[str, str]] = {
    "GenAiTuningService": {
        "CreateTuningJob": "TuningJob",
        "GetTuningJob": "TuningJob",
        "ListTuningJobs": "ListTuningJobsResponse",
        "CancelTuningJob": "Empty",
    },
    "PipelineService": {
        "CreatePipelineJob": "PipelineJob",
        "GetPipelineJob": "PipelineJob",
        "ListPipelineJobs": "ListPipelineJobsResponse",
        "CancelPipelineJob": "Empty",
        "DeletePipelineJob": "Operation",
    },
    "ScheduleService": {
        "CreateSchedule": "Schedule",
        "GetSchedule": "Schedule",
        "ListSchedules": "ListSchedulesResponse",
        "PauseSchedule": "Empty",
        "ResumeSchedule": "Empty",
        "DeleteSchedule": "Operation",
    },
    "ModelService": {
        "UploadModel": "Operation",
        "CopyModel": "Operation",
        "GetModel": "Model",
        "ListModels": "ListModelsResponse",
        "ListModelVersions": "ListModelVersionsResponse",
        "UpdateModel": "Model",
        "MergeVersionAliases": "Model",
        "DeleteModel": "Operation",
        "DeleteModelVersion": "Operation",
        "ImportModelEvaluation": "ModelEvaluation",
        "ListModelEvaluations": "ListModelEvaluationsResponse",
        "GetModelEvaluation": "ModelEvaluation",
        "BatchImportModelEvaluationSlices": "BatchImportModelEvaluationSlicesResponse",
        "ListModelEvaluationSlices": "ListModelEvaluationSlicesResponse",
    },
    "MetadataService": {"GetContext": "Context"},
    "TensorboardService": {
        "ListTensorboardRuns": "ListTensorboardRunsResponse",
        "ListTensorboardTimeSeries": "ListTensorboardTimeSeriesResponse",
        "ReadTensorboardTimeSeriesData": "ReadTensorboardTimeSeriesDataResponse",
    },
    "EndpointService": {"GetEndpoint": "Endpoint", "DeleteEndpoint": "Operation"},
}
_COMMON = {"Empty": empty_pb2.Empty, "Operation": operations_pb2.Operation}


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service in one version.

    Attributes:
        service: Its full name.
        name: The method's name.
        version: ``v1`` or ``v1beta1``.
        request: Protobuf class of the request.
        response: Protobuf class of the answer.
        verb: Of HTTP.
        pattern: What paths match; a group for each field that is in the path.
        body: The field that the HTTP body is; ``*``: all that are not in the path; empty: none.
    """

    service: str
    name: str
    version: str
    request: Any
    response: Any
    verb: str
    pattern: re.Pattern[str]
    body: str


@cache
def methods() -> tuple[Method, ...]:
    """Every method in every version."""
    return tuple(
        _method(version, service, name, answer)
        for version in VERSIONS
        for service, names in _SERVICES.items()
        for name, answer in names.items()
    )


def _method(version: str, service: str, name: str, answer: str) -> Method:
    package = f"google.cloud.aiplatform_{version}"
    types = importlib.import_module(f"{package}.types")
    rule = _http_rule(package, service, name)
    return Method(
        f"google.cloud.aiplatform.{version}.{service}",
        name,
        version,
        _protobuf(types, f"{name}Request"),
        _COMMON.get(answer) or _protobuf(types, answer),
        rule["method"],
        _pattern(rule["uri"]),
        camel(rule.get("body", "")),
    )


def _protobuf(types: Any, name: str) -> Any:
    return getattr(types, name).pb()


def _http_rule(package: str, service: str, name: str) -> dict[str, str]:
    folder = re.sub(r"(?<!^)(?=[A-Z])", "_", service).lower()
    module = importlib.import_module(f"{package}.services.{folder}.transports.rest_base")
    transport = getattr(module, f"_Base{service}RestTransport")
    rules: list[dict[str, str]] = getattr(transport, f"_Base{name}")._get_http_options()
    return rules[0]


def _pattern(uri: str) -> re.Pattern[str]:
    """A pattern of a rule such as ``/v1/{model.name=projects/*/models/*}:verb``."""
    parts = re.split(r"\{([^=}]+)=([^}]+)\}", uri)
    text = re.escape(parts[0])
    for field, template, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        group = camel(field).replace(".", "__")
        text += f"(?P<{group}>{template.replace('*', '[^/:]+')})" + re.escape(rest)
    return re.compile(text)


def camel(name: str) -> str:
    """A field's name as JSON has it."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
