"""What an image holds, as a CycloneDX bill of materials: Debian's and Python's packages."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from containers.engine import output_of

_PYTHON = """
import importlib.metadata as metadata, json
print(json.dumps(sorted({
    (found.name, found.version, found.metadata.get("License-Expression")
     or found.metadata.get("License") or "")
    for found in metadata.distributions()})))
"""
_DEBIAN = "${Package}\\t${Version}\\t${Architecture}\\n"
_LONGEST_LICENCE = 80
"""Some distributions put the whole text where a name belongs."""


def bill_of_materials(docker: str, image: str) -> str:
    """List an image's packages, as CycloneDX 1.6 in JSON; the same image gives the same text.

    Args:
        docker: Path of the client.
        image: Name and tag, or id, of an image that the engine has.

    Raises:
        EngineError: The image does not run.
    """
    facts = json.loads(output_of(docker, "image", "inspect", image))[0]
    container = (docker, "run", "--rm", "--network", "none", image)
    debian = output_of(*container, "dpkg-query", "--show", f"--showformat={_DEBIAN}")
    python = json.loads(output_of(*container, "python3", "-c", _PYTHON))
    root = _image(image, facts)
    bom = Bom(
        components=[
            *(_debian(*line.split("\t")) for line in debian.splitlines()),
            *(_python(*found) for found in python),
        ],
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, facts["Id"]),
        metadata=BomMetaData(
            timestamp=datetime.fromisoformat(facts["Created"][:19] + "+00:00"),
            component=root,
        ),
    )
    bom.register_dependency(root, bom.components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    return text + "\n"


def _image(image: str, facts: dict[str, Any]) -> Component:
    name, _, version = image.rpartition(":")
    return Component(
        name=name, version=version, type=ComponentType.CONTAINER, bom_ref=f"image:{facts['Id']}"
    )


def _debian(name: str, version: str, architecture: str) -> Component:
    url = PackageURL("deb", "debian", name, version, {"arch": architecture})
    return Component(name=name, version=version, purl=url, bom_ref=url.to_string())


def _python(name: str, version: str, licence: str) -> Component:
    url = PackageURL("pypi", None, name.lower().replace("_", "-"), version)
    licence = licence.strip().partition("\n")[0][:_LONGEST_LICENCE]
    licences = [LicenseFactory().make_from_string(licence)] if licence else []
    return Component(
        name=name, version=version, purl=url, bom_ref=url.to_string(), licenses=licences
    )
