"""Predictions files for the tests of the evaluation stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tuneline.data.schema import Task
from tuneline.prediction.store import (
    Candidate,
    CandidateKind,
    Prediction,
    PredictionInfo,
    PredictionSet,
    write_predictions,
)

PARAMETERS = {"pet": 1_000, "full": 100_000}


def candidate(name: str, prompt_example: str) -> Candidate:
    kinds: dict[str, CandidateKind] = {"pet": "pet", "full": "full"}
    return Candidate(
        name=name,
        kind=kinds.get(name, "baseline"),
        shots=4 if name == "4-shot" else 0,
        trainable_parameters=PARAMETERS.get(name, 0),
        total_parameters=100_000,
        training_seconds=12.5 if name in PARAMETERS else 0.0,
        prediction_seconds=1.0,
        model_digest="d" * 64,
        prompt_example=prompt_example,
    )


def write_answers(
    path: Path,
    answers: Mapping[str, Sequence[str]],
    references: Sequence[str],
    *,
    task: Task = "classification",
    labels: Sequence[str] = (),
    examples_digest: str = "e" * 64,
    prompt: str = "Which?",
) -> Path:
    """Write one file; `answers` holds what each candidate answered, row by row."""
    classes = task == "classification"
    info = PredictionInfo(
        task=task,
        labels=tuple(sorted(labels or set(references))) if classes else (),
        examples_digest=examples_digest,
        base_model="base",
        base_digest="b" * 64,
        candidates=tuple(candidate(name, f"<user>{prompt}") for name in answers),
    )
    rows = [
        Prediction(
            candidate=name,
            example_id=f"{index:032x}",
            prompt=prompt,
            reference=reference,
            prediction=text,
            label=reference if classes else None,
            prompt_tokens=400 if name == "4-shot" else 90,
            output_tokens=2,
            finish_reason="stop",
        )
        for name, texts in answers.items()
        for index, (reference, text) in enumerate(zip(references, texts, strict=True))
    ]
    write_predictions(path, PredictionSet.of(info, rows))
    return path
