"""The fastest matrix product that the device makes: what utilisation is a share of.

Run: ``python -m benchmarks.trainer_peers.peak PRECISION``; prints operations a second.
"""

from __future__ import annotations

import sys
import time

import torch

_REPEATS = 8


def main() -> None:
    """Multiply square matrices, and print the best of some."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = 8192 if device == "cuda" else 2048
    kind = getattr(torch, sys.argv[1])
    a, b = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(_REPEATS):
        started = time.perf_counter()
        product = a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
        del product
    print(2 * size**3 / best)


if __name__ == "__main__":
    main()
