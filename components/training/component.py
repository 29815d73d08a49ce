"""Tuning stage: in our trainer, or by a managed service."""

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Model, Output, OutputPath

from tuneline.components.images import COMPONENTS_IMAGE, TRAINER_IMAGE
from tuneline.components.training.artifacts import VertexModel


@dsl.component(base_image=TRAINER_IMAGE, install_kfp_package=False)
def tune_model(
    train: Input[Dataset],
    validation: Input[Dataset],
    model: Output[Model],
    metrics: Output[Metrics],
    curves: Output[HTML],
    base_model: str = "embedded",
    fingerprint: str = "",
    method: str = "pet",
    preset: str = "balanced",
    overrides: dict = {},
    seed: int = 0,
) -> None:
    """Tune a base model on the training split; the validation split chooses the checkpoint.

    Args:
        train: Examples to learn from, canonical Parquet.
        validation: Examples that choose the checkpoint.
        model: adapter/ and merged/ (pet) or model/ (full), model card, result.json.
        metrics: Losses, parameters, seconds.
        curves: Training and validation loss by step.
        base_model: `embedded`, a folder, a hub id or a gs:// URI.
        fingerprint: Digest of the base model, so that caching notices new content.
        method: `pet` (LoRA adapter) or `full` (every weight).
        preset: `quick`, `balanced` or `quality`.
        overrides: Any field of the training settings; under `pet` or `full`, for one method.
        seed: Seeds the weights of the adapter, the order of the examples and dropout.
    """
    import shutil
    from pathlib import Path

    from tuneline.parameters import train_config
    from tuneline.training.distributed.launch import tune
    from tuneline.training.outputs import describe_outputs

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
        output=Path(model.path),
    )
    # Beside the artifact, so that a retry finds them and the artifact holds none.
    checkpoints = Path(f"{model.path}-checkpoints")
    result = tune(config, checkpoints)[""]
    shutil.rmtree(checkpoints, ignore_errors=True)  # gone where a finished task is retried
    describe_outputs(result, model=model, metrics=metrics, curves=curves, fingerprint=fingerprint)


@dsl.component(base_image=COMPONENTS_IMAGE, install_kfp_package=False)
def tune_by_train_job(
    train: Input[Dataset],
    validation: Input[Dataset],
    model: Output[Model],
    metrics: Output[Metrics],
    curves: Output[HTML],
    trainer_image: str,
    cluster: dict,
    base_model: str = "embedded",
    fingerprint: str = "",
    method: str = "pet",
    preset: str = "balanced",
    overrides: dict = {},
    seed: int = 0,
    max_wait_hours: float = 24.0,
) -> None:
    """Tune on several nodes by a TrainJob of Kubeflow: found again after an interruption.

    Args:
        train: Examples to learn from, canonical Parquet.
        validation: Examples that choose the checkpoint.
        model: adapter/ and merged/ (pet) or model/ (full), model card, result.json.
        metrics: Losses, parameters, seconds.
        curves: Training and validation loss by step.
        trainer_image: Image of the nodes.
        cluster: Nodes, devices, the volume shared with them, and what else the cluster asks of
            them: fields of the platform file.
        base_model: `embedded`, a folder that the nodes have, a hub id or a gs:// URI.
        fingerprint: Digest of the base model, so that caching notices new content.
        method: `pet` (LoRA adapter) or `full` (every weight).
        preset: `quick`, `balanced` or `quality`.
        overrides: Any field of the training settings; under `pet` or `full`, for one method.
        seed: Seeds the weights of the adapter, the order of the examples and dropout.
        max_wait_hours: Longest wait until every node works; 0: without end.
    """
    from pathlib import Path

    from tuneline.kubeflow.train_job.settings import train_job_settings
    from tuneline.kubeflow.train_job.tune import tune_on_nodes
    from tuneline.parameters import train_config
    from tuneline.training.outputs import describe_outputs

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
        output=Path(model.path),
    )
    settings = train_job_settings(
        {"trainer_image": trainer_image, "cluster": cluster, "max_wait_hours": max_wait_hours}
    )
    result = tune_on_nodes(config, settings, fingerprint)
    describe_outputs(result, model=model, metrics=metrics, curves=curves, fingerprint=fingerprint)


@dsl.component(base_image=COMPONENTS_IMAGE, install_kfp_package=False)
def tune_managed_model(
    train: Input[Dataset],
    validation: Input[Dataset],
    model: Output[VertexModel],
    result: Output[Artifact],
    metrics: Output[Metrics],
    page: Output[HTML],
    gcp_resources: OutputPath(str),
    base_model: str,
    project: str,
    staging: str,
    location: str = "",
    method: str = "pet",
    base_weights: str = "",
    max_cost_usd: float = 20.0,
    overrides: dict = {},
    model_name: str = "tuned-model",
    fingerprint: str = "",
) -> str:
    """Tune a model by Vertex AI: priced before, found again after an interruption, never twice.

    Args:
        train: Examples to learn from, canonical Parquet.
        validation: Examples that the service measures on; may hold none.
        model: The tuned model, a google.VertexModel.
        result: Every fact of the job, JSON: the later stages read it.
        metrics: Rows, tokens, cost, seconds, last values of the curves.
        page: Curves and what the service counted.
        gcp_resources: The job's name, as consoles and google-cloud-pipeline-components read it.
        base_model: Id in the catalogue of managed models.
        project: Google Cloud project that pays.
        staging: Folder of a bucket, gs://, for training files and tuned weights.
        location: Where the job runs; empty: the model's usual place.
        method: `pet` (adapter) or `full` (some open models).
        base_weights: The weights of an open model: a hub id, a folder or a gs:// URI.
        max_cost_usd: Most that tuning may cost, by the estimate made before.
        overrides: Any field of the managed settings.
        model_name: What the model is for; candidates are named after it.
        fingerprint: Digest of the base model, so that caching notices new content.

    Returns:
        Endpoint that the tuned model answers from; empty for open models.
    """
    from pathlib import Path

    from tuneline.parameters import managed_settings
    from tuneline.vertex.tuning.tune import TuningPaths, tune_managed

    settings = managed_settings(
        {
            "base_model": base_model,
            "project": project,
            "location": location,
            "staging": staging,
            "method": method,
            "base_weights": base_weights,
            "max_cost_usd": max_cost_usd,
            "overrides": overrides,
            "model_name": model_name,
        }
    )
    tuned = tune_managed(
        Path(train.path),
        Path(validation.path),
        settings,
        TuningPaths(Path(result.path), Path(gcp_resources), Path(page.path)),
    )
    model.uri = tuned.uri
    model.metadata.update(tuned.summary(), fingerprint=fingerprint)
    for name, value in tuned.numbers().items():
        metrics.log_metric(name, value)
    return tuned.endpoint
