"""The processes of a run, as torchrun starts them; one process is the same with nothing to ask."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Value = TypeVar("Value")

_DEADLINE = timedelta(minutes=30)
"""Longest wait for the other processes: one may fetch a large model while the rest wait."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those of the run.

    Attributes:
        rank: This process, from 0; rank 0 alone writes.
        world: All processes.
        local_rank: This process among those of its machine.
        local_world: Processes of this machine.
        node: This machine among those of the run.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1
    node: int = 0

    @property
    def main(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_rank)
        return torch.device("cpu")

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes of a small tensor, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def largest(self, values: list[float]) -> list[float]:
        """The largest over all processes of each of some numbers."""
        if self.world == 1:
            return values
        together = torch.tensor(values, device=self.device)
        dist.all_reduce(together, dist.ReduceOp.MAX)
        found: list[float] = together.tolist()
        return found

    def gathered(self, value: Value) -> list[Value]:
        """What every process has, in the order of their ranks."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def from_main(self, make: Callable[[], Value]) -> Value:
        """What rank 0 makes, in every process."""
        if self.world == 1:
            return make()
        values: list[Any] = [make() if self.main else None]
        dist.broadcast_object_list(values, device=self.device)
        made: Value = values[0]
        return made

    def from_first_here(self, make: Callable[[], Value]) -> Value:
        """What the first process of this machine makes, in every process of it."""
        own: Any = make() if self.local_rank == 0 else None
        made: Value = self.gathered(own)[self.rank - self.local_rank]
        return made

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.world > 1:
            dist.barrier()


def ranks_of(environment: Mapping[str, str]) -> Ranks:
    """Read torchrun's variables; without them this process is alone.

    ``RANK`` alone tells nothing: Vertex AI and Kubeflow's PyTorchJob number machines by it.
    """
    if "LOCAL_RANK" not in environment:
        return Ranks()
    return Ranks(
        rank=int(environment["RANK"]),
        world=int(environment["WORLD_SIZE"]),
        local_rank=int(environment["LOCAL_RANK"]),
        local_world=int(environment.get("LOCAL_WORLD_SIZE", "1")),
        node=int(environment.get("GROUP_RANK", "0")),
    )


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the other processes of the run, and leave them at the end.

    A process group that is there already is used and left as it is.
    """
    ranks = ranks_of(os.environ)
    if ranks.device.type == "cuda":
        torch.cuda.set_device(ranks.device)
    found = dist.is_initialized()
    if ranks.world > 1 and not found:
        dist.init_process_group(timeout=_DEADLINE)
    try:
        yield ranks
    finally:
        if dist.is_initialized() and not found:
            dist.destroy_process_group()
