"""Registration stage: the tuned model becomes a version, with its evidence."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Input, Model

from tuneline.components.images import COMPONENTS_IMAGE


@dsl.component(base_image=COMPONENTS_IMAGE, install_kfp_package=False)
def register_model(
    model: Input[Model],
    verdict: Input[Artifact],
    report: Input[HTML],
    model_name: str = "tuned-model",
    registry: str = "tuneline-registry",
) -> NamedTuple("Entry", name=str, version=str, uri=str):
    """Register a tuned model that passed the gate. The same result twice gives one version.

    Args:
        model: Output of the tuning stage.
        verdict: The evaluation's decision; one that did not pass is refused.
        report: The evaluation's page.
        model_name: Name in the registry.
        registry: Folder of a local registry, or an MLflow tracking URI.

    Returns:
        name: The registered model's name.
        version: Its version.
        uri: Where the registry keeps it.
    """
    from pathlib import Path

    from tuneline.registry.mlflow_registry import register_model as register
    from tuneline.registry.settings import RegisterSettings
    from tuneline.settings import validated

    entry = register(
        # A model in an object store is referenced where it lies, never by a container's path.
        model.uri if "://" in model.uri else Path(model.path),
        Path(verdict.path),
        Path(report.path),
        validated(
            RegisterSettings,
            {"model_name": model_name, "registry": registry},
            source="register_model",
        ),
        result=Path(model.path) / "result.json",
    )
    return (entry.name, entry.version, entry.uri)
