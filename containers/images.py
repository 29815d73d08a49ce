"""The images of this project: what is installed in each, and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "containers"

_PLACES = ("gcs", "hub", "http", "media", "s3")


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file: every distribution at one version, with the hashes of its files.

    Attributes:
        path: The file, relative to the folder of this module.
        extras: What of the project is installed by it.
        requirements: What else.
        dependencies: Whether it holds what the requirements depend on.
        off_index: Whether it needs files that the default index does not have.
    """

    path: str
    extras: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    dependencies: bool = True
    off_index: bool = False

    @property
    def file(self) -> Path:
        """The file, absolute."""
        return FOLDER / self.path


_TRAINER = ("trainer", "quantization", "gemini", *_PLACES)

LOCKS = (
    Lock(
        "components/requirements.lock",
        ("bigquery", "evaluation", "model-registry", "registry", "train-job", "vertex", *_PLACES),
    ),
    Lock("trainer/requirements.lock", _TRAINER),
    # The CPU build of PyTorch: a fraction of the size, and no GPU.
    Lock("trainer/requirements-cpu.lock", _TRAINER, ("torch==2.13.0+cpu",), off_index=True),
    # KFP's executor needs nothing of what KFP depends on.
    Lock("kfp.lock", requirements=("kfp",), dependencies=False),
    Lock("wheel.lock", requirements=("setuptools>=77",)),
)
