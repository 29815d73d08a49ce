"""Evaluation stage: predictions of every candidate, and the verdict on them."""

from kfp import dsl
from kfp.dsl import (
    HTML,
    Artifact,
    ClassificationMetrics,
    Dataset,
    Input,
    Markdown,
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
    endpoint: str = "",
    fingerprint: str = "",
    shots: list = [0, 4],
    prediction_settings: dict = {},
    project: str = "",
    staging: str = "",
    seed: int = 0,
    model: Input[Model] = None,
    tuning: Input[Artifact] = None,
) -> None:
    """Answer the held-out rows: by prompt design with the base model, or by a tuned model.

    Args:
        test: Held-out examples, canonical Parquet.
        train: Training split, which shots and the answers' length come from.
        predictions: Every candidate's answer to every row, Parquet.
        base_model: Base model's name, open or Gemini; its baselines are predicted where neither a
            tuned model nor an endpoint is given.
        endpoint: Endpoint of a tuned Gemini model.
        fingerprint: Digest of the base model, so that caching notices new content.
        shots: One baseline for each number of examples in the prompt.
        prediction_settings: Any further field of the prediction settings.
        project: Google Cloud project that Gemini is asked in; empty: that of the credentials.
        staging: Folder of a bucket, gs://, where its answers are kept for later runs; empty: none.
        seed: Chooses the shots.
        model: A tuned open model.
        tuning: Result of a managed tuning job.
    """
    from pathlib import Path

    from tuneline.parameters import predict_settings
    from tuneline.prediction.predict import (
        predict_baselines,
        predict_endpoint,
        predict_managed,
        predict_tuned,
    )

    settings = predict_settings(
        {
            "shots": shots,
            "seed": seed,
            "prediction_settings": prediction_settings,
            "project": project,
            "staging": staging,
        }
    )
    held_out, training, output = Path(test.path), Path(train.path), Path(predictions.path)
    if model is not None:
        predict_tuned(held_out, training, Path(model.path), settings, output)
    elif tuning is not None:
        predict_managed(held_out, training, Path(tuning.path), settings, output)
    elif endpoint:
        predict_endpoint(held_out, training, endpoint, settings, output)
    else:
        predict_baselines(held_out, training, base_model, settings, output)
    predictions.metadata["fingerprint"] = fingerprint


@dsl.component(base_image=TRAINER_IMAGE, install_kfp_package=False)
def predict_learning_curve(
    test: Input[Dataset],
    train: Input[Dataset],
    validation: Input[Dataset],
    predictions: Output[Dataset],
    base_model: str = "embedded",
    fingerprint: str = "",
    method: str = "pet",
    preset: str = "balanced",
    overrides: dict = {},
    fractions: list = [0.25, 0.5],
    prediction_settings: dict = {},
    seed: int = 0,
) -> None:
    """Tune again on parts of the training split and answer the held-out rows with each result.

    Args:
        test: Held-out examples, canonical Parquet.
        train: Training split; a smaller part of it lies within every larger one.
        validation: Examples that choose each checkpoint.
        predictions: The answers of one candidate for each part, Parquet.
        base_model: `embedded`, a folder, a hub id or a gs:// URI.
        fingerprint: Digest of the base model, so that caching notices new content.
        method: `pet` (LoRA adapter) or `full` (every weight).
        preset: `quick`, `balanced` or `quality`.
        overrides: Any field of the training settings; under `pet` or `full`, for one method.
        fractions: Shares of the training split, each above 0 and below 1.
        prediction_settings: Any field of the prediction settings.
        seed: Seeds the parts and tuning.
    """
    from pathlib import Path

    from tuneline.parameters import predict_settings, train_config
    from tuneline.prediction.learning_curve import predict_parts

    config = train_config(
        {
            "base_model": base_model,
            "method": method,
            "preset": preset,
            "overrides": overrides,
            "seed": seed,
        },
        train=Path(train.path),
        validation=Path(validation.path),
        output=Path(f"{predictions.path}-models"),
    )
    settings = predict_settings({"seed": seed, "prediction_settings": prediction_settings})
    predict_parts(Path(test.path), config, fractions, settings, Path(predictions.path))
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
    summary: Output[Markdown],
    evaluation_settings: dict = {},
    fingerprint: str = "",
    seed: int = 0,
    alternative: Input[Dataset] = None,
    learning_curve: Input[Dataset] = None,
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
        summary: The answer and its table, for consoles.
        evaluation_settings: Task, metrics, gate rules, prices and what metrics need.
        fingerprint: Digest of the files that the settings name, so that caching notices new
            content.
        seed: Seeds the bootstrap.
        alternative: Predictions of a second tuned model.
        learning_curve: Predictions of models tuned on parts of the training split.

    Returns:
        Method of the tuned model that may be registered; empty unless the gate passed. It is the
        only output parameter, since kfp's local runner resolves conditions on no other kind.
    """
    from pathlib import Path

    from tuneline.evaluation.evaluate import EvaluationPaths
    from tuneline.evaluation.evaluate import evaluate as decide
    from tuneline.parameters import evaluation_settings as checked_settings

    given = [baselines, tuned, alternative, learning_curve]
    decision = decide(
        [Path(artifact.path) for artifact in given if artifact is not None],
        checked_settings({"seed": seed, "evaluation_settings": evaluation_settings}),
        EvaluationPaths(
            metrics=Path(scores.path),
            verdict=Path(verdict.path),
            report=Path(report.path),
            summary=Path(summary.path),
        ),
    )
    for name, value in decision.scalars().items():
        metrics.log_metric(name, value)
    if decision.confusion is not None:
        confusion.log_confusion_matrix(decision.confusion.categories, decision.confusion.matrix)
    verdict.metadata["fingerprint"] = fingerprint
    return decision.winner
