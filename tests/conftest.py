"""What the tests of several stages share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch is imported: with more threads than idle cores a tiny model is many times slower.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
# Before gcsfs is imported: it would ask for a bucket's layout by gRPC, which the emulator does not
# speak, and wait for a minute.
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"

# A shared machine may stop for longer than any example takes.
settings.register_profile("tuneline", deadline=None)
settings.load_profile("tuneline")


@pytest.fixture(scope="session")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny Qwen3 model with a ChatML template; nothing may write to it."""
    from tests.tiny_models import save_qwen3

    return save_qwen3(tmp_path_factory.mktemp("bases") / "qwen3")


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny GPT-2 model without chat template; nothing may write to it."""
    from tests.tiny_models import save_gpt2

    return save_gpt2(tmp_path_factory.mktemp("bases") / "gpt2")


@pytest.fixture(scope="session")
def lamp_splits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with train, validation and test splits; the last row of train has over 100 tokens."""
    from tests.lamps import lamp, lamps, write_split

    folder = tmp_path_factory.mktemp("lamps")
    write_split(folder / "train.parquet", [*lamps(1, 24), lamp(25, "red", " behind the door" * 20)])
    write_split(folder / "validation.parquet", lamps(101, 9))
    write_split(folder / "test.parquet", lamps(201, 10))
    return folder


@pytest.fixture(scope="session")
def pet_run(lamp_splits: Path, qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Output of a finished run by method pet; nothing may write to it."""
    from tests.lamps import run_config
    from tuneline.training.train import train

    output = tmp_path_factory.mktemp("runs") / "pet"
    train(run_config(lamp_splits, output, qwen3, method="pet"))
    return output


@pytest.fixture(scope="session")
def full_run(lamp_splits: Path, qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Output of a finished run by method full; nothing may write to it."""
    from tests.lamps import run_config
    from tuneline.training.train import train

    output = tmp_path_factory.mktemp("runs") / "full"
    train(run_config(lamp_splits, output, qwen3, method="full"))
    return output
