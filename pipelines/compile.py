"""Compile pipelines to specs. ``python -m tuneline.pipelines.compile`` renews pipelines/specs/."""

import logging
import tempfile
from pathlib import Path

from kfp import compiler

from tuneline.errors import ConfigurationError
from tuneline.files import write_bytes
from tuneline.pipelines import PIPELINES
from tuneline.pipelines.check import require_valid
from tuneline.pipelines.platform import Platform
from tuneline.settings import suggestion

_CUSTOM_JOB = "worker_pool_specs"

SPECS = Path(__file__).resolve().parent / "specs"
"""The compiled pipelines that are checked in: for every engine, with the default images."""


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
        compiler.Compiler().compile(PIPELINES[name](platform), str(compiled))
        require_valid(compiled)
        if platform.machine_type and _CUSTOM_JOB not in compiled.read_text(encoding="utf-8"):
            raise ConfigurationError(
                f"machine_type: {name} has no task of our own trainer, which machines are chosen "
                "for; leave it out."
            )
        content = compiled.read_bytes()
    write_bytes(path, content)


def main() -> None:
    """Renew the checked-in specs."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in PIPELINES:
        path = SPECS / f"{name}.yaml"
        compile_pipeline(name, Platform(), path)
        logging.getLogger("tuneline").info("compiled %s", path.name)


if __name__ == "__main__":
    main()
