"""Predictions files for the tests of the evaluation stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuneline.data.schema import Task
from tuneline.prediction.answer import FinishReason
from tuneline.prediction.store import (
    Candidate,
    CandidateKind,
    Prediction,
    PredictionInfo,
    write_predictions,
)

PARAMETERS = {"pet": 1_000, "full": 100_000}


def candidate(name: str, prompt_example: str, **changed: Any) -> Candidate:
    """A candidate told by its name: pet, full, parts of them ("pet 25 %"), or a baseline."""
    kinds: dict[str, CandidateKind] = {"pet": "pet", "full": "full"}
    method = name.split()[0]
    share = name.partition(" ")[2].removesuffix(" %")
    fields: dict[str, Any] = {
        "name": name,
        "kind": kinds.get(method, "baseline"),
        "engine": "transformers",
        "model": "base",
        "model_digest": "d" * 64,
        "shots": 4 if name == "4-shot" else 0,
        "shot_choice": "balanced" if name == "4-shot" else "",
        "trainable_parameters": PARAMETERS.get(method, 0),
        "total_parameters": 100_000,
        "adapter_bytes": 4_000 if method == "pet" else 0,
        "training_seconds": 12.5 if method in PARAMETERS else 0.0,
        "training_rows": 400 if method in PARAMETERS else 0,
        "training_fraction": float(share) / 100 if share else 1.0,
        "prediction_seconds": 1.0,
        "prompt_example": prompt_example,
    }
    return Candidate(**{**fields, **changed})


def write_answers(
    path: Path,
    answers: Mapping[str, Sequence[str]],
    references: Sequence[str],
    *,
    task: Task = "classification",
    labels: Sequence[str] = (),
    examples_digest: str = "e" * 64,
    prompt: str = "Which?",
    prompts: Sequence[str] = (),
    groups: Sequence[str | None] = (),
    samples: Mapping[str, Sequence[tuple[str, ...]]] | None = None,
    nll: Mapping[str, Sequence[float]] | None = None,
    finish_reasons: Mapping[str, Sequence[FinishReason]] | None = None,
    candidates: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write one file; `answers` holds what each candidate answered, row by row."""
    classes = task == "classification"
    info = PredictionInfo(
        task=task,
        labels=tuple(sorted(labels or set(references))) if classes else (),
        examples_digest=examples_digest,
        base_model="base",
        base_digest="b" * 64,
        candidates=tuple(
            candidate(name, f"<user>{prompt}", **(candidates or {}).get(name, {}))
            for name in answers
        ),
    )
    rows = (
        Prediction(
            candidate=name,
            example_id=f"{index:032x}",
            turn=1,
            group=groups[index] if groups else None,
            prompt=prompts[index] if prompts else prompt,
            reference=reference,
            prediction=text,
            label=reference if classes else None,
            samples=samples[name][index] if samples else (),
            shot_ids=(),
            prompt_tokens=400 if name == "4-shot" else 90,
            output_tokens=2,
            finish_reason=(finish_reasons or {}).get(name, ["stop"] * len(texts))[index],
            reference_nll=nll[name][index] if nll else None,
            reference_tokens=4 if nll else None,
        )
        for name, texts in answers.items()
        for index, (reference, text) in enumerate(zip(references, texts, strict=True))
    )
    write_predictions(path, info, rows)
    return path
