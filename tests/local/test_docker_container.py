"""One container: its log, its end, its removal, by the client library against a loopback engine."""

import threading
import time
from itertools import pairwise

import pytest
from docker.errors import APIError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local.engine_server import Behaviour, Engine
from tuneline.errors import MachineError
from tuneline.local.docker.container import lines, run_container
from tuneline.local.docker.engine import connect
from tuneline.local.docker.stopping import Stopping


def run(stopping: Stopping | None = None, **options: object) -> int:
    stopping = stopping or Stopping()
    with stopping.listening():
        return run_container(connect(), "sha256:a", ["true"], "task", stopping, **options)


@given(st.binary(), st.lists(st.integers(0, 40)))
def test_log_comes_whole_whatever_pieces_it_comes_in(log, cuts):
    places = sorted({min(cut, len(log)) for cut in cuts} | {0, len(log)})
    pieces = [log[start:end] for start, end in pairwise(places)]
    read = list(lines(pieces))
    expected = log.decode(errors="replace")
    assert read == list(lines([log]))
    if b"\r" not in log:
        assert "\n".join(read) == expected.removesuffix("\n")


@pytest.mark.parametrize("code", [0, 1, 3, 143])
def test_exit_code_is_the_containers(engine, capsys, code):
    engine.behaviour = Behaviour(output="caf\u00e9 \u2603\n".encode() + b"\xff\xfe\nend", code=code)
    assert run() == code
    assert capsys.readouterr().out == "caf\u00e9 \u2603\n\ufffd\ufffd\nend\n"
    assert not engine.containers


@given(lost=st.integers(0, 24))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_last_lines_come_also_where_the_engine_stops_following_too_early(engine, capsys, lost):
    engine.behaviour = Behaviour(output=b"working\nsome more\nthe end", code=1, unfollowed=lost)
    assert run() == 1
    assert capsys.readouterr().out == "working\nsome more\nthe end\n"


def test_container_is_made_so_that_nothing_about_it_is_left_to_chance(engine):
    run(environment={"A": "b"}, user="5:6", labels={"x": "y"})
    body = engine.made[0].body
    assert body["Entrypoint"] == []
    assert body["Cmd"] == ["true"]
    assert body["User"] == "5:6"
    assert body["Env"] == ["A=b"]
    assert body["HostConfig"]["Init"] is True
    assert body["HostConfig"]["LogConfig"]["Type"] == "json-file"
    assert not body["HostConfig"].get("AutoRemove")


def test_container_that_somebody_removes_has_failed(engine):
    engine.behaviour = Behaviour(vanishes=True)
    with pytest.raises(MachineError, match="removed by somebody"):
        run()


def test_container_that_the_engine_loses_has_failed(engine):
    engine.faults["POST /containers/task/wait"] = (404, "No such container: task")
    with pytest.raises(MachineError, match="removed by somebody"):
        run()
    assert not engine.containers


@pytest.mark.parametrize("fault", ["POST /containers/create", "POST .*/start", "GET .*/logs"])
@pytest.mark.parametrize("status", [400, 409, 500])
def test_container_that_the_engine_refuses_is_put_away(engine, fault, status):
    engine.faults[fault] = (status, "out of order")
    with pytest.raises(APIError, match="out of order"):
        run()
    assert not engine.containers


def test_container_that_cannot_be_removed_is_named_and_hides_no_failure(engine, caplog):
    engine.behaviour = Behaviour(code=7)
    engine.faults["DELETE"] = (500, "device busy")
    assert run() == 7
    assert "docker rm -f task" in caplog.text


def test_memory_that_ran_out_is_said(engine, capsys):
    engine.behaviour = Behaviour(code=137, out_of_memory=True)
    with pytest.raises(MachineError, match="memory ran out"):
        run()
    engine.behaviour = Behaviour(code=137)
    with pytest.raises(MachineError, match="was killed: by somebody, or for want of memory"):
        run()
    engine.behaviour = Behaviour(code=3, out_of_memory=True)  # a worker alone was killed
    assert run() == 3
    assert "memory ran out" in capsys.readouterr().out


def ask(engine: Engine, stopping: Stopping, times: int = 1) -> threading.Thread:
    """Ask to stop as soon as a container is at work."""

    def wait_and_ask() -> None:
        for asked in range(times):
            while len(engine.made) == 0 or len(engine.made[0].signals) < asked:
                time.sleep(0.02)
            stopping.wish()

    thread = threading.Thread(target=wait_and_ask)
    thread.start()
    return thread


def test_wish_to_stop_reaches_the_container_as_sigterm(engine):
    engine.behaviour = Behaviour(ends_on=("SIGTERM",))
    stopping = Stopping()
    asking = ask(engine, stopping)
    assert run(stopping) == 143
    asking.join()
    assert engine.made[0].signals == ["SIGTERM"]
    assert not engine.containers


def test_second_wish_kills(engine):
    engine.behaviour = Behaviour(ends_on=("SIGKILL",))
    stopping = Stopping()
    asking = ask(engine, stopping, times=2)
    assert run(stopping) == 137
    asking.join()
    assert engine.made[0].signals == ["SIGTERM", "SIGKILL"]


def test_patience_ends(engine):
    engine.behaviour = Behaviour(ends_on=("SIGKILL",))
    stopping = Stopping(grace_s=0.1)
    asking = ask(engine, stopping)
    assert run(stopping) == 137
    asking.join()
    assert engine.made[0].signals == ["SIGTERM", "SIGKILL"]


def test_wish_before_the_container_runs_waits_for_it(engine):
    engine.behaviour = Behaviour(ends_on=("SIGTERM",))
    stopping = Stopping()
    with stopping.listening(), stopping.reaching("task"):
        stopping.wish()
        time.sleep(0.3)
        client = connect()
        client.containers.create("sha256:a", ["true"], name="task").start()
        stopping.started()
        assert engine.made[0].ended.wait(10)
    assert engine.made[0].signals == ["SIGTERM"]


def test_engine_that_does_not_take_the_wish_is_said(engine, caplog):
    engine.faults["POST .*/kill"] = (500, "out of order")
    stopping = Stopping()
    with stopping.listening(), stopping.reaching("task"):
        stopping.wish()
        stopping.started()
        time.sleep(1.5)
    assert "could not be asked to stop" in caplog.text
    assert "out of order" in caplog.text
