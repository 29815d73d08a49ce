"""Runs that are killed or ended: what they paid for is not paid for again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import fsspec
import pytest

from tests.prediction.gemini.asking_lamps import asker, question
from tests.prediction.gemini.stand_in import Reply, StandIn, said
from tuneline.prediction.journal import Journal

REPOSITORY = Path(__file__).parents[3]
COUNT = 60
AT_ONCE = 4

ASK = f"""
import sys
from tests.prediction.gemini.asking_lamps import asker, question
asker(sys.argv[1], concurrency={AT_ONCE}).answer([question(i) for i in range({COUNT})], "zero-shot")
"""


def ask_in_a_process(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ASK, str(folder)], cwd=REPOSITORY)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def has_answered(service: StandIn, count: int) -> bool:
    return service.answered.total() >= count


def test_after_kills_nothing_is_paid_for_twice_but_what_was_under_way(
    service: StandIn, tmp_path: Path
):
    service.answer = lambda asked: Reply(said(asked.prompt).body, delay_s=0.02)
    for enough in (12, 30):
        process = ask_in_a_process(tmp_path)
        wait_until(partial(has_answered, service, enough))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert ask_in_a_process(tmp_path).wait() == 0
    assert len(service.answered) == COUNT
    assert service.answered.total() <= COUNT + 2 * AT_ONCE
    assert len(Journal(tmp_path)) == COUNT


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGINT, (KeyboardInterrupt, ())), (signal.SIGTERM, (SystemExit, (143,)))],
)
def test_a_signal_ends_at_once_and_the_journal_is_whole(
    service: StandIn, number: signal.Signals, raised: tuple[type[BaseException], tuple[int, ...]]
):
    place = f"memory://ended-{number.name}"
    service.answer = lambda asked: (
        Reply(said("late").body, delay_s=3) if int(asked.prompt[21:-1]) >= 5 else said("in time")
    )

    def end() -> None:
        wait_until(partial(has_answered, service, 5))
        time.sleep(0.1)
        os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=end).start()
    with pytest.raises(raised[0]) as error:
        asker(place).answer([question(i) for i in range(9)], "zero-shot")
    assert error.value.args == raised[1]
    assert service.answered.total() == 5
    assert signal.getsignal(signal.SIGTERM) == before
    assert len(Journal(place)) == 5
    fsspec.filesystem("memory").rm(place, recursive=True)
