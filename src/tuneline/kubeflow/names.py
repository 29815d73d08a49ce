"""Forms that Kubernetes gives its names, labels and quantities, as types of settings."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator

if TYPE_CHECKING:
    from collections.abc import Callable

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_WORD = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_LONGEST_SUBDOMAIN = 253
_LONGEST_PREFIX = 253
_OWN_FOLDERS = ("/", "/home", "/home/tuneline", "/run", "/tmp", "/var", "/var/run")  # noqa: S108
"""Folders of a container that a volume may not replace, while others may lie in them."""

_OWN_TREES = (
    *("/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/root", "/sbin", "/sys", "/usr"),
    # Argo's and KFP's own, and where Kubernetes puts secrets.
    *("/gcs", "/kfp-launcher", "/minio", "/s3", "/run/secrets", "/var/run/argo"),
    "/var/run/secrets",
)
"""Folders that hold what a task runs by, with all that is in them."""


def _form(pattern: str, words: str, longest: int = 0) -> Callable[[str], str]:
    """What refuses any text that has not this form, in words that say what is right."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value) or (longest and len(value) > longest):
            raise ValueError(f"must be {words}, not {value!r}.")
        return value

    return check


def _mount_path(value: str) -> str:
    plain = posixpath.normpath(value)
    if not value.startswith("/") or value != plain or ":" in value or value.startswith("//"):
        raise ValueError(f"must be an absolute path without '..', such as /cache, not {value!r}.")
    if value in _OWN_FOLDERS or any(f"{value}/".startswith(f"{tree}/") for tree in _OWN_TREES):
        raise ValueError(
            f"{value!r} is the container's own folder; choose another, such as /cache."
        )
    return value


def _written_number(value: Any) -> Any:
    """A number as YAML reads it, as the text that it was."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else value


def _label_key(value: str) -> str:
    prefix, slash, name = value.rpartition("/")
    is_named = re.fullmatch(_WORD, name)
    is_prefixed = re.fullmatch(_SUBDOMAIN, prefix) and len(prefix) <= _LONGEST_PREFIX
    if not is_named or (slash and not is_prefixed):
        raise ValueError(
            f"must be a label's key, such as nvidia.com/gpu.product or pool, not {value!r}."
        )
    return value


ObjectName = Annotated[
    str,
    AfterValidator(
        _form(
            _SUBDOMAIN,
            "a name of Kubernetes (small letters, digits, '-' and '.'; up to 253)",
            _LONGEST_SUBDOMAIN,
        )
    ),
]
"""Name of a secret or a runtime: a DNS-1123 subdomain."""

ClaimName = Annotated[
    str,
    AfterValidator(
        _form(
            _LABEL,
            "a claim's name that a volume can have too (small letters, digits, '-'; up to 63)",
        )
    ),
]
"""Name of a claim: KFP gives the volume the same name, and those are DNS-1123 labels."""

Namespace = Annotated[
    str, AfterValidator(_form(_LABEL, "a namespace (small letters, digits and '-'; up to 63)"))
]
"""A DNS-1123 label."""

LabelKey = Annotated[str, AfterValidator(_label_key)]
"""Key of a label: a name of up to 63 characters, behind a domain or not."""

TaintKey = Annotated[str, AfterValidator(lambda value: value and _label_key(value))]
"""Key of a taint, which has a label's form; empty: any."""

LabelValue = Annotated[
    str,
    AfterValidator(
        _form(rf"({_WORD})?", "a label's value (letters, digits, '-', '_' and '.'; up to 63)")
    ),
]
"""Value of a label or a taint; may be empty."""

SecretKey = Annotated[
    str,
    AfterValidator(
        _form(
            r"(?!\.{1,2}$)[A-Za-z0-9._-]+",
            "a secret's key (letters, digits, '-', '_' and '.'; up to 253)",
            _LONGEST_SUBDOMAIN,
        )
    ),
]
"""Key of an entry in a secret."""

EnvironmentName = Annotated[
    str,
    AfterValidator(_form(r"[A-Za-z_][A-Za-z0-9_]*", "an environment variable, such as HF_TOKEN")),
]
"""Name of an environment variable that a shell can read too."""

Memory = Annotated[
    str,
    AfterValidator(
        _form(r"([1-9]\d*(Ki|Mi|Gi|Ti|Pi|Ei|M|G|T|P|E))?", "a quantity of memory, such as 64Gi")
    ),
]
"""A quantity of bytes that both KFP and Kubernetes take: whole, with a unit; empty: none."""

Cpu = Annotated[
    str,
    BeforeValidator(_written_number),
    AfterValidator(
        _form(
            r"((?=.*[1-9])(\d{1,6}(\.\d{1,3})?|\d{1,9}m))?", "a number of CPUs, such as 8 or 500m"
        )
    ),
]
"""A quantity of CPUs that both KFP and Kubernetes take; empty: none."""

MountPath = Annotated[str, AfterValidator(_mount_path)]
"""Where a volume appears in a container."""

RESOURCE_NAME = rf"({_SUBDOMAIN}/{_WORD})?"
"""Form of the name of a device as Kubernetes counts it; empty: none."""

ResourceName = Annotated[
    str,
    AfterValidator(
        _form(
            RESOURCE_NAME,
            "a resource that nodes offer, such as nvidia.com/gpu",
            _LONGEST_SUBDOMAIN,
        )
    ),
]
"""Name of a device as Kubernetes counts it; empty: none."""
