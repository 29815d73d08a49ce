"""Makes site-packages small: ``python3 slim.py SITE_PACKAGES``.

It runs while the components image is built. A name that fits nothing ends the build, so that the
lists stay true; the tests run every component in the image that is left.
"""

import shutil
import sys
import zipfile
from pathlib import Path

UNUSED = (
    # Vertex AI: the stages call the clients of version 1 alone.
    "agentplatform",
    "google/cloud/aiplatform",
    "google/cloud/aiplatform_v1beta1",
    "google/cloud/resourcemanager_v3",
    "vertex_ray",
    "vertexai",
    # It would hide the parts of the namespace that lie elsewhere.
    "google_cloud_aiplatform-*-nspkg.pth",
    # Arrow: remote tables, a reader of S3 beside that of fsspec, headers.
    "pyarrow/*_s3*",
    "pyarrow/*flight*",
    "pyarrow/include",
    "pyarrow/src",
    # A faster way to download from the hub; the usual one stays.
    "hf_xet",
    # The tests of the distributions themselves.
    "*/**/tests",
    # What compilers read.
    "*/**/*.c",
    "*/**/*.pxd",
    "*/**/*.pyx",
    "_duckdb-stubs",
)
AWS = "botocore/data"
AWS_SERVICES = {"s3", "signin", "sso", "sso-oidc", "sts"}
"""Of hundreds of services: buckets, and logging in."""

GENERATED = (
    "databricks",
    "google/cloud/aiplatform_v1",
    "google/genai",
    "kubeflow_katib_api",
    "kubeflow_trainer_api",
    "kubernetes",
    "mr_openapi",
)
"""Clients of services, thousands of files of Python alone: one archive of byte code holds them."""


def slim(packages: Path) -> int:
    """Delete what is not used and pack what is generated.

    Args:
        packages: The site-packages folder.

    Returns:
        The number of bytes that it freed.

    Raises:
        FileNotFoundError: A pattern fits nothing.
    """
    before = _size(packages)
    for pattern in UNUSED:
        found = sorted(packages.glob(pattern))
        if not found:
            raise FileNotFoundError(f"{pattern}: fits nothing in {packages}; take it out of UNUSED")
        for path in found:
            _delete(path)
    for service in (packages / AWS).iterdir():
        if service.is_dir() and service.name not in AWS_SERVICES:
            _delete(service)
    _pack(packages)
    return before - _size(packages)


def _pack(packages: Path) -> None:
    archive = packages.with_name("generated.zip")
    with zipfile.PyZipFile(str(archive), "w", zipfile.ZIP_DEFLATED) as packed:
        for name in GENERATED:
            parents = [parent.as_posix() for parent in reversed(Path(name).parents[:-1])]
            for parent in parents:  # a namespace is found by its entry
                if f"{parent}/" not in packed.namelist():
                    packed.mkdir(parent)
            packed.writepy(str(packages / name), parents[-1] if parents else "")
            _delete(packages / name)
    (packages / "generated.pth").write_text(f"{archive}\n", encoding="utf-8")


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    print(f"{slim(Path(sys.argv[1])) / 1e6:.0f} MB less")
