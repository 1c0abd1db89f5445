"""Run `idp serve` in a folder of its own, and set people and applications up by the command line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import chain
from pathlib import Path

import machine
from backend import Backend
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.keys import MasterFile, Sealer
from idp.store import Store, open_store
from tests.saml.sp import POST, Sp

PASSWORD = "correct horse battery staple"  # noqa: S105 - of people who exist for a minute
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
# What is signed in an application's answers, as the command line calls it, and the application.
SIGNED = {"both": "https://sp.example/metadata", "assertion": "https://lean.example/metadata"}
CLIENT, REFRESHING, MACHINE, API = "bench", "bench-refresh", "bench-machine", "bench-api"
# How tokens of a machine's own are made: opaque, or signed for the API that is named.
TOKENS = ("opaque", "RS256", "ES256")
CLIENT_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105
REDIRECT = "https://rp.example/callback"


def _with_keys(host: str, *, requests_signed: bool = False) -> Sp:
    key = rsa.generate_private_key(65537, 2048)
    entity, base = f"https://{host}/metadata", f"https://{host}"
    acs = ((0, f"{base}/acs", POST),)
    return Sp(key, entity_id=entity, base=base, acs=acs, requests_signed=requests_signed)


# Answers to the one are encrypted; the other signs its requests and sends them by POST.
ENCRYPTED, POSTING = _with_keys("sealed.example"), _with_keys("posting.example", requests_signed=True)

_IDP = Path(sys.executable).with_name("idp")
_PATIENCE = 60.0  # seconds for a start
_METADATA = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}">
  <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
      Location="{acs}" index="0"/>
  </SPSSODescriptor>
</EntityDescriptor>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that answers. start: seconds from its start to the first good /readyz."""

    port: int
    pids: list[int]
    start: float
    backend: Backend

    def cpu(self) -> float:
        """Return the seconds computed so far by the server and what keeps its data, all processes."""
        beside = (machine.tree(program) for program in self.backend.programs)
        return machine.cpu([*self.pids, *chain.from_iterable(beside)])

    @property
    def worker(self) -> int:
        """Return the process that answers: of all, the one with most threads."""
        return max(self.pids, key=machine.threads)

    def memory(self) -> float:
        """Return the memory of the worker in MB."""
        return machine.memory(self.worker)


class Installation:
    """A data folder, with the settings that everything about it is started with."""

    def __init__(self, folder: Path, backend: Backend) -> None:
        self._folder = folder
        self._backend = backend
        self._port = _free_port()
        given = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        self._environment = given | {
            "IDP_BASE_URL": f"http://localhost:{self._port}",
            "IDP_DATA": str(folder / "data"),
            "IDP_WORKERS": "1",
        }
        if backend.database:
            self._environment |= {"IDP_DATABASE_URL": backend.database, "IDP_STATE_URL": backend.state}

    @contextmanager
    def opened(self) -> Iterator[tuple[Store, Sealer]]:
        """Open the data, as the command line does, for what would take it too long."""
        data = self._folder / "data"
        store = open_store(self._backend.database or f"sqlite:///{data / 'idp.db'}")
        try:
            yield store, Sealer(MasterFile(data / "master.key"))
        finally:
            store.dispose()

    @contextmanager
    def serving(self, core: int) -> Iterator[Running]:
        """Serve with one worker on one core until the block ends."""
        log = self._folder / "server.log"
        with log.open("ab") as output, machine.on_core(core):
            began = time.perf_counter()
            process = subprocess.Popen(
                [_IDP, "serve"],
                env=self._environment,
                cwd=self._folder,
                stdout=output,
                stderr=output,
            )
        try:
            self._wait(process, log)
            start = time.perf_counter() - began
            pids = machine.tree(process.pid)
            yield Running(port=self._port, pids=pids, start=start, backend=self._backend)
        finally:
            process.terminate()
            process.wait()

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.perf_counter() + _PATIENCE
        while not _ready(self._port):
            if process.poll() is not None or time.perf_counter() > deadline:
                raise RuntimeError(f"the server does not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.005)

    def settle(self, people: Sequence[str]) -> None:
        """Add people with password and authenticator app, and the applications."""
        # One visitor from one address does here in a second what many do elsewhere in a day.
        for limit in ("answers", "arrivals", "arrivals_all"):
            self._idp(["limits", "set", limit, "1000000"])
        metadata = self._folder / "sp.xml"
        for signed, entity in SIGNED.items():
            metadata.write_text(_METADATA.format(entity=entity, acs=acs_of(entity)))
            self._idp(["partner", "import", str(metadata), "--sign", signed])
        for application, encrypt in ((ENCRYPTED, "always"), (POSTING, "never")):
            metadata.write_bytes(application.metadata())
            self._idp(["partner", "import", str(metadata), "--encrypt", encrypt])
        self._idp(
            ["partner", "add-oidc", CLIENT, "--redirect-uri", REDIRECT, "--secret-stdin"], CLIENT_SECRET
        )
        self._settle_tokens()
        with ThreadPoolExecutor(2) as hands:
            list(hands.map(self._add, people))

    def _settle_tokens(self) -> None:
        """Add an application that refreshes, an API for each kind of token, and a machine that calls them."""
        redirect = ["--redirect-uri", REDIRECT, "--refresh", "--secret-stdin"]
        self._idp(["partner", "add-oidc", REFRESHING, *redirect], CLIENT_SECRET)
        calls = []
        for kind in TOKENS:
            signed = [] if kind == "opaque" else ["--access-token-alg", kind]
            name, resource = f"{API}-{kind}", resource_of(kind)
            scope = ["--scope", "read", "--secret-stdin"]
            self._idp(["partner", "add-api", name, resource, *scope, *signed], CLIENT_SECRET)
            calls += ["--api", name, "read"]
        self._idp(["partner", "add-oidc", MACHINE, "--machine", "--secret-stdin", *calls], CLIENT_SECRET)

    def _add(self, name: str) -> None:
        mail = f"{name}@bench.example"
        self._idp(
            ["person", "add", name, "--display-name", name.title(), "--email", mail, "--password-stdin"],
            PASSWORD,
        )
        self._idp(["method", "add", name, "totp", "--secret", SEED])

    def make_owner(self, name: str) -> None:
        """Let a person into the console."""
        self._idp(["person", "set", name, "--owner"])

    def _idp(self, arguments: Sequence[str], typed: str = "") -> None:
        done = subprocess.run(
            [_IDP, *arguments],
            check=False,
            input=typed,
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"idp {' '.join(arguments)}: {done.stderr}")


def resource_of(kind: str) -> str:
    """Return the address of the API with this kind of token."""
    return f"https://{kind.lower()}.example/"


def acs_of(entity: str) -> str:
    """Return where answers to a SAML application go."""
    return entity.replace("/metadata", "/acs")


def _ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
