"""A real `idp serve` on a data folder of its own, and the `idp` command beside it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from idp.cli import main
from idp.factors.codes import hotp
from idp.factors.totp import base32
from idp.store import revisioned
from tests.demo.running import IDP, free_ports

CALLBACK = "https://wiki.example/callback"
_PATIENCE = 60.0  # seconds; a loaded machine starts slowly
_PERIOD = 30  # seconds of a TOTP time step
_numbers = count(1)


@dataclass
class Someone:
    """A person: user name, password, and the app that shows codes (no seed: none yet)."""

    name: str
    password: str
    seed: bytes = b""
    _used: int = field(default=0, repr=False)

    def code(self) -> str:
        """Return the next code that was not used yet; the provider takes one a step ahead."""
        now = int(time.time()) // _PERIOD
        self._used = max(now, self._used + 1)
        while self._used > int(time.time()) // _PERIOD + 1:
            time.sleep(0.5)
        return hotp(self.seed, self._used, digits=6, algorithm="sha1")

    def wrong_code(self) -> str:
        """Return six digits that are right in none of the steps around."""
        now = int(time.time()) // _PERIOD
        near = {hotp(self.seed, now + step, digits=6, algorithm="sha1") for step in range(-3, 6)}
        return next(code for code in map("{:06}".format, range(20)) if code not in near)


def clean_environment() -> dict[str, str]:
    """Return this environment without settings of an installation."""
    return {name: text for name, text in os.environ.items() if not name.upper().startswith("IDP_")}


class Installation:
    """A data folder and what the `idp` command does to it, whether or not a server runs."""

    def __init__(self, folder: Path, base: str, **settings: str) -> None:
        self.folder = folder
        self.base = base
        self.settings = {"IDP_BASE_URL": base, "IDP_DATA": str(folder), **settings}

    def idp(self, *arguments: str, given: str = "") -> str:
        """Run `idp` in this process (a second less than a program) and return what it printed."""
        settings: dict[str, str | None] = dict.fromkeys(os.environ.keys() - clean_environment().keys())
        result = CliRunner(env=settings | self.settings).invoke(main, arguments, input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        if result.exit_code != 0:
            raise AssertionError(result.output)
        return result.stdout

    def json(self, *arguments: str, given: str = "") -> Any:
        return json.loads(self.idp(*arguments, "--json", given=given))

    def someone(self, name: str = "", *, app: bool = True, groups: tuple[str, ...] = ()) -> Someone:
        """Add a person, with an authenticator app unless told otherwise."""
        name = name or f"person{next(_numbers)}"
        made = Someone(name, f"correct horse {name}", name.encode().ljust(20, b"*") if app else b"")
        options = [text for group in groups for text in ("--group", group)]
        options += ["--display-name", name.title(), "--email", f"{name}@example.org"]
        self.idp("person", "add", name, *options, "--password-stdin", given=made.password + "\n")
        if app:
            self.idp("method", "add", name, "totp", "--secret", base32(made.seed))
        return made

    def age(self, person: Someone) -> None:
        """Have a person's methods be two days old, as no command can."""
        whose = "SELECT person FROM login_names WHERE folded = ?"
        with sqlite3.connect(self.folder / "idp.db", timeout=20) as database:
            changed = f"UPDATE methods SET created_at = created_at - ? WHERE person = ({whose})"  # noqa: S608
            assert database.execute(changed, (2 * 86_400_000_000, person.name)).rowcount > 0
        database.close()

    def client(self, name: str = "", *, callback: str = CALLBACK) -> str:
        """Register a public OpenID Connect client and return its id."""
        name = name or f"client{next(_numbers)}"
        self.idp("partner", "add-oidc", name, "--redirect-uri", callback, "--public")
        return name


class Server(Installation):
    """The installation, served by two worker processes."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_ports(1)[0]
        super().__init__(folder, f"http://localhost:{self.port}", **settings)
        self._log = folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None
        self._arguments: tuple[str, ...] = ("serve",)

    def start(self) -> None:
        """Start, and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [IDP, *self._arguments],
                env=clean_environment() | self.settings,
                cwd=self.folder.parent,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + _PATIENCE
        while self.get("/readyz")[0] != 200:
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(self.log())
            time.sleep(0.05)

    def stop(self) -> int:
        """Tell it to stop (SIGTERM) and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_PATIENCE)
        finally:
            self._process.kill()

    @property
    def pid(self) -> int:
        """Return the id of the process that has the workers as its children."""
        assert self._process is not None
        return self._process.pid

    def settle(self) -> None:
        """Wait until every worker has looked for changes."""
        time.sleep(revisioned.CHECK_EVERY + 0.1)

    def log(self) -> str:
        """Return everything it wrote."""
        return self._log.read_text(errors="replace")

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Ask by a new connection, so any worker may answer; status 0 when none does."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, HTTPException):
            return 0, {}, b""
        finally:
            connection.close()
