"""Configuration files and NAME=VALUE arguments of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import BaseModel


class _Loader(yaml.SafeLoader):
    """Reads YAML and notes names that are given twice, which YAML forbids and PyYAML takes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Note repeated names, then build the mapping."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and lines.setdefault(key.value, line) != line:
                self.repeated.append(
                    f"{key.value}: is given twice, in lines {lines[key.value]} and {line}."
                )
        return super().construct_mapping(node, deep=deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML (or JSON) file that holds a mapping.

    Raises:
        ConfigurationError: It cannot be read, is no YAML, gives a name twice, or holds something
            else.
    """
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        content = loader.get_single_data()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is no YAML: {error}") from error
    if loader.repeated:
        raise ConfigurationError([f"{path}: {problem}" for problem in loader.repeated])
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: holds no mapping of names to values.")
    return content


def read_assignments(assignments: Sequence[str], model_type: type[BaseModel]) -> dict[str, Any]:
    """Read NAME=VALUE arguments.

    Args:
        assignments: What the user wrote.
        model_type: The settings that they set: the value of a text field is taken as it stands
            (``{text}`` is a template, not a mapping), any other is read as YAML.

    Raises:
        ConfigurationError: Lists every argument that is no assignment or no YAML.
    """
    texts = {name for name, field in model_type.model_fields.items() if field.annotation is str}
    values: dict[str, Any] = {}
    problems = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not name or not equals:
            problems.append(f"{assignment}: write NAME=VALUE.")
            continue
        try:
            values[name] = text if name in texts else yaml.safe_load(text)
        except yaml.YAMLError as error:
            problems.append(f"{assignment}: the value is no YAML: {error}")
    if problems:
        raise ConfigurationError(problems)
    return values
