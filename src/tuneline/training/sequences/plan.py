"""Which sequences make which step, in what order, and how they are shared out.

All of it is a function of the seed and the step: nothing is drawn on the way, so a run goes on
from any step with the same sequences, on any number of devices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.training.sequences.store import Ints


class Limits(NamedTuple):
    """What one forward pass may hold.

    Attributes:
        tokens: Tokens, padding included.
        trained: Tokens that logits are computed for.
        padded: Whether each sequence has a row of its own, as long as the longest.
    """

    tokens: int
    trained: int
    padded: bool = False

    def holding(self, lengths: Ints, trained: Ints) -> Limits:
        """The same limits, or higher ones where a single sequence needs them."""
        return self._replace(
            tokens=max(self.tokens, int(lengths.max())),
            trained=max(self.trained, int(trained.max())),
        )

    def cost(self, sequences: int, longest: int, tokens: int, trained: int) -> tuple[int, int]:
        """What a pass takes of both limits.

        Where rows are padded, each has as many logits as there are places at which any row has a
        trained token: at most all trained tokens, and at most a row.

        Args:
            sequences: Number of its sequences.
            longest: Tokens of the longest.
            tokens: Tokens of all.
            trained: Trained tokens of all.
        """
        if self.padded:
            return sequences * longest, sequences * min(trained, longest)
        return tokens, trained

    def hold(self, sequences: int, longest: int, tokens: int, trained: int) -> bool:
        """Whether a pass is within the limits; see `cost`."""
        read, computed = self.cost(sequences, longest, tokens, trained)
        return read <= self.tokens and computed <= self.trained


@dataclass(frozen=True)
class Plan:
    """The steps of a run.

    Attributes:
        lengths: Tokens of each sequence.
        trained: Trained tokens of each sequence.
        batch_size: Sequences in one step.
        epochs: Passes over all sequences; the last may be a part.
        seed: Seeds the order.
    """

    lengths: Ints
    trained: Ints
    batch_size: int
    epochs: float
    seed: int

    @property
    def steps_an_epoch(self) -> int:
        """Steps in one pass; the last of them may have fewer sequences."""
        return math.ceil(len(self.lengths) / self.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return math.ceil(self.epochs * self.steps_an_epoch)

    def batch(self, step: int) -> list[int]:
        """The sequences of a step, counted from 0.

        Every sequence comes once in each epoch, in an order of its own.
        """
        epoch, place = divmod(step, self.steps_an_epoch)
        order = _order(len(self.lengths), self.seed, epoch)
        start = place * self.batch_size
        chosen: list[int] = order[start : start + self.batch_size].tolist()
        return chosen

    def trained_tokens(self, batch: Sequence[int]) -> int:
        """Tokens of some sequences that the loss falls on."""
        return int(self.trained[list(batch)].sum())

    def shares(self, batch: Sequence[int], limits: Limits, world: int) -> list[list[list[int]]]:
        """Share sequences out over devices, and on each over forward passes; see `shared_out`."""
        passes = shared_out(
            [int(self.lengths[i]) for i in batch],
            [int(self.trained[i]) for i in batch],
            limits,
            world,
        )
        named = [[batch[i] for i in one] for one in passes]
        return [named[rank::world] for rank in range(world)]


def shared_out(
    lengths: Sequence[int], trained: Sequence[int], limits: Limits, world: int
) -> list[list[int]]:
    """Share sequences out over the fewest passes that hold them, with like numbers of tokens.

    The longest first, each to the pass with the fewest tokens so far (Graham's rule: the fullest
    has at most a third more than it must). Where rows are padded, like lengths come together.

    Args:
        lengths: Tokens of each sequence.
        trained: Trained tokens of each.
        limits: What a pass may hold; no single sequence exceeds it.
        world: The number of passes is a multiple of this, so that each device has as many; some
            are empty where there are few sequences.

    Returns:
        The places of the sequences of each pass, those of one pass in their order.
    """
    if limits.padded:
        alike = in_order_of_length(np.array(lengths), np.array(trained), limits)
        return [sorted(one) for one in _multiple(alike, world)]
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    least = max(
        math.ceil(sum(lengths) / limits.tokens), math.ceil(sum(trained) / limits.trained), 1
    )
    rounds = math.ceil(least / world)
    while True:
        passes = _spread(order, lengths, rounds * world)
        if rounds * world >= len(lengths) or all(
            sum(lengths[i] for i in one) <= limits.tokens
            and sum(trained[i] for i in one) <= limits.trained
            for one in passes
        ):
            return [sorted(one) for one in passes]
        rounds += 1


def in_order_of_length(lengths: Ints, trained: Ints, limits: Limits) -> list[list[int]]:
    """Put all sequences into passes within the limits, the longest together.

    Where sequences are only read, their order is free, and like lengths save padding.
    """
    passes: list[list[int]] = []
    longest = tokens = answers = 0
    for i in np.argsort(-lengths, kind="stable").tolist():
        tokens, answers = tokens + int(lengths[i]), answers + int(trained[i])
        if not passes or not limits.hold(len(passes[-1]) + 1, longest, tokens, answers):
            passes.append([])
            longest = tokens = int(lengths[i])
            answers = int(trained[i])
        passes[-1].append(i)
    return passes


def _multiple(passes: list[list[int]], world: int) -> list[list[int]]:
    """Cut the fullest passes in two until each process has as many; some stay empty."""
    passes = list(passes)
    while len(passes) % world:
        fullest = max(range(len(passes)), key=lambda place: len(passes[place]))
        one = passes[fullest]
        half = len(one) // 2
        passes[fullest : fullest + 1] = [one[: len(one) - half], one[len(one) - half :]]
    return passes


def _spread(order: Sequence[int], lengths: Sequence[int], count: int) -> list[list[int]]:
    passes: list[list[int]] = [[] for _ in range(count)]
    filled = [(0, place) for place in range(count)]
    heapify(filled)
    for i in order:
        tokens, place = filled[0]
        passes[place].append(i)
        heapreplace(filled, (tokens + lengths[i], place))
    return passes


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> Ints:
    return np.random.default_rng([seed, epoch]).permutation(count)
