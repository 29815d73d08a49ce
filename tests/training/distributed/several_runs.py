"""One process of torchrun's: runs every method and placement, one after another."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from tests.lamps import run_config
from tuneline.training.distributed.ranks import joined
from tuneline.training.train import train


def overrides(method: str, sharding: str) -> dict[str, Any]:
    """Settings under which any number of processes gives the same losses: without dropout."""
    dropout = {"lora_dropout": 0.0} if method == "pet" else {}
    return {"sharding": sharding, **dropout}


def main() -> None:
    """Run into a folder for each, named ``method-sharding``."""
    splits, output, base = map(Path, sys.argv[1:4])
    logging.basicConfig(level=logging.INFO, format=f"rank {os.environ['RANK']}: %(message)s")
    with joined():
        for method in ("pet", "full"):
            for sharding in ("none", "full"):
                given = overrides(method, sharding)
                folder = output / f"{method}-{sharding}"
                train(run_config(splits, folder, base, method=method, overrides=given))


if __name__ == "__main__":
    main()
