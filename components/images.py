"""The container images that the components name; builds and users set others by environment."""

import os

from tuneline import __version__

COMPONENTS_IMAGE = os.environ.get("TUNELINE_COMPONENTS_IMAGE", f"tuneline/components:{__version__}")
"""CPU image: data, evaluation and registration."""

TRAINER_IMAGE = os.environ.get("TUNELINE_TRAINER_IMAGE", f"tuneline/trainer:{__version__}")
"""GPU image, which also runs on a CPU: tuning and prediction."""
