"""The weights in a model's folder, read a piece at a time and never loaded as a whole."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from safetensors import SafetensorError, safe_open

from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    import torch


class Weights:
    """Every tensor of a folder's safetensors files, by name.

    Args:
        folder: The model's folder.

    Raises:
        DataError: There is no such file, or one is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._files: dict[str, Any] = {}
        paths = sorted(folder.glob("*.safetensors"))
        if not paths:
            raise DataError(f"{folder}: holds no *.safetensors weights.")
        with self._stack:
            for path in paths:
                try:
                    file = self._stack.enter_context(safe_open(path, framework="pt"))
                except (OSError, SafetensorError) as error:
                    raise DataError(f"{path}: cannot be read: {error}") from error
                self._files.update(dict.fromkeys(file.keys(), file))
            self._stack = self._stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def find(self, name: str) -> str | None:
        """The full name of a tensor.

        Folders name the same tensor with and without the prefix of the whole model
        (``transformer.h.0.attn.weight``, ``h.0.attn.weight``).
        """
        if name in self._files:
            return name
        near = [own for own in self._files if name.endswith(f".{own}") or own.endswith(f".{name}")]
        return near[0] if len(near) == 1 else self._alike(name)

    def _alike(self, name: str) -> str | None:
        """The one tensor that shares most of the name's end, from a layer's number at least.

        Models with images are loaded under other names than they are stored under
        (``model.language_model.layers.0``, ``language_model.model.layers.0``).
        """
        parts = name.split(".")
        shared = {own: _shared_end(parts, own.split(".")) for own in self._files}
        most = max(shared.values(), default=0)
        best = [own for own, count in shared.items() if count == most]
        numbered = any(part.isdecimal() for part in parts[len(parts) - most :])
        return best[0] if len(best) == 1 and numbered else None

    def rows(self, name: str, count: int) -> torch.Tensor:
        """The first rows of a tensor; all of one without dimensions."""
        piece = self._files[name].get_slice(name)
        if not piece.get_shape():
            return self.whole(name)
        rows: torch.Tensor = piece[:count]
        return rows

    def whole(self, name: str) -> torch.Tensor:
        """A tensor with all of its rows."""
        tensor: torch.Tensor = self._files[name].get_tensor(name)
        return tensor


def _shared_end(one: list[str], other: list[str]) -> int:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
