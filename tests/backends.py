"""Where tests keep their data: SQLite files, or a PostgreSQL and a Redis that are started for them.

`COUNTERSIGN_BACKEND=postgres` runs everything that asks here on the latter; tests marked `backends`
run on both, wherever the programs are installed.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from socket import socket

import psycopg
from sqlalchemy import event

from idp.core.ports import Clock, State
from idp.state import open_state
from idp.store import Store, open_store
from idp.store.upgrade import upgrade
from tests.demo.running import free_ports
from tests.peers import missing, require

SQLITE, POSTGRES = "sqlite", "postgres"
CHOSEN = os.environ.get("COUNTERSIGN_BACKEND", SQLITE)
_PATIENCE = 60.0  # seconds; a loaded machine starts slowly
# The logs are written to the system as ever, so that a killed server loses nothing; only a power
# cut would.
_POSTGRES_OPTIONS = {"max_connections": "300"}
_HASTY = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """A private PostgreSQL server on a free port; it refuses to run as root.

    durable: commits wait for the disk.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._options = _POSTGRES_OPTIONS | ({} if durable else _HASTY)
        self._bin = _postgres_programs()
        self._user = "postgres" if os.getuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="countersign-postgres-"))
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self.port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "--pgdata", self.folder / "data", "--username", "idp", "--auth", "trust", "-E", "UTF8"
        )
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [f"--{name}={value}" for name, value in self._options.items()]
        options += [f"--port={self.port}", "--listen_addresses=127.0.0.1", "--unix_socket_directories="]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", *options],
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user,
            )
        _wait_for(self._answers)

    def kill(self) -> None:
        """Kill it as a power cut would (but for what the system has not written to disk yet)."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self._process.kill()
        self._process.wait()
        # They would go by themselves, but on a busy machine they still serve for a while.
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        _wait_for(lambda: not any(_runs(child) for child in children))

    def stop(self) -> None:
        """Stop it and throw its data away."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder.parent / f"{self.folder.name}.log").unlink(missing_ok=True)

    @property
    def pid(self) -> int:
        """Return its first process; the others are its children."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str) -> str:
        """Return the URL of one of its databases, as the settings take it."""
        return f"postgresql+psycopg://idp@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template0") -> str:
        """Make a database, as a copy of another; return its URL."""
        self.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def execute(self, statement: str) -> None:
        """Run a statement outside of any of the tests' databases."""
        dsn = f"host=127.0.0.1 port={self.port} user=idp dbname=postgres"
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._bin / program, *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            user=self._user,
        )


class RedisServer:
    """A private Redis on a free port; it keeps nothing on disk."""

    def __init__(self, *options: str, program: tuple[str, ...] = ()) -> None:
        self.port = free_ports(1)[0]
        self._options = (*program, "--port", str(self.port), "--bind", "127.0.0.1", *options)
        if not program:
            self._options += ("--save", "")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        program = require("redis-server")
        self._process = subprocess.Popen([program, *self._options], stdout=subprocess.DEVNULL, cwd="/")
        _wait_for(self._answers)

    def kill(self) -> None:
        """Kill it: what it held is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Return its process."""
        assert self._process is not None
        return self._process.pid

    def url(self, prefix: str = "") -> str:
        """Return its URL, as the settings take it, for keys with a prefix of their own."""
        return f"redis://127.0.0.1:{self.port}/0" + (f"?prefix={prefix}" if prefix else "")

    def _answers(self) -> bool:
        with socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@cache
def postgres() -> Postgres:
    """Return the server of this test run; skip (or fail, with CI=true) without the program."""
    server = Postgres()
    atexit.register(_stop_here, server, os.getpid())
    return server


@cache
def redis() -> RedisServer:
    """Return the server of this test run; skip (or fail, with CI=true) without the program."""
    server = RedisServer()
    atexit.register(_stop_here, server, os.getpid())
    return server


def blank(backend: str, folder: Path) -> str:
    """Return the URL of a fresh database with all tables, which belongs to a folder."""
    return copy(backend, _template(backend), folder)


def create(backend: str, folder: Path) -> str:
    """Return the URL of a new, empty database, which belongs to a folder."""
    if backend == POSTGRES:
        postgres().create(_name(folder))
    return database_url(backend, folder)


def copy(backend: str, template: Path, folder: Path) -> str:
    """Copy a folder and its database; nothing may have that open. Return the copy's URL."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    if backend == POSTGRES:
        postgres().create(_name(folder), _name(template))
    return database_url(backend, folder)


def database_url(backend: str, folder: Path) -> str:
    """Return the URL of the database that belongs to a folder."""
    return postgres().url(_name(folder)) if backend == POSTGRES else f"sqlite:///{folder}/idp.db"


def hasten(store: Store) -> Store:
    """Have a store that was just opened wait for no disk: nothing in it has to survive a power cut."""
    if store.engine.dialect.name == SQLITE:
        event.listen(store.engine, "connect", lambda handle, _: handle.execute("PRAGMA synchronous=OFF"))
    return store


def state_url(backend: str, folder: Path) -> str:
    """Return the URL of the state that belongs to a folder."""
    return redis().url(_name(folder)) if backend == POSTGRES else f"sqlite:///{folder}/state.db"


def state_beside(store: Store, folder: Path, clock: Clock) -> State:
    """Return the state of a folder, of the kind that goes with the store."""
    backend = POSTGRES if store.engine.dialect.name == "postgresql" else SQLITE
    return open_state(state_url(backend, folder), data=folder, clock=clock)


@cache
def _template(backend: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="countersign-blank-"))
    atexit.register(partial(shutil.rmtree, folder, ignore_errors=True))
    store = open_store(create(backend, folder))
    upgrade(store)
    store.dispose()
    return folder


def _name(folder: Path) -> str:
    """Return a folder's name among databases and key prefixes."""
    return "t" + hashlib.sha256(str(folder).encode()).hexdigest()[:30]


def _postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs, of the newest version that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    if program is None:
        missing("PostgreSQL is not installed (Debian package postgresql)")
    return Path(program).parent


def _runs(pid: str) -> bool:
    try:
        return Path("/proc", pid, "cmdline").read_bytes() != b""  # nothing: a zombie
    except (FileNotFoundError, ProcessLookupError):
        return False


def _stop_here(server: Postgres | RedisServer, pid: int) -> None:
    # A forked child inherits what runs at the end of its parent.
    if os.getpid() == pid:
        server.stop()


def _wait_for(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "the server did not come up"
        time.sleep(0.02)
