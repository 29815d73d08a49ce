"""Data stage: fingerprint the sources, prepare the splits."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Metrics, Output

from tuneline.components.images import COMPONENTS_IMAGE


@dsl.component(base_image=COMPONENTS_IMAGE, install_kfp_package=False)
def fingerprint_source(
    data: str,
    test_data: str = "",
    prompt_template: str = "",
    completion_template: str = "",
    data_settings: dict = {},
    base_model: str = "embedded",
    method: str = "",
    preset: str = "balanced",
    overrides: dict = {},
    shots: list = [0, 4],
    prediction_settings: dict = {},
    evaluation_settings: dict = {},
    model_name: str = "tuned-model",
    registry: str = "tuneline-registry",
    seed: int = 0,
    fractions: list = [],
    project: str = "",
    location: str = "",
    staging: str = "",
    max_cost_usd: float = 20.0,
    base_weights: str = "",
    serving_image: str = "",
) -> NamedTuple("Fingerprints", data=str, base_model=str, evaluation=str):
    """Check a run's parameters, then take digests of what its sources hold now. Never cached.

    Args:
        data: Path, glob, folder or URI of the labeled examples.
        test_data: The user's own held-out file, or empty.
        prompt_template: For named columns.
        completion_template: For named columns.
        data_settings: Further settings of the data stage.
        base_model: Base model's name.
        method: `pet` or `full`; empty in pipelines that run both.
        preset: `quick`, `balanced` or `quality`.
        overrides: Tuning settings beside the preset.
        shots: Numbers of examples in the prompts of the baselines.
        prediction_settings: Further settings of the prediction stage.
        evaluation_settings: Settings of the evaluation stage.
        model_name: Name in the registry.
        registry: Folder or tracking URI of the registry.
        seed: The run's seed.
        fractions: Parts of the training split for a learning curve.
        project: Google Cloud project of managed tuning.
        location: Where a managed job runs.
        staging: Folder of a bucket that managed tuning reads from.
        max_cost_usd: Most that managed tuning may cost.
        base_weights: Weights of a managed open model.
        serving_image: Container that serves an open model registered on Vertex AI.

    Returns:
        data: Digest of the data behind its URIs.
        base_model: Digest of the base model behind its name.
        evaluation: Digest of the files that evaluation reads beside the predictions.
    """
    from tuneline.parameters import fingerprints

    return fingerprints(
        {
            "data": data,
            "test_data": test_data,
            "prompt_template": prompt_template,
            "completion_template": completion_template,
            "data_settings": data_settings,
            "base_model": base_model,
            "method": method,
            "preset": preset,
            "overrides": overrides,
            "shots": shots,
            "prediction_settings": prediction_settings,
            "evaluation_settings": evaluation_settings,
            "model_name": model_name,
            "registry": registry,
            "seed": seed,
            "fractions": fractions,
            "project": project,
            "location": location,
            "staging": staging,
            "max_cost_usd": max_cost_usd,
            "base_weights": base_weights,
            "serving_image": serving_image,
        }
    )


@dsl.component(base_image=COMPONENTS_IMAGE, install_kfp_package=False)
def prepare_dataset(
    train: Output[Dataset],
    validation: Output[Dataset],
    test: Output[Dataset],
    rejected: Output[Dataset],
    manifest: Output[Artifact],
    exports: Output[Artifact],
    report: Output[HTML],
    metrics: Output[Metrics],
    data: str,
    fingerprint: str = "",
    test_data: str = "",
    prompt_template: str = "",
    completion_template: str = "",
    data_settings: dict = {},
    managed_model: str = "",
    staging: str = "",
    overrides: dict = {},
    seed: int = 0,
) -> None:
    """Validate every row, drop duplicates, split without leakage.

    Args:
        train: Examples to learn from, canonical Parquet.
        validation: Examples that choose the checkpoint.
        test: Held-out examples that every candidate is measured on.
        rejected: Rows kept aside, each with file, row and reason.
        manifest: Counts, digests and parameters, JSON.
        exports: Folder of the further files that `exports` in the settings names; else empty.
        report: One page for people.
        metrics: The counts.
        data: Path, glob, folder or URI of the labeled examples.
        fingerprint: Digest of the sources, so that caching notices new content.
        test_data: The user's own held-out file; empty: held out from `data`.
        prompt_template: For named columns, such as "{text}".
        completion_template: For named columns, such as "{category}".
        data_settings: Any further field of the data stage's settings.
        managed_model: Model that a service is to tune, whose limits count; empty: none.
        staging: Folder of a bucket, gs://, where that service finds local media.
        overrides: Its settings of tuning: catalogue and tokenizer count here too.
        seed: Salts the split.
    """
    from pathlib import Path

    from tuneline.data.prepare import PreparedPaths, prepare
    from tuneline.parameters import prepare_settings

    settings = prepare_settings(
        {
            "data": data,
            "test_data": test_data,
            "prompt_template": prompt_template,
            "completion_template": completion_template,
            "data_settings": data_settings,
            "managed_model": managed_model,
            "staging": staging,
            "overrides": overrides,
            "seed": seed,
        }
    )
    prepared = prepare(
        settings,
        PreparedPaths(
            train=Path(train.path),
            validation=Path(validation.path),
            test=Path(test.path),
            rejected=Path(rejected.path),
            manifest=Path(manifest.path),
            exports=Path(exports.path),
            report=Path(report.path),
        ),
    )
    Path(exports.path).mkdir(parents=True, exist_ok=True)
    manifest.metadata["fingerprint"] = fingerprint
    counts = prepared.counts.model_dump()
    for name in ("read", "kept", "rejected", "duplicates"):
        metrics.log_metric(name, counts[name])
    for split, rows in counts["per_split"].items():
        metrics.log_metric(f"{split}_rows", rows)
