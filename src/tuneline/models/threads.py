"""How many processor threads a model can use."""

from __future__ import annotations

import os

_SMALL_MODEL_PARAMETERS = 5_000_000


def choose_threads(parameters: int) -> None:
    """Give models below 5 million parameters one thread, unless OMP_NUM_THREADS is set.

    Their matrix products are too small to share. Measured on 2 cores with a 0.4 M model: where
    another process kept one core busy, threads that wait for each other made a run 7 times slower
    (55 s against 7 s), while on an idle machine the second thread saved a third. One thread also
    gives the same sums on any number of cores.
    """
    import torch

    if parameters < _SMALL_MODEL_PARAMETERS and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
