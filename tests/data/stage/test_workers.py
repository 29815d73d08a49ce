"""What goes wrong in a process that reads is said by its own error, once."""

import pytest

from tests.data.source_files import names_in, pairs, prepare_into, write_jsonl
from tuneline.data.reading.pool import read_pieces
from tuneline.data.settings import PrepareSettings
from tuneline.data.spool import Spool
from tuneline.errors import ConfigurationError, MachineError


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tokenizer": "/no/such/model/"}, "tokenizer: '/no/such/model/' is no folder"),
        ({"target": "nonsense"}, "target: the catalogue has no model 'nonsense'"),
    ],
)
def test_wrong_settings_are_wrong_usage_in_any_process(tmp_path, capfd, workers, wrong, said):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(60))
    with pytest.raises(ConfigurationError, match=said):
        prepare_into(tmp_path / "out", data, workers=workers, **wrong)
    assert names_in(tmp_path / "out") == []
    assert "Traceback" not in capfd.readouterr().err


class _Killer:
    """A job that kills the worker that takes it."""

    def __reduce__(self):
        return exec, ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)",)


def test_a_killed_worker_ends_the_run_with_the_signal(tmp_path):
    settings = PrepareSettings(data="a.jsonl")
    jobs = [_Killer()]
    with pytest.raises(
        MachineError, match=r"was killed, .* \(\{.*SIGKILL\(-9\).*\}\)\. Set workers"
    ):
        list(read_pieces(jobs, settings, Spool(tmp_path, ()), 2))  # type: ignore[arg-type]
