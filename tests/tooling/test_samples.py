"""The sample applications of docs/developers.md, as they stand there, sign a person in."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_server

import pytest
import requests
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from pyotp import TOTP

from idp.cli import main
from tests.demo.browser import Browser
from tests.peers import missing, require
from tests.saml.sp import Sp

ROOT = Path(__file__).parents[2]
IDP = Path(sys.executable).with_name("idp")
PASSWORD = "correct horse battery"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
_SAMPLE = re.compile(
    r"^### (?P<name>\S+)\n(?:(?!#|```).*\n)*```(?P<language>python|js)\n(?P<code>(?:(?!```).*\n)*)",
    re.MULTILINE,
)
_PATIENCE = 60.0  # seconds; a loaded machine starts slowly


@dataclass
class Place:
    """A folder with a running provider, and the applications started beside it."""

    folder: Path
    base: str
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def idp(self, *arguments: str, given: str = "") -> None:
        done = CliRunner().invoke(main, arguments, input=given, env=self.environment())
        assert done.exit_code == 0, done.output

    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        return clean | {"IDP_BASE_URL": self.base, "IDP_DATA": str(self.folder / "var")}

    def start(self, *command: str, address: str, **environment: str) -> None:
        with (self.folder / "log").open("ab") as log:
            started = subprocess.Popen(
                command, cwd=self.folder, env=self.environment() | environment, stdout=log, stderr=log
            )
        self.running.append(started)
        deadline = time.monotonic() + _PATIENCE
        while not _answers(address):
            assert started.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "it did not start"
            time.sleep(0.1)

    def run_sample(self, name: str, app: str) -> None:
        """Write a sample as a program, with these addresses in place of the written ones, and start it."""
        language, code = samples()[name]
        port = app.rpartition(":")[2]
        for written, here in (
            ("https://login.example.org", self.base),
            ("https://app.example.org", app),
            (".listen(5000)", f".listen({port}, '127.0.0.1')"),
            # Over plain http a browser keeps no Secure cookie, and openid-client wants to be told.
            ("SESSION_COOKIE_SECURE=True", "SESSION_COOKIE_SECURE=False"),
            ("(process.env.CLIENT_SECRET),\n", "(process.env.CLIENT_SECRET),\n  " + _HTTP),
        ):
            code = code.replace(written, here)
        program = self.folder / f"{name.replace('-', '_')}.{'py' if language == 'python' else 'mjs'}"
        program.write_text(code)
        given = {"CLIENT_SECRET": PASSWORD}
        if language == "js":
            self.start(str(require("node")), str(program), address=f"{app}/metadata", **given)
        else:
            flask = [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "flask",
                "--app",
                program.stem,
                "run",
                "--port",
                port,
            ]
            self.start(*flask, address=f"{app}/metadata", **given)


_HTTP = "{ execute: [client.allowInsecureRequests] },\n"


def samples() -> dict[str, tuple[str, str]]:
    """Return language and code of each sample, by the heading above it."""
    text = (ROOT / "docs/developers.md").read_text()
    return {found["name"]: (found["language"], found["code"]) for found in _SAMPLE.finditer(text)}


def _answers(address: str) -> bool:
    try:
        requests.get(address, timeout=5, allow_redirects=False)
    except requests.ConnectionError:
        return False
    return True


def free_address(host: str) -> str:
    with create_server(("127.0.0.1", 0)) as server:
        return f"http://{host}:{server.getsockname()[1]}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A running provider, and a folder with an application's key."""
    place = Place(tmp_path_factory.mktemp("samples"), free_address("localhost"))
    sp = Sp(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    (place.folder / "app.key").write_text(sp.key_pem)
    (place.folder / "app.crt").write_text(sp.pem)
    try:
        place.start(str(IDP), "serve", address=f"{place.base}/readyz")
        yield place
    finally:
        for process in reversed(place.running):
            process.terminate()
            process.wait(_PATIENCE)


def install(place: Place, room: str) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "tests" / room / "peers" / name, place.folder)
    command = [str(require("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    installed = subprocess.run(command, cwd=place.folder, capture_output=True, timeout=120, check=False)
    if installed.returncode != 0:
        missing(f"npm could not install the packages of {room}: {installed.stderr[-300:]!r}")


def sign_in(place: Place, app: str, name: str) -> str:
    """Walk from the application through password and code, back to the page that says who came."""
    # A person for each: nobody can use the code of one half minute twice.
    mail = f"{name}@example.org"
    place.idp("person", "add", name, "--email", mail, "--password-stdin", given=f"{PASSWORD}\n")
    place.idp("method", "add", name, "totp", "--secret", SEED)
    with Browser() as browser:
        browser.open(f"{app}/")
        browser.submit(username=name, password=PASSWORD)
        browser.submit(code=TOTP(SEED).now())
        browser.pass_on()
        assert browser.status == 200, browser.text
        assert browser.address.startswith(app), browser.text
        return browser.text


@pytest.mark.parametrize("name", ["pysaml2", "python3-saml", "node-saml"])
def test_saml_samples(place: Place, name: str) -> None:
    if name == "pysaml2":
        require("xmlsec1")
    if name == "node-saml":
        install(place, "saml")
    app = free_address("127.0.0.1")
    place.run_sample(name, app)
    (place.folder / "app.xml").write_text(requests.get(f"{app}/metadata", timeout=20).text)
    place.idp("partner", "import", str(place.folder / "app.xml"))
    time.sleep(2)  # what an administrator is promised
    said = sign_in(place, app, name)
    assert f"{name}@example.org" in json.dumps(json.loads(said))


@pytest.mark.parametrize("name", ["Authlib", "openid-client"])
def test_openid_connect_samples(place: Place, name: str) -> None:
    if name == "openid-client":
        install(place, "oidc")
    app = free_address("127.0.0.1")
    place.idp(
        *("partner", "add-oidc", "wiki", "--redirect-uri", f"{app}/callback", "--secret-stdin"),
        given=PASSWORD,
    )
    place.run_sample(name, app)
    said = json.loads(sign_in(place, app, name))
    assert said["userinfo"]["email"] == f"{name}@example.org"
    assert said["userinfo"]["preferred_username"] == name
    place.idp("partner", "remove", "wiki")
    # The next one has the same client id: by then every worker must know that this one is gone.
    time.sleep(2)


def test_every_sample_is_tried() -> None:
    assert set(samples()) == {"pysaml2", "python3-saml", "node-saml", "Authlib", "openid-client"}
