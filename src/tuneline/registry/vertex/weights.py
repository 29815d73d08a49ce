"""Which models Vertex AI can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def require_bucket(model: Path | str) -> None:
    """Refuse a model that the service cannot reach.

    Raises:
        ConfigurationError: It is not in a bucket.
    """
    if not str(model).startswith("gs://"):
        raise ConfigurationError(
            f"{model}: Vertex AI serves models from a bucket alone. Run the pipeline with a gs:// "
            "pipeline root, or choose a folder or an MLflow server as the registry."
        )
