"""A model is asked, becomes a candidate and is written into a predictions file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tuneline.data.schema import read_info
from tuneline.files import sha256_file
from tuneline.prediction.store import (
    Candidate,
    Prediction,
    PredictionFile,
    PredictionInfo,
    read_predictions,
    write_predictions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.prediction.answer import Answer
    from tuneline.prediction.answering import AnsweringModel
    from tuneline.prediction.prompts import Question
    from tuneline.prediction.store import CandidateKind


@dataclass(frozen=True, slots=True)
class Base:
    """The base model as the predictions file names it: name and SHA-256, or a service's name."""

    reference: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A candidate with its questions and the answers to them."""

    candidate: Candidate
    questions: Sequence[Question]
    answers: Sequence[Answer]

    def with_facts(self, **facts: Any) -> Answered:
        """The same with other values for some of the candidate's fields."""
        return replace(self, candidate=replace(self.candidate, **facts))


def ask(
    model: AnsweringModel, questions: Sequence[Question], name: str, kind: CandidateKind, base: Base
) -> Answered:
    """Ask a model, and describe it as a zero-shot candidate of the base model."""
    found = model.answer(questions, name)
    candidate = Candidate(
        name=name,
        kind=kind,
        engine=model.engine,
        model=base.reference,
        model_digest=base.digest,
        shots=0,
        shot_choice="",
        trainable_parameters=0,
        total_parameters=model.parameters,
        adapter_bytes=0,
        training_seconds=0.0,
        training_rows=0,
        training_fraction=1.0,
        prediction_seconds=round(found.seconds, 3),
        prompt_example=model.prompt(questions[0]),
    )
    return Answered(candidate, questions, found.answers)


def write(
    test: Path, train: Path, base: Base, answered: Sequence[Answered], output: Path
) -> PredictionFile:
    """Write what candidates answered to the rows of one split, with the training split's digest.

    Raises:
        DataError: A candidate's name is none.
        MachineError: The file cannot be written.
    """
    about = read_info(test)
    info = PredictionInfo(
        task=about.task,
        labels=about.labels,
        examples_digest=sha256_file(test),
        base_model=base.reference,
        base_digest=base.digest,
        candidates=tuple(each.candidate for each in answered),
        train_digest=sha256_file(train),
    )
    write_predictions(output, info, _rows(answered))
    return read_predictions(output)


def _rows(answered: Sequence[Answered]) -> Iterator[Prediction]:
    for each in answered:
        for question, answer in zip(each.questions, each.answers, strict=True):
            asked = question.asked
            yield Prediction(
                candidate=each.candidate.name,
                example_id=asked.example.example_id,
                turn=asked.turn,
                group=asked.example.group,
                prompt=asked.prompt,
                reference=asked.reference,
                prediction=answer.text,
                label=asked.label,
                samples=answer.samples,
                shot_ids=question.shot_ids,
                prompt_tokens=answer.prompt_tokens,
                output_tokens=answer.output_tokens,
                finish_reason=answer.finish_reason,
                reference_nll=answer.reference_nll,
                reference_tokens=answer.reference_tokens,
            )
