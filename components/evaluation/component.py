"""Evaluation stage: predictions of every candidate, and the verdict on them."""

from kfp import dsl
from kfp.dsl import (
    HTML,
    Artifact,
    ClassificationMetrics,
    Dataset,
    Input,
    Metrics,
    Model,
    Output,
)

from tuneline.components.images import COMPONENTS_IMAGE, TRAINER_IMAGE


@dsl.component(base_image=TRAINER_IMAGE, install_kfp_package=False)
def predict(
    test: Input[Dataset],
    train: Input[Dataset],
    predictions: Output[Dataset],
    base_model: str = "",
    fingerprint: str = "",
    shots: list = [0, 4],
    seed: int = 0,
    model: Input[Model] = None,
) -> None:
    """Answer the held-out rows: by prompt design with the base model, or by a tuned model.

    Args:
        test: Held-out examples, canonical Parquet.
        train: Training split, which shots and the answers' length come from.
        predictions: Every candidate's answer to every row, Parquet.
        base_model: Base model's name; read where no tuned model is given.
        fingerprint: Digest of the base model, so that caching notices new content.
        shots: One baseline for each number of examples in the prompt.
        seed: Chooses the shots.
        model: A tuned model; without it the baselines are predicted.
    """
    from pathlib import Path

    from tuneline.prediction.predict import predict_baselines, predict_tuned
    from tuneline.prediction.settings import PredictSettings
    from tuneline.settings import validated

    settings = validated(PredictSettings, {"shots": shots, "seed": seed}, source="predict")
    held_out, training, output = Path(test.path), Path(train.path), Path(predictions.path)
    if model is None:
        predict_baselines(held_out, training, base_model, settings, output)
    else:
        predict_tuned(held_out, training, Path(model.path), settings, output)
    predictions.metadata["fingerprint"] = fingerprint


@dsl.component(base_image=COMPONENTS_IMAGE, install_kfp_package=False)
def evaluate(
    baselines: Input[Dataset],
    tuned: Input[Dataset],
    metrics: Output[Metrics],
    confusion: Output[ClassificationMetrics],
    scores: Output[Artifact],
    verdict: Output[Artifact],
    report: Output[HTML],
    seed: int = 0,
    alternative: Input[Dataset] = None,
) -> str:
    """Measure every candidate on the same rows and decide whether tuning was worth it.

    Args:
        baselines: Predictions by prompt design.
        tuned: Predictions of a tuned model.
        metrics: Every candidate's metrics with 95 % intervals.
        confusion: Confusion matrix of the best tuned candidate, where the task has labels.
        scores: All metrics and paired tests, JSON.
        verdict: The decision with its reasons, JSON.
        report: One page for people.
        seed: Seeds the bootstrap.
        alternative: Predictions of a second tuned model.

    Returns:
        Method of the tuned model that may be registered; empty unless the gate passed. It is the
        only output parameter, since kfp's local runner resolves conditions on no other kind.
    """
    from pathlib import Path

    from tuneline.evaluation.evaluate import EvaluationPaths
    from tuneline.evaluation.evaluate import evaluate as decide
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.settings import validated

    given = [baselines, tuned] if alternative is None else [baselines, tuned, alternative]
    decision = decide(
        [Path(artifact.path) for artifact in given],
        validated(EvaluationSettings, {"seed": seed}, source="evaluate"),
        EvaluationPaths(
            metrics=Path(scores.path), verdict=Path(verdict.path), report=Path(report.path)
        ),
    )
    for name, value in decision.scalars().items():
        metrics.log_metric(name, value)
    if decision.confusion is not None:
        confusion.log_confusion_matrix(decision.confusion.categories, decision.confusion.matrix)
    return decision.winner
