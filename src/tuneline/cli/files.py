"""Configuration files and NAME=VALUE arguments of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tuneline.errors import ConfigurationError


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML (or JSON) file that holds a mapping.

    Raises:
        ConfigurationError: It cannot be read, is no YAML, or holds something else.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: holds no mapping of names to values.")
    return content


def read_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Read NAME=VALUE arguments; values are YAML, so numbers, lists and mappings work.

    Raises:
        ConfigurationError: Lists every argument that is no assignment or no YAML.
    """
    values: dict[str, Any] = {}
    problems = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            equals = ""
        if not equals or not name:
            problems.append(f"-p {assignment}: write NAME=VALUE, with the value as YAML.")
        else:
            values[name] = "" if value is None else value
    if problems:
        raise ConfigurationError(problems)
    return values
