"""Compiling changes no loss, and where nothing can compile that is said before the first step."""

import pytest

from tests.lamps import run_config
from tuneline.errors import ConfigurationError
from tuneline.training.compiler import may_fuse_on_gpu
from tuneline.training.result import read_result
from tuneline.training.train import train


@pytest.fixture
def _no_compiler(monkeypatch):
    monkeypatch.setattr("tuneline.training.compiler.shutil.which", lambda _: None)
    may_fuse_on_gpu.cache_clear()
    yield
    may_fuse_on_gpu.cache_clear()


@pytest.mark.usefixtures("_no_compiler")
def test_compiling_without_a_compiler_is_refused(lamp_splits, qwen3, tmp_path):
    with pytest.raises(ConfigurationError, match=r"overrides.compile: .*apt-get install g\+\+"):
        train(run_config(lamp_splits, tmp_path, qwen3, overrides={"compile": True}))


@pytest.mark.usefixtures("_no_compiler")
def test_a_loss_that_cannot_be_fused_is_told_once(caplog):
    assert not may_fuse_on_gpu()
    assert not may_fuse_on_gpu()
    assert caplog.text.count("there is no C compiler") == 1


@pytest.mark.slow
def test_compiled_layers_give_the_same_losses(lamp_splits, qwen3, full_run, tmp_path):
    overrides = {"compile": True, "early_stopping_patience": 0}
    result = train(run_config(lamp_splits, tmp_path, qwen3, method="full", overrides=overrides))
    assert [point.loss for point in result.validation_loss] == pytest.approx(
        [point.loss for point in read_result(full_run).validation_loss], rel=1e-4
    )
