"""Programs started together: waited for, watched, and stopped together."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from idp.cli import children
from idp.cli.children import Children, Program
from idp.core.errors import Refused


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _server(port: int, folder: Path) -> Program:
    # -u and no log: nothing is left in a buffer when it is stopped.
    options = (
        "-u",
        "-W",
        "error",
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(folder),
    )
    return Program(name="server", command=(sys.executable, *options), log=folder / "server.log")


def _runs(code: str, folder: Path) -> Program:
    return Program(name="program", command=(sys.executable, "-c", code), log=folder / "program.log")


def test_a_program_is_waited_for_and_stopped(port: int, tmp_path: Path) -> None:
    (tmp_path / "hello").write_text("here")
    with Children([_server(port, tmp_path)], stopping=threading.Event()) as running:
        assert running.wait_for(f"http://127.0.0.1:{port}/hello") == b"here"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_program_that_ends_is_said_and_the_others_stop(port: int, tmp_path: Path) -> None:
    programs = [_server(port, tmp_path), _runs("import sys; print('oh dear'); sys.exit(7)", tmp_path)]
    with (
        pytest.raises(Refused, match="program ended with code 7:\noh dear"),
        Children(programs, stopping=threading.Event()) as running,
    ):
        running.watch()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_an_answer_that_never_comes_is_said(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_PATIENCE", 0.2)
    with (
        pytest.raises(Refused, match="did not answer"),
        Children([_runs("import time; time.sleep(60)", tmp_path)], stopping=threading.Event()) as running,
    ):
        running.wait_for(f"http://127.0.0.1:{port}/")


def test_waiting_ends_when_we_are_to_stop(port: int, tmp_path: Path) -> None:
    stopping = threading.Event()
    stopping.set()
    with Children([_runs("import time; time.sleep(60)", tmp_path)], stopping=stopping) as running:
        assert running.wait_for(f"http://127.0.0.1:{port}/") is None
        running.watch()


def test_a_program_that_will_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_GRACE", 0.3)
    ready = tmp_path / "ready"
    code = "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    stubborn = _runs(f"{code}; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)", tmp_path)
    with Children([stubborn], stopping=threading.Event()) as running:
        while not ready.exists():
            running._check()
        (_, process) = running._running[0]
    assert process.returncode == -signal.SIGKILL


def test_our_environment_is_handed_on_with_the_program_s(tmp_path: Path) -> None:
    said = tmp_path / "said"
    text = "os.environ['A'] + os.environ['NO_PROXY']"
    code = f"import os, pathlib; pathlib.Path({str(said)!r}).write_text({text})"
    program = replace(_runs(code, tmp_path), environment={"A": "given "})
    with pytest.raises(Refused), Children([program], stopping=threading.Event()) as running:
        running.watch()
    assert said.read_text() == "given localhost,127.0.0.1"
