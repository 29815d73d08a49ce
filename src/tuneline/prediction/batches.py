"""Batches that shrink when the device's memory runs out."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch

from tuneline.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

logger = logging.getLogger("tuneline")

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches:
    """Runs work in batches, and halves them for good where one does not fit into memory.

    Args:
        size: Most items in a batch.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def run(
        self, batches: Iterable[Sequence[Item]], work: Callable[[Sequence[Item]], Sequence[Result]]
    ) -> Iterator[tuple[Item, Result]]:
        """Each item of each batch with its result.

        Args:
            batches: What is done together where memory allows.
            work: Gives one result for each item of a batch.

        Raises:
            MachineError: A single item does not fit.
        """
        for batch in batches:
            done = 0
            while done < len(batch):
                part = batch[done : done + self.size]
                results = self._attempt(part, work)
                if results is not None:
                    yield from zip(part, results, strict=True)
                    done += len(part)

    def _attempt(
        self, part: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Result]]
    ) -> Sequence[Result] | None:
        if len(part) == 1:
            with device_memory("A single row"):
                return work(part)
        try:
            return work(part)
        except torch.OutOfMemoryError:
            self.size = len(part) // 2
            logger.warning(
                "predict: %d rows together do not fit into the device's memory; going on with %d",
                len(part),
                self.size,
            )
        # Outside the handler: the exception's frames still hold the tensors in there.
        torch.cuda.empty_cache()
        return None


@contextmanager
def device_memory(what: str) -> Iterator[None]:
    """Turn a device's lack of memory into a `MachineError` that says what did not fit."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MachineError(
            f"{what} does not fit into the device's memory beside the model. Lower "
            "max_new_tokens or the number of shots, or take a device with more memory."
        ) from error
