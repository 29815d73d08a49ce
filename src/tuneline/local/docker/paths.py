"""Which places of this machine a run's parameters name, however deep they lie in them."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NO_PATHS = frozenset(
    {
        *("completion_template", "method", "model_name", "preset", "project", "prompt_template"),
        *("location", "registry", "serving_image", "staging"),
    }
)
"""Parameters that name no file to read, whatever folder may have the same name by chance."""

_GLOB_MARKS = "*?["
_LONGEST_PATH = 4096
_MOST_LINKS = 40
_METRIC = re.compile(r"(?P<file>.+\.py):\w+|(?P<module>\w+)(\.\w+)*:\w+")
"""A user's metric: a file's function, or a module's beside the current folder."""

_OF_THE_SYSTEM = frozenset(
    {
        *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32"),
        *("/media", "/mnt", "/opt", "/proc", "/run", "/sbin", "/srv", "/sys", "/usr"),
        *("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/local", "/usr/local/bin", "/usr/local/lib"),
        *("/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/run"),
        *("/tmp", "/var/tmp"),  # noqa: S108 - named, not written to
    }
)
"""Folders that hide a container's own where they are mounted, or hold everybody's files."""

_NEVER = ("/dev", "/proc", "/sys")
_NOT_FOLLOWED = (*_NEVER, "/bin", "/boot", "/etc", "/lib", "/lib64", "/run", "/sbin", "/usr")


def folders_read(arguments: Mapping[str, Any], here: Path) -> list[Path]:
    """The folders, and files out of folders that cannot be had whole, that parameters name.

    A file brings its folder: media, a database or code may lie beside it. What a symbolic link
    leads to comes along, and every link on the way.

    Args:
        arguments: A run's parameters; values may be nested, names within values count too.
        here: The current folder, absolute, which relative paths start at.

    Raises:
        ConfigurationError: Lists every parameter that names what no container may be given.
    """
    found: list[Path] = []
    problems: list[str] = []
    for name, text in _texts(arguments):
        try:
            found.extend(_behind(text, here))
        except ConfigurationError as error:
            problems.extend(f"{name}: {problem}" for problem in error.problems)
    if problems:
        raise ConfigurationError(problems)
    return list(dict.fromkeys(found))


def with_home(value: Any) -> Any:
    """The same value with ``~`` written out wherever it names a place that is there.

    A task's home is another one than its user's.
    """
    if isinstance(value, str):
        written_out = _without_tilde(value)
        return written_out if written_out != value and _is_there(written_out) else value
    if isinstance(value, dict):
        return {with_home(name): with_home(each) for name, each in value.items()}
    if isinstance(value, list):
        return [with_home(each) for each in value]
    return value


def require_mountable(folder: Path) -> None:
    """Refuse the system's own folders.

    Raises:
        ConfigurationError: It is one of them, or a link to one.
    """
    if _is_of_system(folder):
        raise ConfigurationError(
            f"{folder}: is a folder of the system, which a container has its own of. Move what is "
            "needed to a folder of its own."
        )


def _texts(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in arguments.items():
        if name not in _NO_PATHS:
            yield from _inside(name, value)


def _inside(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _inside(name, key)
            yield from _inside(f"{name}.{key}", each)
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from _inside(f"{name}.{place}", each)


def _behind(text: str, here: Path) -> Iterator[Path]:
    """What a container has to be given so that a text names the same files in it."""
    for path in _candidates(text, here):
        if _is_there(str(path)):
            plain = _plain(text, path, here)
            yield from _whole_folder(plain) if plain.is_dir() else _beside(plain)
        elif any(mark in str(path) for mark in _GLOB_MARKS):
            yield from _matching(path)


def _candidates(text: str, here: Path) -> Iterator[Path]:
    if not text.strip() or "\0" in text or "\n" in text or len(text) > _LONGEST_PATH:
        return
    plain = text.removeprefix("file://")
    if "://" in plain:
        return
    yield here / _without_tilde(plain)
    if metric := _METRIC.fullmatch(plain):
        if metric["file"]:
            yield here / _without_tilde(metric["file"])
        else:
            yield here / f"{metric['module']}.py"
            yield here / metric["module"]


def _plain(text: str, path: Path, here: Path) -> Path:
    """A path without ``..``, as the engine writes it too.

    Raises:
        ConfigurationError: ``..`` stands behind a folder, which need not be there in a container.
    """
    plain = Path(os.path.normpath(path))
    steps = path.relative_to(here).parts if path.is_relative_to(here) else path.parts
    leading = next((place for place, step in enumerate(steps) if step != ".."), len(steps))
    if ".." in steps[leading:]:
        raise ConfigurationError(f"{text}: write it without '..' in its middle, as {plain}.")
    return plain


def _beside(file: Path) -> Iterator[Path]:
    """A file's folder, and that of every file that links lead to on the way."""
    for hop in _hops(file):
        _refuse_devices(hop)
        yield hop if _is_of_system(hop.parent) else hop.parent


def _whole_folder(folder: Path) -> Iterator[Path]:
    for hop in _hops(folder):
        require_mountable(hop)
        yield hop
    yield from _linked_from(folder)


def _linked_from(folder: Path) -> Iterator[Path]:
    """What links within a folder lead to outside of it."""
    waiting, seen = [folder], {folder.resolve()}
    while waiting:
        for parent, folders, files in os.walk(waiting.pop()):
            links = [Path(parent, name) for name in (*folders, *files)]
            for link in filter(Path.is_symlink, links):
                real = link.resolve()
                if not real.exists() or str(real).startswith(_NOT_FOLLOWED) or real in seen:
                    continue
                if _is_of_system(real):
                    continue
                seen.add(real)
                hops = list(_hops(link))[1:]
                yield from hops if real.is_dir() else (hop.parent for hop in hops)
                if real.is_dir():
                    waiting.append(real)


def _matching(pattern: Path) -> Iterator[Path]:
    steps = pattern.parts
    first = next(place for place, step in enumerate(steps) if any(m in step for m in _GLOB_MARKS))
    base = Path(*steps[:first])
    matches = glob.iglob(str(pattern), recursive=True)  # noqa: PTH207 - takes absolute patterns
    one = next(matches, None)
    if one is None:
        return
    yield from _whole_folder(base)
    for match in (one, *matches):
        yield from (hop if hop.is_dir() else hop.parent for hop in list(_hops(Path(match)))[1:])


def _hops(path: Path) -> Iterator[Path]:
    """A path, and what it becomes as one link after the other is followed."""
    yield path
    for _ in range(_MOST_LINKS):
        link = next((each for each in (*reversed(path.parents), path) if each.is_symlink()), None)
        if link is None:
            return
        path = Path(os.path.normpath(link.parent / link.readlink() / path.relative_to(link)))
        yield path


def _is_of_system(folder: Path) -> bool:
    places = {str(folder), str(folder.resolve())}
    return bool(places & _OF_THE_SYSTEM) or any(
        place.startswith(_below_never()) for place in places
    )


def _below_never() -> tuple[str, ...]:
    return tuple(f"{tree}/" for tree in _NEVER)


def _refuse_devices(file: Path) -> None:
    if str(file).startswith(_below_never()):
        raise ConfigurationError(f"{file}: no container is given files of {file.parts[1]}.")


def _without_tilde(text: str) -> str:
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError:  # a home that is not there
        return text


def _is_there(text: str) -> bool:
    try:
        return Path(text).is_file() or Path(text).is_dir()
    except (OSError, ValueError):  # a name too long for a path
        return False
