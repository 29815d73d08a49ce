"""Which tuning jobs the service takes, and in which words it refuses the rest."""

from __future__ import annotations

from typing import Any

from tests.vertex.stand_in import datasets
from tests.vertex.stand_in.base_models import OPEN, OPEN_LOCATIONS, SERVED_FROM, gemini_of, is_open
from tests.vertex.stand_in.datasets import Dataset
from tests.vertex.stand_in.labels import label_problem
from tests.vertex.stand_in.refusals import RefusedError, invalid, precondition, violations

_SPEC = "tuning_job.supervised_tuning_spec"
_HYPER = f"{_SPEC}.hyper_parameters"
_ADAPTER = "The adapter size is not supported for this base model."
_SIZES = {
    "ADAPTER_SIZE_ONE": 1,
    "ADAPTER_SIZE_TWO": 2,
    "ADAPTER_SIZE_FOUR": 4,
    "ADAPTER_SIZE_EIGHT": 8,
    "ADAPTER_SIZE_SIXTEEN": 16,
    "ADAPTER_SIZE_THIRTY_TWO": 32,
}
_Violations = list[tuple[str, str]]


def judged(job: dict[str, Any], base_model: str, location: str) -> tuple[Dataset, Dataset]:
    """The training and the validation file of a job that is right; the second may be empty.

    Args:
        job: As it was sent.
        base_model: Of the job, or of the model that it goes on from.
        location: Where it was sent to.

    Raises:
        RefusedError: It is not right.
    """
    if "supervisedTuningSpec" not in job:
        raise violations([(_SPEC, "Required field is not set.")])
    open_model = is_open(base_model)
    if not open_model and gemini_of(base_model) is None:
        raise invalid(f"Base model {base_model} is not supported.")
    if open_model and base_model not in OPEN:
        raise invalid("Invalid open source publisher model resource name")
    if refusal := _misplaced(job, base_model, location):
        raise refusal
    found = _open_violations(job, base_model) if open_model else _gemini_violations(job, base_model)
    if problem := label_problem(job.get("labels", {})):
        found.append(("tuning_job.labels", problem))
    found += _number_violations(job["supervisedTuningSpec"])
    if found:
        raise violations(found)
    return _files(job["supervisedTuningSpec"], open_model=open_model)


def _misplaced(job: dict[str, Any], base_model: str, location: str) -> RefusedError | None:
    key = job.get("encryptionSpec", {}).get("kmsKeyName")
    gemini = gemini_of(base_model)
    if key and location == "global":
        return precondition("CMEK is not supported in the global location.")
    if gemini is None:
        if location not in OPEN_LOCATIONS:
            return precondition(f"Tuning of open models is not supported in {location}.")
        return None
    if location == "global":
        return precondition(f"Tuning of {base_model} is not supported in the global location.")
    if gemini.third and location not in SERVED_FROM:
        return precondition(f"Tuning of {base_model} is not supported in {location}.")
    if gemini.third and key:
        return precondition(f"CMEK is not supported for {base_model}.")
    return None


def _gemini_violations(job: dict[str, Any], base_model: str) -> _Violations:
    gemini, spec = gemini_of(base_model), job["supervisedTuningSpec"]
    assert gemini is not None
    hyper = spec.get("hyperParameters", {})
    found = [
        (f"{_HYPER}.{name}", f"{name} is only supported for open source models.")
        for name, field in (("learning_rate", "learningRate"), ("batch_size", "batchSize"))
        if field in hyper
    ]
    if (size := hyper.get("adapterSize")) and _SIZES.get(size) not in gemini.adapter_sizes:
        found.append((f"{_HYPER}.adapter_size", _ADAPTER))
    for field, text in (("outputUri", "output_uri"), ("customBaseModel", "custom_base_model")):
        if field in job:
            found.append((f"tuning_job.{text}", f"{text} is only for open source models."))
    if spec.get("tuningMode", "TUNING_MODE_PEFT_ADAPTER") != "TUNING_MODE_PEFT_ADAPTER":
        found.append((f"{_SPEC}.tuning_mode", "The tuning mode is not supported for this model."))
    return found


def _open_violations(job: dict[str, Any], base_model: str) -> _Violations:
    model, spec = OPEN[base_model], job["supervisedTuningSpec"]
    hyper, mode = spec.get("hyperParameters", {}), spec.get("tuningMode", "")
    found: _Violations = []
    if not job.get("outputUri"):
        raise invalid("The output_uri field is required for this model.")
    if not job["outputUri"].startswith("gs://"):
        found.append(("tuning_job.output_uri", "output_uri should be a GCS directory."))
    if mode not in model.modes:
        found.append((f"{_SPEC}.tuning_mode", "The tuning mode is not supported for this model."))
    sizes = model.adapter_sizes if mode == "TUNING_MODE_PEFT_ADAPTER" else ()
    if (size := hyper.get("adapterSize")) and _SIZES.get(size) not in sizes:
        found.append((f"{_HYPER}.adapter_size", _ADAPTER))
    if "learningRateMultiplier" in hyper:
        text = "learning_rate_multiplier is not supported for open source models."
        found.append((f"{_HYPER}.learning_rate_multiplier", text))
    if spec.get("exportLastCheckpointOnly"):
        text = "export_last_checkpoint_only is not supported for open source models."
        found.append((f"{_SPEC}.export_last_checkpoint_only", text))
    return found


def _number_violations(spec: dict[str, Any]) -> _Violations:
    hyper = spec.get("hyperParameters", {})
    fields = {
        "epoch_count": "epochCount",
        "learning_rate_multiplier": "learningRateMultiplier",
        "learning_rate": "learningRate",
        "batch_size": "batchSize",
    }
    return [
        (f"{_HYPER}.{name}", f"{name} must be positive.")
        for name, field in fields.items()
        if field in hyper and float(hyper[field]) <= 0
    ]


def _files(spec: dict[str, Any], *, open_model: bool) -> tuple[Dataset, Dataset]:
    training = datasets.load(
        spec.get("trainingDatasetUri", ""), "training_dataset_uri", open_model=open_model
    )
    validation, found = Dataset(), []
    if training.problem:
        found.append((f"{_SPEC}.training_dataset_uri", training.problem))
    if uri := spec.get("validationDatasetUri"):
        validation = datasets.load(uri, "validation_dataset_uri", open_model=open_model)
        problem = validation.problem or (
            not found and datasets.pair_problem(training, validation, open_model=open_model)
        )
        if problem:
            found.append((f"{_SPEC}.validation_dataset_uri", problem))
    if found:
        raise violations(found)
    return training, validation
