"""The registry's client is an extra, which most who use Tuneline do not need."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def extra_needed() -> Iterator[None]:
    """Say which extra is missing where an import in the block fails.

    Raises:
        ConfigurationError: The client is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise ConfigurationError(
            "Kubeflow Model Registry needs an extra: pip install 'tuneline[model-registry]' "
            f"({error})."
        ) from error
