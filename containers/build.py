"""Builds the images and says what is in them: ``make images``.

``tuneline compile``, ``run`` and ``submit`` name what was built last.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from containers.contents import bill_of_materials
from containers.engine import EngineError, client, output_of
from containers.images import FOLDER, ROOT
from tuneline import __version__
from tuneline.components.images import REFERENCES
from tuneline.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("components", "trainer")
BILLS = ROOT / "dist" / "images"
_REGISTRY = re.compile(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9][a-z0-9._-]*)*/?")
_SECRETS = {"pip.conf": "pip_conf", "ca.pem": "certificates"}


class Torch(StrEnum):
    """A build of PyTorch."""

    CUDA = "cuda"
    CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Choices:
    """How images are built.

    Attributes:
        registry: Where they are pushed, such as ``ghcr.io/acme``; ``tuneline`` is this machine's.
        push: Whether to push them, after which they are named by digest.
        base_image: Another base than the Dockerfiles' own; it needs Python 3.11 with venv.
        torch: CPU makes a trainer image that is smaller and uses no GPU.
        pip_conf: pip's configuration in the build: a private index, say. It stays in no layer.
        certificates: Certificate authorities in the build, at /run/secrets/ca.pem.
        network: The build's network.
    """

    registry: str
    push: bool
    base_image: str
    torch: Torch
    pip_conf: Path | None
    certificates: Path | None
    network: str


@dataclass(frozen=True, slots=True)
class Built:
    """An image that was built.

    Attributes:
        reference: How a spec names it: by digest where it was pushed, else by its tag.
        digest: Of its configuration, which this machine's engine knows it by.
        size: Bytes on disk, unpacked.
        layers: Bytes of each layer with the command that made it, the last one first.
        bill: Its bill of materials.
    """

    reference: str
    digest: str
    size: int
    layers: tuple[tuple[int, str], ...]
    bill: Path


def build(name: str, choices: Choices, docker: str) -> Built:
    """Build one image and write its bill of materials.

    Args:
        name: ``components`` or ``trainer``.
        choices: How.
        docker: Path of the client.

    Raises:
        EngineError: It cannot be built, pushed or run.
    """
    tag = f"{choices.registry}/{name}:{__version__}"
    command = [docker, "build", "--file", str(FOLDER / name / "Dockerfile"), "--tag", tag]
    command += [*_arguments(name, choices), str(ROOT)]
    # What the build says goes to stderr: results alone are on stdout.
    finished = subprocess.run(
        command, check=False, stdout=sys.stderr, env={**os.environ, "DOCKER_BUILDKIT": "1"}
    )
    if finished.returncode:
        raise EngineError(f"{name}: docker build failed; what it said is above.")
    if choices.push:
        _push(docker, tag)
    facts = json.loads(output_of(docker, "image", "inspect", tag))[0]
    bill = BILLS / f"{name}-{__version__}.cdx.json"
    write_text(bill, bill_of_materials(docker, tag))
    reference = _pushed(tag, facts["RepoDigests"]) if choices.push else tag
    return Built(reference, facts["Id"], facts["Size"], tuple(_layers(docker, tag)), bill)


def _arguments(name: str, choices: Choices) -> Iterator[str]:
    for secret, field in _SECRETS.items():
        if path := getattr(choices, field):
            yield from ("--secret", f"id={secret},src={path}")
    if choices.base_image:
        yield from ("--build-arg", f"BASE_IMAGE={choices.base_image}")
    if choices.torch is Torch.CPU and name == "trainer":
        yield from ("--build-arg", "LOCK=requirements-cpu.lock")
    if choices.network:
        yield from ("--network", choices.network)
    for key, value in _labels(name).items():
        yield from ("--label", f"org.opencontainers.image.{key}={value}")
    # Bases say a version of their own in the label above; the Docker runner compares this one.
    yield from ("--label", f"tuneline.version={__version__}")


def _labels(name: str) -> dict[str, str]:
    labels = {
        "title": f"tuneline-{name}",
        "version": __version__,
        "licenses": "Apache-2.0",
        "revision": _git("rev-parse", "HEAD"),
        # A user name and password may stand in a remote's address.
        "source": re.sub(r"(?<=://)[^/@]*@", "", _git("remote", "get-url", "origin")),
    }
    return {key: value for key, value in labels.items() if value}


def _git(*arguments: str) -> str:
    """What git says of this checkout; nothing where it is none."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _push(docker: str, tag: str) -> None:
    if subprocess.run([docker, "push", tag], check=False, stdout=sys.stderr).returncode:
        raise EngineError(f"{tag}: docker push failed. Log in with docker login.")


def _pushed(tag: str, digests: list[str]) -> str:
    repository = tag.rpartition(":")[0]
    found = [digest for digest in digests if digest.startswith(f"{repository}@")]
    if not found:
        raise EngineError(f"{tag}: was pushed, and the engine knows no digest of it.")
    return found[0]


def _layers(docker: str, tag: str) -> Iterator[tuple[int, str]]:
    lines = output_of(
        *(docker, "history", "--no-trunc", "--human=false", tag),
        *("--format", "{{.Size}}\t{{.CreatedBy}}"),
    )
    for line in lines.splitlines():
        size, _, made_by = line.partition("\t")
        if int(size):
            yield int(size), made_by


def _say(built: Built) -> None:
    print(f"{built.reference}\n  {built.digest}\n  {built.size / 1e6:.0f} MB on disk, of which")
    for size, made_by in built.layers:
        made_by = made_by.removesuffix(" # buildkit").removeprefix("RUN /bin/sh -c ")
        print(f"    {size / 1e6:6.0f} MB  {made_by[:70]}")
    print(f"  bill of materials: {built.bill.relative_to(ROOT)}")


def main(
    images: Annotated[list[str] | None, typer.Argument(help="components, trainer.")] = None,
    image_registry: Annotated[
        str, typer.Option(help="Where the images are to lie, such as ghcr.io/acme.")
    ] = "tuneline",
    push: Annotated[bool, typer.Option("--push", help="Push them, and name them by digest.")] = (
        False
    ),
    base_image: Annotated[str, typer.Option(help="With Python 3.11 and venv.")] = "",
    torch: Annotated[Torch, typer.Option(help="cpu: smaller, and no GPU.")] = Torch.CUDA,
    pip_conf: Annotated[
        Path | None,
        typer.Option(help="pip's configuration in the build.", exists=True, dir_okay=False),
    ] = None,
    certificates: Annotated[
        Path | None,
        typer.Option(help="Certificates, at /run/secrets/ca.pem.", exists=True, dir_okay=False),
    ] = None,
    network: Annotated[str, typer.Option(help="The build's network: default, host.")] = "",
    references: Annotated[Path, typer.Option(help="Where their names are written.")] = REFERENCES,
) -> None:
    """Build the images, write their bills of materials, and name them for tuneline compile."""
    names = images or list(NAMES)
    if unknown := sorted(set(names) - set(NAMES)):
        raise typer.BadParameter(f"{', '.join(unknown)}: images are {' and '.join(NAMES)}.")
    if not _REGISTRY.fullmatch(image_registry):
        raise typer.BadParameter(
            f"--image-registry {image_registry!r}: must be like ghcr.io/acme, without https://."
        )
    if torch is Torch.CPU and "trainer" not in names:
        raise typer.BadParameter("--torch: is for the image trainer.")
    if push and image_registry == "tuneline":
        raise typer.BadParameter("--push: say where to in --image-registry.")
    choices = Choices(
        image_registry.rstrip("/"), push, base_image, torch, pip_conf, certificates, network
    )
    try:
        docker = client()
        built = {name: build(name, choices, docker) for name in names}
    except EngineError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(3) from error
    known = json.loads(references.read_text(encoding="utf-8")) if references.is_file() else {}
    known |= {name: image.reference for name, image in built.items()}
    write_text(references, json.dumps(known, indent=2, sort_keys=True) + "\n")
    for image in built.values():
        _say(image)
    print(f"tuneline compile, run and submit use these from now on: {references}")


if __name__ == "__main__":
    typer.run(main)
