"""The prediction stage: one model's answers to the held-out rows, by prompt design or as tuned.

Both kinds of candidates get the same rows, chat template, decoding and limits; they differ in
weights and prompt alone.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import torch

from tuneline.data.schema import Example, read_examples, read_info
from tuneline.errors import DataError
from tuneline.files import require_writable, sha256_file, sha256_folder
from tuneline.models.chat import Message, render
from tuneline.models.loading import load_model, load_tokenizer
from tuneline.models.source import resolve_base_model
from tuneline.models.threads import choose_threads
from tuneline.prediction.generate import Answer, Generator
from tuneline.prediction.prompts import (
    baseline_messages,
    baseline_name,
    choose_shots,
    instruction,
    prompt_messages,
)
from tuneline.prediction.store import (
    Candidate,
    Prediction,
    PredictionInfo,
    PredictionSet,
    write_predictions,
)
from tuneline.training.result import TuningResult, read_result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.prediction.settings import PredictSettings

logger = logging.getLogger("tuneline")


def predict_baselines(
    test: Path, train: Path, base_model: str, settings: PredictSettings, output: Path
) -> PredictionSet:
    """Answer the held-out rows by prompt design: one candidate for each number of shots.

    Args:
        test: Canonical Parquet of the held-out rows.
        train: Canonical Parquet of the training split: shots and the answers' length come from it.
        base_model: Name of the base model, see `resolve_base_model`.
        settings: How to ask.
        output: Predictions file to write.

    Raises:
        ConfigurationError: The base model cannot be found, or there are fewer examples than shots.
        DataError: A split is empty or no canonical Parquet.
        MachineError: The output cannot be written.
    """
    require_writable(output.parent)
    base = resolve_base_model(base_model)
    rows, training = _rows(test), _rows(train)
    chosen = {count: choose_shots(training, count, settings.seed) for count in settings.shots}
    generator, tokenizer, parameters = _generator(base.path, training, settings)
    instruct = instruction(read_info(train))
    candidates: list[Candidate] = []
    predictions: list[Prediction] = []
    for count, shots in chosen.items():
        name = baseline_name(count)
        prompts = [
            render_prompt(tokenizer, baseline_messages(row, shots, instruct)) for row in rows
        ]
        answers, seconds = _timed(generator, prompts, name)
        predictions += _records(name, rows, answers)
        candidates.append(
            Candidate(
                name=name,
                kind="baseline",
                shots=count,
                trainable_parameters=0,
                total_parameters=parameters,
                training_seconds=0.0,
                prediction_seconds=seconds,
                model_digest=base.digest,
                prompt_example=prompts[0],
            )
        )
    return _write(test, base_model, base.digest, candidates, predictions, output)


def predict_tuned(
    test: Path, train: Path, model: Path, settings: PredictSettings, output: Path
) -> PredictionSet:
    """Answer the held-out rows by a tuned model: one candidate, named after its method.

    Args:
        test: Canonical Parquet of the held-out rows.
        train: Canonical Parquet of the training split: the answers' length comes from it.
        model: Output folder of a tuning run.
        settings: How to ask; ``shots`` is not read.
        output: Predictions file to write.

    Raises:
        DataError: The folder holds no finished run, its weights are not those that the run wrote,
            or a split is empty or no canonical Parquet.
        MachineError: The output cannot be written.
    """
    require_writable(output.parent)
    result = read_result(model)
    weights = model / result.model_folder
    _require_unchanged(weights, result)
    rows = _rows(test)
    generator, tokenizer, parameters = _generator(weights, _rows(train), settings)
    prompts = [render_prompt(tokenizer, prompt_messages(row)) for row in rows]
    answers, seconds = _timed(generator, prompts, result.method)
    candidate = Candidate(
        name=result.method,
        kind=result.method,
        shots=0,
        trainable_parameters=result.trainable_parameters,
        total_parameters=parameters,
        training_seconds=result.seconds,
        prediction_seconds=seconds,
        model_digest=result.model_digest,
        prompt_example=prompts[0],
    )
    predictions = _records(result.method, rows, answers)
    base = result.base_model
    return _write(test, base.reference, base.digest, [candidate], predictions, output)


def render_prompt(tokenizer: object, messages: Sequence[Message]) -> str:
    """Render a chat up to the place where the model answers."""
    return render(tokenizer, messages, generation_prompt=True)


def _rows(path: Path) -> list[Example]:
    rows = list(read_examples(path))
    if not rows:
        raise DataError(f"{path}: this split holds no examples, so nothing can be measured on it.")
    return rows


def _require_unchanged(weights: Path, result: TuningResult) -> None:
    if sha256_folder(weights) != result.model_digest:
        raise DataError(
            f"{weights}: its files are not those that the tuning run wrote (their SHA-256 differs "
            "from result.json). Tune again."
        )


def _generator(
    weights: Path, training: Sequence[Example], settings: PredictSettings
) -> tuple[Generator, object, int]:
    tokenizer = load_tokenizer(weights)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = "bfloat16" if device == "cuda" else "float32"
    model = load_model(weights, dtype=dtype).to(device).eval()
    choose_threads(model.num_parameters())
    longest = settings.max_new_tokens or _longest_answer(tokenizer, training)
    generator = Generator(model, tokenizer, max_new_tokens=longest, batch_size=settings.batch_size)
    return generator, tokenizer, model.num_parameters()


def _longest_answer(tokenizer: object, training: Sequence[Example]) -> int:
    """A quarter more tokens than the longest training answer, and one for the end of the turn."""
    answers = sorted({example.answer for example in training})
    ids = tokenizer(answers, add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    return 1 + max(len(answer) for answer in ids) * 5 // 4


def _timed(generator: Generator, prompts: Sequence[str], name: str) -> tuple[list[Answer], float]:
    started = time.monotonic()
    answers = generator.answer(prompts, name)
    seconds = round(time.monotonic() - started, 3)
    logger.info("predict: %s answered %d rows in %.1f s", name, len(prompts), seconds)
    return answers, seconds


def _records(name: str, rows: Sequence[Example], answers: Sequence[Answer]) -> list[Prediction]:
    return [
        Prediction(
            candidate=name,
            example_id=row.example_id,
            prompt=row.turns[-2].text,
            reference=row.answer,
            prediction=answer.text,
            label=row.label,
            prompt_tokens=answer.prompt_tokens,
            output_tokens=answer.output_tokens,
            finish_reason=answer.finish_reason,
        )
        for row, answer in zip(rows, answers, strict=True)
    ]


def _write(
    test: Path,
    base_model: str,
    base_digest: str,
    candidates: Sequence[Candidate],
    predictions: Sequence[Prediction],
    output: Path,
) -> PredictionSet:
    info = read_info(test)
    predicted = PredictionSet.of(
        PredictionInfo(
            task=info.task,
            labels=info.labels,
            examples_digest=sha256_file(test),
            base_model=base_model,
            base_digest=base_digest,
            candidates=tuple(candidates),
        ),
        predictions,
    )
    write_predictions(output, predicted)
    return predicted
