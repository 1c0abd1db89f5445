"""idp serve as a program: starts, tells changes to every worker, keeps its jobs going, stops cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.cli import main
from tests.cli.conftest import IDP

_PATIENCE = 60.0  # seconds; a loaded machine starts slowly


class Server:
    """A running `idp serve`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://localhost:{self.port}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        self.environment = clean | {"IDP_BASE_URL": self.base, "IDP_DATA": str(folder)} | environment
        self.process = subprocess.Popen(
            [IDP, "serve"],
            env=self.environment,
            cwd=folder.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: self.get("/readyz") == 200 or self.process.poll() is not None)

    def ask(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Return status and body, from whichever worker takes the new connection; 0 for none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return 0, b""
        finally:
            connection.close()

    def get(self, path: str) -> int:
        return self.ask(path)[0]

    def json(self, path: str) -> dict:
        return json.loads(self.ask(path)[1])

    def idp(self, *arguments: str, exit_code: int = 0) -> str:
        """Run a command in this process, which takes less time than to load it again."""
        gone = {name: None for name in os.environ if name not in self.environment}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(Path(self.environment["IDP_DATA"]).parent)
            result = CliRunner(env=gone | self.environment).invoke(main, arguments)
        assert result.exit_code == exit_code, result.output
        return result.stdout

    def children(self) -> set[int]:
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in text.split()}

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=_PATIENCE)
        return self.process.returncode, out, err


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Server]:
    server = Server(folder, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve") / "var") as server:
        yield server


def test_it_answers(running):
    assert running.get("/healthz") == 200
    assert running.get("/readyz") == 200
    assert running.json("/.well-known/openid-configuration")["issuer"] == running.base
    assert running.get("/saml/metadata") == 200
    assert running.get("/nonsense") == 404


def test_the_installation_is_healthy_but_for_an_owner(running):
    report = json.loads(running.idp("doctor", "--json", exit_code=1))
    assert [finding["what"] for finding in report["findings"] if not finding["ok"]] == ["owner"]


def test_without_a_token_there_are_no_metrics(running):
    assert running.get("/metrics") == 404
    assert not Path(running.environment["IDP_DATA"], "counts").exists()


def test_a_change_reaches_every_worker_within_two_seconds(running):
    before = {key["kid"] for key in running.json("/oidc/jwks")["keys"]}
    running.idp("key", "rotate")
    changed = time.monotonic()
    time.sleep(max(0.0, changed + 2.0 - time.monotonic()))
    # Each request is a new connection, so both workers are asked.
    seen = [{key["kid"] for key in running.json("/oidc/jwks")["keys"]} for _ in range(24)]
    assert all(kids > before for kids in seen)


def test_the_jobs_are_done_and_taken_up_again_after_a_crash(running):
    # Two workers and the jobs' process, which was started last.
    until(lambda: len(running.children()) == 3)
    jobs = max(running.children())
    os.kill(jobs, signal.SIGKILL)
    until(lambda: len(running.children() - {jobs}) == 3)
    assert running.get("/readyz") == 200


def test_a_crashed_worker_is_replaced(running):
    until(lambda: len(running.children()) == 3)
    worker = min(running.children())
    os.kill(worker, signal.SIGKILL)
    until(lambda: len(running.children() - {worker}) == 3)
    until(lambda: running.get("/readyz") == 200)


def test_sigterm_ends_everything_with_0_and_the_data_stays(running):
    until(lambda: len(running.children()) == 3)
    children, folder = running.children(), Path(running.environment["IDP_DATA"])
    running.idp("person", "add", "ada", "--owner")
    code, out, err = running.end()
    assert (code, err.count("Traceback")) == (0, 0)
    assert f"Countersign is at {running.base}" in out
    assert "idp person add NAME --owner" in out
    until(lambda: not any(map(alive, children)))
    assert folder.stat().st_mode & 0o077 == 0
    with serving(folder) as again:
        assert again.get("/readyz") == 200
        assert "ada" in again.idp("person", "list")
        code, out, err = again.end(signal.SIGINT)
        assert (code, err) == (0, "")
        assert "--owner" not in out


def test_whoever_was_let_in_is_answered_while_it_stops(data):
    """A balancer asks elsewhere when it is refused, but repeats no form that was perhaps read."""
    answers = []

    def ask_until_refused():
        with suppress(ConnectionRefusedError):
            while True:
                with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
                    try:
                        connection.sendall(b"POST /healthz HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
                        answers.append(connection.recv(12))
                    except ConnectionError:
                        answers.append(b"reset")

    with serving(data) as server:
        threads = [threading.Thread(target=ask_until_refused) for _ in range(16)]
        for thread in threads:
            thread.start()
        until(lambda: len(answers) > 100)
        code, _, err = server.end()
        for thread in threads:
            thread.join(30)
    assert (code, err.count("Traceback")) == (0, 0)
    assert set(answers) == {b"HTTP/1.0 405"}


def test_nothing_goes_on_when_the_server_is_killed(data):
    with serving(data) as server:
        until(lambda: len(server.children()) == 3)
        children = server.children()
        server.end(signal.SIGKILL)
        until(lambda: not any(map(alive, children)))


def test_a_taken_port_is_said(data):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with serving(data, IDP_BIND=f"127.0.0.1:{taken.getsockname()[1]}") as server:
            _, err = server.process.communicate(timeout=_PATIENCE)
            assert server.process.returncode == 1
            assert "in use" in err.lower()
            assert "Traceback" not in err


def test_wrong_settings_are_said_before_anything_is_made(tmp_path):
    with serving(tmp_path / "var", IDP_WORKERS="many") as server:
        _, err = server.process.communicate(timeout=_PATIENCE)
        assert server.process.returncode == 2
        assert err.startswith("workers (IDP_WORKERS):")
    assert not (tmp_path / "var").exists()


def test_the_metrics_are_those_of_all_processes(tmp_path):
    token = "a token for Prometheus"
    with serving(tmp_path / "data", IDP_METRICS_TOKEN=token, IDP_WORKERS="2") as server:
        assert server.get("/metrics") == 401
        for _ in range(20):
            assert server.get("/healthz") == 200

        def counted() -> bool:
            _, body = server.ask("/metrics", Authorization=f"Bearer {token}")
            name = 'countersign_request_seconds_count{endpoint="health.live",method="GET",status="200"}'
            return f"{name} 20.0" in body.decode()

        # Whichever worker answers, it tells of both.
        assert [counted() for _ in range(6)] == [True] * 6
        assert server.end()[0] == 0
