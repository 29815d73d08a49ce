"""Whether this machine can compile kernels, as torch.compile needs it."""

from __future__ import annotations

import logging
import os
import shutil
from functools import cache

from tuneline.errors import ConfigurationError

logger = logging.getLogger("tuneline")


def require_compiler() -> None:
    """Require what torch.compile calls: a C++ compiler on CPUs, one for C on GPUs.

    Raises:
        ConfigurationError: There is none.
    """
    if not _is_there("CXX", "g++", "clang++") or not _is_there("CC", "gcc", "clang"):
        raise ConfigurationError(
            "overrides.compile: compiling needs gcc and g++, and this machine has none. Install "
            "them (apt-get install g++), or leave it out."
        )


@cache
def may_fuse_on_gpu() -> bool:
    """Whether kernels can be compiled for a GPU; where not, that is logged once."""
    found = _is_there("CC", "gcc", "clang")
    if not found:
        logger.warning(
            "tune: there is no C compiler, so the loss takes several kernels and more memory; "
            "install gcc for one"
        )
    return found


def _is_there(variable: str, *names: str) -> bool:
    return any(shutil.which(name) for name in (os.environ.get(variable, ""), *names) if name)
