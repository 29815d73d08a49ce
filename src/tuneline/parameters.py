"""A pipeline run's parameters, checked as one before anything costs money or time.

They are checked twice by the same model: on the machine that submits, and in the run's first step,
since a compiled spec can be started by hands that never saw the first check.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from tuneline.data.settings import PrepareSettings
from tuneline.data.sources.fingerprint import fingerprint
from tuneline.data.targets.catalogue import is_managed
from tuneline.errors import ConfigurationError
from tuneline.evaluation.settings import EvaluationSettings
from tuneline.models.source import EMBEDDED, base_model_fingerprint, reference_problem
from tuneline.prediction.gemini.names import catalogued, is_gemini
from tuneline.prediction.settings import PredictSettings
from tuneline.registry.kubeflow.address import kubeflow_registry
from tuneline.registry.settings import RegisterSettings, vertex_registry
from tuneline.settings import validated
from tuneline.training.settings import METHODS, TrainConfig
from tuneline.vertex.tuning.limits import require_possible
from tuneline.vertex.tuning.settings import ManagedSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class RunParameters(BaseModel):
    """The parameters that all pipelines share, with the names they have everywhere.

    Attributes:
        data: Path, glob, folder or URI of the labeled examples.
        test_data: The user's own held-out file; empty: held out from ``data``.
        prompt_template: For named columns, such as ``{text}``.
        completion_template: For named columns, such as ``{category}``.
        data_settings: Any further field of `PrepareSettings`.
        base_model: ``embedded``, a folder, a hub id or a gs:// URI.
        method: ``pet`` or ``full``; empty in pipelines that run both.
        preset: ``quick``, ``balanced`` or ``quality``.
        overrides: Any field of `TrainingSettings`; under ``pet`` or ``full``, for one method.
        shots: Numbers of examples in the prompts of the baselines.
        prediction_settings: Any further field of `PredictSettings`.
        evaluation_settings: Any field of `EvaluationSettings`.
        model_name: Name in the registry.
        registry: Folder of a local registry, or an MLflow tracking URI.
        seed: Seeds the split, the shots and tuning.
        fractions: Parts of the training split that are tuned on beside all of it; empty in
            pipelines that draw no learning curve.
        project: Google Cloud project of managed tuning; empty for the trainer.
        location: Where a managed job runs; empty: the model's usual place.
        staging: Folder of a bucket, gs://, that managed tuning reads its files from.
        max_cost_usd: Most that managed tuning may cost.
        base_weights: Weights of a managed open model: a hub id, a folder or a gs:// URI.
        serving_image: Container that serves an open model registered on Vertex AI.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    test_data: str = ""
    prompt_template: str = ""
    completion_template: str = ""
    data_settings: dict[str, Any] = Field(default_factory=dict)
    base_model: str = EMBEDDED
    method: str = ""
    preset: str = "balanced"
    overrides: dict[str, Any] = Field(default_factory=dict)
    shots: list[int] = Field(default_factory=lambda: [0, 4])
    prediction_settings: dict[str, Any] = Field(default_factory=dict)
    evaluation_settings: dict[str, Any] = Field(default_factory=dict)
    model_name: str = "tuned-model"
    registry: str = "tuneline-registry"
    seed: int = 0
    fractions: list[float] = Field(default_factory=list)
    project: str = ""
    location: str = ""
    staging: str = ""
    max_cost_usd: float = 20.0
    base_weights: str = ""
    serving_image: str = ""


class Fingerprints(NamedTuple):
    """Digests of what a run's sources hold now."""

    data: str
    base_model: str
    evaluation: str


def prepare_settings(values: Mapping[str, Any]) -> PrepareSettings:
    """The data stage's settings out of a run's parameters."""
    names = ("data", "test_data", "prompt_template", "completion_template", "seed")
    own = {name: values[name] for name in names if name in values}
    given = {**own, **values.get("data_settings", {})}
    if managed_model := values.get("managed_model", ""):
        given = {**_for_service(managed_model, values), **given}
    return validated(PrepareSettings, given, source="data settings")


def _for_service(model: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the data stage that follow from those of managed tuning.

    What the service would refuse or drop is kept aside before it is paid for; where the catalogue
    is only to warn, the service judges.
    """
    overrides = values.get("overrides", {})
    strict = overrides.get("catalogue_checks", "strict") == "strict"
    return {
        "target": model if strict else "",
        "catalogue": overrides.get("catalogue", "") if strict else "",
        "tokenizer": overrides.get("tokenizer", ""),
        "media_upload": f"{values['staging'].rstrip('/')}/media",
    }


def predict_settings(values: Mapping[str, Any]) -> PredictSettings:
    """The prediction stage's settings out of a run's parameters."""
    own = {name: values[name] for name in ("shots", "seed") if name in values}
    given = {**own, **values.get("prediction_settings", {})}
    if staging := values.get("staging", ""):
        given.setdefault("journal", f"{staging.rstrip('/')}/answers")  # a rerun pays for none again
    if project := values.get("project", ""):
        # Not the region of GOOGLE_CLOUD_LOCATION: where models are tuned they need not be served.
        place = {"project": project, "location": "global"}
        given["gemini"] = {**place, **given.get("gemini", {})}
    return validated(PredictSettings, given, source="prediction")


def evaluation_settings(values: Mapping[str, Any]) -> EvaluationSettings:
    """The evaluation stage's settings out of a run's parameters."""
    given = {"seed": values.get("seed", 0), **values.get("evaluation_settings", {})}
    return validated(EvaluationSettings, given, source="evaluation")


def train_config(values: Mapping[str, Any], **paths: Path) -> TrainConfig:
    """The tuning stage's configuration out of a run's parameters and the paths of its files."""
    overrides = values.get("overrides", {})
    given = {
        "base_model": values["base_model"],
        "method": values["method"],
        "preset": values["preset"],
        "overrides": {"seed": values.get("seed", 0), **overrides},
        **paths,
    }
    return validated(TrainConfig, given, source="tuning settings")


def managed_settings(values: Mapping[str, Any]) -> ManagedSettings:
    """The settings of managed tuning out of a run's parameters."""
    names = (
        *("base_model", "project", "location", "staging"),
        *("model_name", "base_weights", "max_cost_usd"),
    )
    overrides = values.get("overrides", {})
    problems = [
        f"overrides: {name}: is a parameter of the pipeline; set it there."
        for name in (*names, "method")
        if name in overrides
    ]
    if problems:
        raise ConfigurationError(problems)
    problems = [
        f"parameters: {name}: is required: -p {name}={example}."
        for name, example in (("project", "PROJECT"), ("staging", "gs://BUCKET/PREFIX"))
        if not values.get(name, "")
    ]
    if problems:
        raise ConfigurationError(problems)
    own = {name: values[name] for name in names if name in values}
    given = {**own, "method": values.get("method") or "pet", **overrides}
    return validated(ManagedSettings, given, source="tuning settings")


def checked(values: Mapping[str, Any]) -> RunParameters:
    """Check a run's parameters as far as it goes without reading data or loading a model.

    Raises:
        ConfigurationError: Lists every problem of every stage.
    """
    parameters = validated(RunParameters, values, source="parameters")
    given = parameters.model_dump()
    managed = is_managed_run(given)
    checks: list[Callable[[], object]] = [
        lambda: prepare_settings(
            {**given, "managed_model": parameters.base_model if parameters.staging else ""}
        ),
        lambda: predict_settings(given),
        lambda: evaluation_settings(given),
        lambda: validated(
            RegisterSettings,
            {
                "registry": parameters.registry,
                "model_name": parameters.model_name,
                "serving_image": parameters.serving_image,
            },
            source="parameters",
        ),
        *(_managed_checks(given) if managed else _trainer_checks(given)),
    ]
    problems = [problem for check in checks for problem in _problems(check)]
    problems += [
        f"parameters: fractions: must be above 0 and below 1, not {share:g}."
        for share in parameters.fractions
        if not 0 < share < 1
    ]
    if len(set(parameters.fractions)) < len(parameters.fractions):
        problems.append("parameters: fractions: names one part twice. Give each once.")
    reference = parameters.base_weights if managed else parameters.base_model
    if reference and (problem := reference_problem(reference)):
        problems.append(problem)
    problems += _problems(lambda: _require_registrable(parameters, managed=managed))
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return parameters


def fingerprints(values: Mapping[str, Any]) -> Fingerprints:
    """Check a run's parameters, then take digests of its sources.

    Raises:
        ConfigurationError: A parameter is wrong, or a source names nothing.
    """
    parameters = checked(values)
    settings = prepare_settings(parameters.model_dump())
    sources = [uri for uris in settings.given.values() for uri, _ in uris]
    # What else decides about rows may change behind its path too.
    sources += [path for path in (settings.catalogue, settings.tokenizer) if Path(path).exists()]
    measured_with = evaluation_settings(parameters.model_dump()).files
    return Fingerprints(
        fingerprint(sources),
        _base_fingerprint(parameters),
        fingerprint(measured_with) if measured_with else "",
    )


def _base_fingerprint(parameters: RunParameters) -> str:
    if not is_managed_run(parameters.model_dump()):
        return base_model_fingerprint(parameters.base_model)
    weights = parameters.base_weights
    # A service shows no weights of its own: their name stands for them.
    return base_model_fingerprint(weights) if weights else parameters.base_model


def is_managed_run(values: Mapping[str, Any]) -> bool:
    """Whether a run's model is tuned by a service: it is such a model, or a bucket was staged."""
    catalogue = str(values.get("overrides", {}).get("catalogue", ""))
    return bool(values.get("staging")) or is_managed(values.get("base_model", ""), catalogue)


def _require_registrable(parameters: RunParameters, *, managed: bool) -> None:
    """Refuse at the start what registration would refuse at the end."""
    gemini = managed and is_gemini(parameters.base_model)
    if gemini and kubeflow_registry(parameters.registry):
        raise ConfigurationError(
            "parameters: registry: the service keeps a tuned Gemini model's weights to itself, and "
            "Kubeflow Model Registry keeps where weights lie. Use "
            f"vertex://{parameters.project} or an MLflow server."
        )
    vertex = vertex_registry(parameters.registry)
    if vertex is None:
        return
    if not gemini:
        if not parameters.serving_image:
            raise ConfigurationError(
                "parameters: serving_image: is required: Vertex AI registers an open model with "
                "the container that serves it. Name an image with vLLM in Artifact Registry."
            )
        return
    if vertex.project != parameters.project:
        raise ConfigurationError(
            "parameters: registry: a tuned Gemini model is registered in the project that it was "
            f"tuned in: vertex://{parameters.project}, not vertex://{vertex.project}."
        )
    entry = catalogued(parameters.base_model)
    served = entry.locations.serving if entry else "unknown"
    if vertex.location and not isinstance(served, str) and vertex.location not in served:
        raise ConfigurationError(
            f"parameters: registry: a tuned {parameters.base_model} is served from "
            f"{' or '.join(served)}, and is registered there, not in {vertex.location}. Leave the "
            f"location out: vertex://{vertex.project}."
        )


def _managed_checks(given: Mapping[str, Any]) -> list[Callable[[], object]]:
    def check() -> None:
        if not given["staging"]:
            raise ConfigurationError(
                f"parameters: base_model: {given['base_model']} is tuned by a service: run the "
                "pipeline gemini_tuning or managed_open_tuning, and set project and staging."
            )
        settings = managed_settings(given)
        if settings.engine == "vertex-open" and not given["method"]:
            raise ConfigurationError("parameters: method: must be pet or full.")
        require_possible(settings)

    return [check]


def _trainer_checks(given: Mapping[str, Any]) -> list[Callable[[], object]]:
    nowhere = {"train": Path("train"), "validation": Path("validation"), "output": Path("output")}
    methods = [given["method"]] if given["method"] else METHODS
    return [partial(train_config, {**given, "method": method}, **nowhere) for method in methods]


def _problems(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except ConfigurationError as error:
        return error.problems
    return []
