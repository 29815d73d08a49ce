"""What is read out of kfp's text while a pipeline runs."""

import io
import signal

import pytest

from tuneline.errors import ConfigurationError, DataError, MachineError
from tuneline.local.watch import Watch
from tuneline.stop import StopRequest

TRACEBACK = """\
21:00:00.000 - INFO - Executing task \x1b[96m'prepare-dataset'\x1b[0m
    [KFP Executor 2026-11-23 21:00:00,100 INFO]: data: read 12 rows
    Traceback (most recent call last):
      File "prepare.py", line 1, in prepare
    tuneline.errors.{error}

21:00:01.000 - ERROR - Task 'prepare-dataset' finished with status \x1b[91mFAILURE\x1b[0m
"""


def watched(text: str) -> tuple[Watch, list[str], str]:
    log = io.StringIO()
    shown: list[str] = []
    watch = Watch(log, shown.append, {"tune-model": "tune (pet)"}, StopRequest())
    for piece in (text[:37], text[37:60], text[60:]):  # text comes in pieces of any size
        watch.write(piece)
    return watch, shown, log.getvalue()


def test_progress_is_shown_and_everything_is_logged():
    watch, shown, log = watched(
        "20:59:59.000 - INFO - Executing task \x1b[96m'tune-model'\x1b[0m\n"
        "    [KFP Executor 2026-11-23 21:00:00,100 INFO]: tune: step 5 of 10\n"
        "    some library says something\n"
        "21:00:01.000 - INFO - Task 'tune-model' finished with status SUCCESS\n"
    )
    assert shown[:2] == ["tune (pet) ...", "  tune: step 5 of 10"]
    assert shown[2].startswith("tune (pet) done in")
    assert "some library says something" in log
    assert "\x1b" not in log
    assert watch.failed is None


def test_error_comes_back_with_its_class_and_whole_message():
    watch, _, _ = watched(
        TRACEBACK.format(error="DataError: data.csv:3: prompt: is empty.\n      - and another line")
    )
    assert watch.failed is not None
    error = watch.failed.error()
    assert isinstance(error, DataError)
    assert str(error) == "data.csv:3: prompt: is empty.\n  - and another line"


def test_configuration_error_keeps_its_exit_code():
    watch, _, _ = watched(TRACEBACK.format(error="ConfigurationError: no such method"))
    assert watch.failed is not None
    error = watch.failed.error()
    assert isinstance(error, ConfigurationError)
    assert error.exit_code == 2
    assert str(error) == "no such method"


def test_task_that_died_without_a_word_is_a_machine_error():
    watch, _, _ = watched(TRACEBACK.replace("tuneline.errors.{error}", "Killed"))
    assert watch.failed is not None
    error = watch.failed.error()
    assert isinstance(error, MachineError)
    assert "Killed" in str(error)


def test_run_that_stopped_in_the_middle_has_a_failed_task():
    watch, _, _ = watched("21:00:00.000 - INFO - Executing task 'evaluate'\n    working\n")
    assert watch.failed is not None
    assert watch.failed.name == "evaluate"


def test_no_task_begins_once_a_signal_asked_to_stop():
    stop = StopRequest()
    watch = Watch(io.StringIO(), lambda _: None, {}, stop)
    watch.write("21:00:00.000 - INFO - Executing task 'evaluate'\n")
    watch.write("21:00:01.000 - INFO - Task 'evaluate' finished with status SUCCESS\n")
    stop.signal = signal.SIGTERM
    with pytest.raises(KeyboardInterrupt):
        watch.write("21:00:02.000 - INFO - Executing task 'register-model'\n")
    assert watch.failed is None
