"""The prediction stage: one model's answers to the held-out rows, by prompt design or as tuned.

All candidates get the same rows, decoding and limits; they differ in weights and prompt alone.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tuneline.data.schema import read_examples, read_info
from tuneline.errors import ConfigurationError, DataError
from tuneline.files import require_writable, sha256_folder
from tuneline.models.chat import images_of
from tuneline.models.source import copied_folder, resolve_base_model
from tuneline.prediction.asked import read_asked
from tuneline.prediction.candidates import Answered, Base, ask, write
from tuneline.prediction.gemini.names import is_gemini, parse
from tuneline.prediction.leakage import require_apart, require_split, require_tuned_on
from tuneline.prediction.prompts import Question, baseline_name, instruction
from tuneline.prediction.shots import ShotPool
from tuneline.training.result import read_result
from tuneline.vertex.tuning.result import read_managed_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.prediction.answering import AnsweringModel
    from tuneline.prediction.settings import PredictSettings
    from tuneline.prediction.store import PredictionFile
    from tuneline.training.result import TuningResult
    from tuneline.vertex.tuning.result import ManagedResult


def predict_baselines(
    test: Path, train: Path, base_model: str, settings: PredictSettings, output: Path
) -> PredictionFile:
    """Answer the held-out rows by prompt design: one candidate for each number of shots.

    Args:
        test: Canonical Parquet of the held-out rows.
        train: Canonical Parquet of the training split: shots and the answers' length come from it.
        base_model: Name of the base model, see `resolve_base_model`, or of a Gemini model.
        settings: How to ask.
        output: Predictions file to write.

    Raises:
        ConfigurationError: The base model cannot be found, or there are fewer examples than shots.
        DataError: A split is empty or no canonical Parquet, holds what the model cannot take, or
            shares prompts with the other.
        MachineError: The output cannot be written, or the device's memory does not suffice.
        ServiceError: A service does not answer.
    """
    require_writable(output.parent)
    folder = None if is_gemini(base_model) else resolve_base_model(base_model)
    require_apart(test, train)
    designs = _designs(test, train, settings)
    if folder is None:
        base = Base(base_model, parse(base_model).resource)
        model = _managed(base_model, settings, output)
    else:
        base = Base(base_model, folder.digest)
        questions = [question for asked in designs.values() for question in asked]
        model = _open(folder.path, train, settings, folder.path, questions)
    answered = [
        ask(model, questions, baseline_name(count), "baseline", base).with_facts(
            shots=count, shot_choice=settings.shot_choice if count else ""
        )
        for count, questions in designs.items()
    ]
    return write(test, train, base, answered, output)


def predict_tuned(
    test: Path,
    train: Path,
    model: Path,
    settings: PredictSettings,
    output: Path,
    *,
    name: str = "",
    training_fraction: float = 1.0,
    tuned_on: Path | None = None,
) -> PredictionFile:
    """Answer the held-out rows by a tuned model: one candidate, named after its method.

    Args:
        test: Canonical Parquet of the held-out rows.
        train: Canonical Parquet of the training split that the run read: the answers' length
            comes from it.
        model: Output folder of a tuning run.
        settings: How to ask; ``shots`` is not read.
        output: Predictions file to write.
        name: The candidate's name; empty: its method.
        training_fraction: Share of the training split that it was tuned on.
        tuned_on: Canonical Parquet of that share; None: it was tuned on all of it.

    Raises:
        ConfigurationError: The base model that it was tuned from cannot be found.
        DataError: The folder holds no finished run, the run read another training split, its
            weights are not those that the run wrote or not changed by tuning, or a split is empty,
            no canonical Parquet or shares prompts with the other.
        MachineError: The output cannot be written, or the device's memory does not suffice.
    """
    require_writable(output.parent)
    result = read_result(model)
    require_apart(test, train)
    require_tuned_on(train, model, result, tuned_on)
    base = Base(result.base_model.reference, result.base_model.digest)
    questions = [Question(asked) for asked in read_asked(test, settings.turns)]
    loaded = _tuned(model, result, train, settings, questions)
    answered = ask(loaded, questions, name or result.method, result.method, base)
    described = _as_tuned(answered, model, result).with_facts(training_fraction=training_fraction)
    return write(test, train, base, [described], output)


def predict_endpoint(
    test: Path,
    train: Path,
    endpoint: str,
    settings: PredictSettings,
    output: Path,
    *,
    name: str = "",
    base_model: str = "",
    training_seconds: float = 0.0,
    model_digest: str = "",
) -> PredictionFile:
    """Answer the held-out rows by a tuned model behind a service: one candidate.

    Args:
        test: Canonical Parquet of the held-out rows.
        train: Canonical Parquet of the training split, whose rows are counted.
        endpoint: ``projects/PROJECT/locations/LOCATION/endpoints/ID``.
        settings: How to ask; ``shots`` is not read.
        output: Predictions file to write.
        name: The candidate's name; empty: ``pet``, as such services tune.
        base_model: The Gemini model that was tuned, where known.
        training_seconds: Time that tuning took, where known.
        model_digest: What registries know the model by, where known; empty: the endpoint.

    Raises:
        ConfigurationError: The name is no endpoint's, or the service refuses.
        DataError: A split is empty, no canonical Parquet or shares prompts with the other.
        MachineError: The output or the journal cannot be written.
        ServiceError: The service does not answer.
    """
    require_writable(output.parent)
    _require_endpoint(endpoint)
    require_apart(test, train)
    base = Base(base_model or endpoint, parse(base_model or endpoint).resource)
    questions = [Question(asked) for asked in read_asked(test, settings.turns)]
    rows = sum(1 for _ in read_examples(train))
    model = _managed(endpoint, settings, output, base_model)
    answered = ask(model, questions, name or "pet", "pet", base).with_facts(
        model=endpoint,
        model_digest=model_digest or endpoint,
        training_seconds=training_seconds,
        training_rows=rows,
    )
    return write(test, train, base, [answered], output)


def predict_managed(
    test: Path, train: Path, tuning: Path, settings: PredictSettings, output: Path
) -> PredictionFile:
    """Answer the held-out rows by a model that a service tuned: one candidate, of its method.

    Gemini answers from its endpoint; of an open model the weights are brought here.

    Args:
        test: Canonical Parquet of the held-out rows.
        train: Canonical Parquet of the training split that the service was sent.
        tuning: Result of the tuning job.
        settings: How to ask; ``shots`` is not read.
        output: Predictions file to write.

    Raises:
        ConfigurationError: The service refuses, or the weights or their base model are not found.
        DataError: The result is none, the job was sent another training split, or a split is
            empty, no canonical Parquet or shares prompts with the other.
        MachineError: The output cannot be written, or the device's memory does not suffice.
        ServiceError: The service or the store does not answer.
    """
    result = read_managed_result(tuning)
    require_split(train, tuning, result.data["train"].digest)
    if result.engine == "gemini":
        return predict_endpoint(
            test,
            train,
            result.endpoint,
            settings,
            output,
            base_model=result.base_model.reference,
            training_seconds=result.seconds,
            model_digest=result.model_digest,
        )
    return _predict_weights(test, train, result, settings, output)


def _predict_weights(
    test: Path, train: Path, result: ManagedResult, settings: PredictSettings, output: Path
) -> PredictionFile:
    require_writable(output.parent)
    require_apart(test, train)
    base_model = resolve_base_model(result.base_weights)
    base = Base(base_model.reference, base_model.digest)
    questions = [Question(asked) for asked in read_asked(test, settings.turns)]
    with TemporaryDirectory(prefix=f"{output.name}-", dir=output.parent) as scratch:
        weights = _whole_weights(result, Path(scratch) / "merged")
        loaded = _open(weights, train, settings, base_model.path, questions)
        answered = ask(loaded, questions, result.method, result.method, base).with_facts(
            model=result.weights_uri,
            model_digest=result.model_digest,
            training_seconds=result.seconds,
            training_rows=result.data["train"].rows,
        )
    return write(test, train, base, [answered], output)


def _whole_weights(result: ManagedResult, merged: Path) -> Path:
    """Folder of the tuned weights; an adapter is merged with its base model first."""
    folder = copied_folder("weights_uri", result.weights_uri)
    if (folder / "adapter_config.json").is_file():
        from tuneline.training.merge import merge

        return merge(result.weights_uri, merged, result.base_weights).folder
    return folder


def _require_endpoint(name: str) -> None:
    if not parse(name).is_endpoint:
        raise ConfigurationError(
            f"endpoint: {name!r} is a model that anyone can ask, not a tuned one. Give the tuning "
            "job's endpoint, or predict it as a baseline."
        )


def _designs(test: Path, train: Path, settings: PredictSettings) -> dict[int, list[Question]]:
    """The questions of each baseline, by its number of shots."""
    asked = list(read_asked(test, settings.turns))
    instruct = instruction(read_info(train))
    if not any(settings.shots):
        return {0: [Question(row, (), instruct) for row in asked]}
    solved = (row.example for row in read_asked(train, "last"))
    pool = ShotPool(solved, settings.shot_choice, settings.seed)
    return {
        count: [
            Question(row, shots, instruct)
            for row, shots in zip(asked, pool.choose(asked, count), strict=True)
        ]
        for count in settings.shots
    }


def _open(
    weights: Path,
    train: Path,
    settings: PredictSettings,
    base: Path,
    questions: Sequence[Question],
) -> AnsweringModel:
    # These import torch, which managed models do not need.
    if any(images_of(question.solved) for question in questions):
        from tuneline.prediction.image_model import ImageModel

        return ImageModel(weights, train, settings)
    from tuneline.prediction.open_model import OpenModel

    return OpenModel(weights, train, settings, base)


def _managed(
    model: str, settings: PredictSettings, output: Path, tuned_from: str = ""
) -> AnsweringModel:
    from tuneline.prediction.managed_model import ManagedModel  # google-genai, likewise

    return ManagedModel(model, settings, output, tuned_from)


def _tuned(
    folder: Path,
    result: TuningResult,
    train: Path,
    settings: PredictSettings,
    questions: Sequence[Question],
) -> AnsweringModel:
    """The model of a tuning run, after proof that it is what the run wrote and learned."""
    from tuneline.prediction.adapter_check import require_applied

    if result.model_folder == "adapter":
        raise ConfigurationError(
            f"{folder}: holds an adapter that was not merged, and a merged model is what answers. "
            f"Merge it first: tuneline merge {folder}"
        )
    weights = folder / result.model_folder
    if sha256_folder(weights) != result.model_digest:
        raise DataError(
            f"{weights}: its files are not those that the tuning run wrote (their SHA-256 differs "
            "from result.json). Tune again."
        )
    base = require_applied(folder, result)
    return _open(weights, train, settings, base.path, questions)


def _as_tuned(answered: Answered, folder: Path, result: TuningResult) -> Answered:
    """The candidate with what its tuning run says of it."""
    split = result.data["train"]
    adapter = (folder / "adapter").glob("*.safetensors")
    return answered.with_facts(
        model_digest=result.model_digest,
        trainable_parameters=result.trainable_parameters,
        adapter_bytes=sum(file.stat().st_size for file in adapter),
        training_seconds=result.seconds,
        training_rows=split.rows - split.too_long,
    )
