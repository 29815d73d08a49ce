"""Registration stage: the tuned model becomes a version, with its evidence."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Input, Model

from tuneline.components.images import COMPONENTS_IMAGE


@dsl.component(base_image=COMPONENTS_IMAGE, install_kfp_package=False)
def register_model(
    verdict: Input[Artifact],
    report: Input[HTML],
    model_name: str = "tuned-model",
    registry: str = "tuneline-registry",
    serving_image: str = "",
    model: Input[Model] = None,
    tuning: Input[Artifact] = None,
    scores: Input[Artifact] = None,
) -> NamedTuple("Entry", name=str, version=str, uri=str):
    """Register a tuned model that passed the gate. The same result twice gives one version.

    Args:
        verdict: The evaluation's decision; one that did not pass is refused.
        report: The evaluation's page.
        model_name: Name in the registry.
        registry: Folder of a local registry, `vertex://PROJECT/LOCATION`, `kubeflow://HOST:PORT`
            (`kubeflow+http://` without TLS) or an MLflow tracking URI.
        serving_image: Container in Artifact Registry that serves an open model on Vertex AI.
        model: Output of the tuning stage; this or `tuning`.
        tuning: Result of managed tuning.
        scores: The evaluation's metrics, for the confusion matrix and slices on Vertex AI.

    Returns:
        name: The registered model's name.
        version: Its version; on Kubeflow the version's name.
        uri: Where the registry keeps it.
    """
    from pathlib import Path

    from tuneline.registry.register import register_model as register
    from tuneline.registry.settings import RegisterSettings
    from tuneline.settings import validated

    given = {
        "model_name": model_name,
        "registry": registry,
        "serving_image": serving_image,
    }
    trained = {}
    if model is not None:
        # A model in an object store is referenced where it lies, never by a container's path.
        trained["model"] = model.uri if "://" in model.uri else Path(model.path)
        trained["result"] = Path(model.path) / "result.json"
    entry = register(
        Path(verdict.path),
        Path(report.path),
        validated(RegisterSettings, given, source="register_model"),
        tuning=None if tuning is None else Path(tuning.path),
        scores=None if scores is None else Path(scores.path),
        **trained,
    )
    return (entry.name, entry.version, entry.uri)
