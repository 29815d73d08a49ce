"""Tuning stage: parameter-efficient or full tuning in our trainer."""

from kfp import dsl
from kfp.dsl import HTML, Dataset, Input, Metrics, Model, Output

from tuneline.components.images import TRAINER_IMAGE


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
    from tuneline.training.result import CURVES_FILE

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
    shutil.copyfile(Path(model.path) / CURVES_FILE, curves.path)
    model.metadata.update(result.summary(), fingerprint=fingerprint)
    for name, value in result.numbers().items():
        metrics.log_metric(name, value)
