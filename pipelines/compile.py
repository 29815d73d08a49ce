"""Compile pipelines to specs. ``python -m tuneline.pipelines.compile`` renews pipelines/specs/."""

import logging
import tempfile
from pathlib import Path

from kfp import compiler

from tuneline.components.images import RELEASED
from tuneline.errors import ConfigurationError
from tuneline.files import write_bytes
from tuneline.pipelines import PIPELINES
from tuneline.pipelines.check import require_valid
from tuneline.pipelines.platform import Platform
from tuneline.settings import suggestion

_CUSTOM_JOB = b"worker_pool_specs"
_TRAIN_JOB = b"comp-tune-by-train-job"

SPECS = Path(__file__).resolve().parent / "specs"
"""The compiled pipelines that are checked in: for every engine, with the release's images."""

RELEASE = Platform(components_image=RELEASED["components"], trainer_image=RELEASED["trainer"])
"""What they are compiled for, whatever images were built or named here."""


def compile_pipeline(name: str, platform: Platform, path: Path) -> None:
    """Compile a pipeline to a file, checked before it is put in place.

    Args:
        name: A key of `PIPELINES`.
        platform: Compile-time choices.
        path: File to write, ``.yaml`` or ``.json``.

    Raises:
        ConfigurationError: The name or the suffix is unknown, or the spec does not pass the check.
        MachineError: The file cannot be written.
    """
    if name not in PIPELINES:
        raise ConfigurationError(
            f"There is no pipeline {name!r}.{suggestion(name, PIPELINES)} "
            f"Pipelines: {', '.join(PIPELINES)}."
        )
    if path.suffix not in {".yaml", ".yml", ".json"}:
        raise ConfigurationError(f"{path}: a spec is a .yaml or .json file.")
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / path.name
        pipeline = PIPELINES[name](platform)
        if path.suffix == ".json" and pipeline.platform_spec.platforms:
            raise ConfigurationError(
                f"{path}: a .json file holds one document, and the platform file needs a second. "
                "Name a .yaml file."
            )
        compiler.Compiler().compile(pipeline, str(compiled))
        require_valid(compiled, portable=platform.target != "kubeflow")
        content = compiled.read_bytes()
    for field, given, mark in (
        ("machine_type", platform.machine_type, _CUSTOM_JOB),
        ("nodes", platform.target == "kubeflow" and platform.nodes > 1, _TRAIN_JOB),
    ):
        if given and mark not in content:
            raise ConfigurationError(
                f"{field}: {name} has no task of our own trainer, which it is chosen for; leave it "
                "out."
            )
    write_bytes(path, content)


def main() -> None:
    """Renew the checked-in specs."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in PIPELINES:
        path = SPECS / f"{name}.yaml"
        compile_pipeline(name, RELEASE, path)
        logging.getLogger("tuneline").info("compiled %s", path.name)


if __name__ == "__main__":
    main()
