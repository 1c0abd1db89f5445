"""Applications of two more makes, told what to do by lines: samlify, and lasso (mod_auth_mellon)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.peers import missing, require
from tests.saml.sp import ARTIFACT, MD, POST, REDIRECT, SAMLP, SOAP, Sp
from tests.walks.browser import Left

PEERS = Path(__file__).parents[1] / "saml" / "peers"
SAMLIFY = PEERS / "samlify" / "samlify_provider.mjs"
_SYSTEM_PYTHON = Path("/usr/bin/python3")


class Program:
    """A process that reads a command a line, and answers it with a line."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()

    def do(self, what: str, **arguments: Any) -> Any:
        """Let it do something. Raises ValueError with its words when it refuses."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        said = json.loads(self._process.stdout.readline())
        if "error" in said:
            raise ValueError(said["error"])
        return said["ok"]


class Samlify(Program):
    """samlify: wants everything signed and encrypted, and speaks logout by POST."""

    app = "https://samlify.example"

    def __init__(self, idp_metadata: str, sp: Sp, program: Path) -> None:
        given = {
            "app": self.app,
            "idpMetadata": idp_metadata,
            "privateKey": sp.key_pem,
            "publicCert": sp.pem,
        }
        super().__init__([str(require("node")), str(program), json.dumps(given)])

    def metadata(self) -> bytes:
        written: str = self.do("metadata")
        return written.encode()

    def ask(self) -> Left:
        return Left(self.do("ask"))

    def accept(self, answer: Left) -> Mapping[str, Any]:
        seen = self.do("accept", fields=dict(answer.fields))
        return {"nameID": seen["nameID"], "sessionIndex": seen["sessionIndex"]["sessionIndex"]}

    def leave(self, seen: Mapping[str, Any]) -> Left:
        user = {"logoutNameID": seen["nameID"], "sessionIndex": seen["sessionIndex"]}
        made = self.do("leave", user=user)
        return Left(made["address"], made["fields"])

    def left(self, answer: Left) -> None:
        assert answer.address == f"{self.app}/slo"
        self.do("left", fields=dict(answer.fields))

    def told(self, asked: Left) -> Left:
        assert asked.address == f"{self.app}/slo"
        made = self.do("told", fields=dict(asked.fields))
        return Left(made["address"], made["fields"])


class Lasso(Program):
    """lasso: knows no library of ours, reads encrypted answers, speaks logout by Redirect and SOAP."""

    app = "https://lasso.example"

    def __init__(self, idp_metadata: str, sp: Sp) -> None:
        found = subprocess.run([_SYSTEM_PYTHON, "-c", "import lasso"], capture_output=True, check=False)
        if found.returncode != 0:
            missing("lasso is not installed (Debian package python3-lasso)")
        self._metadata = _metadata(self.app, sp)
        given = {
            "metadata": self._metadata,
            "idpMetadata": idp_metadata,
            "privateKey": sp.key_pem,
            "publicCert": sp.pem,
        }
        super().__init__([str(_SYSTEM_PYTHON), str(PEERS / "lasso_provider.py"), json.dumps(given)])

    def metadata(self) -> bytes:
        return self._metadata.encode()

    def ask(self) -> Left:
        return Left(self.do("ask"))

    def accept(self, answer: Left) -> Mapping[str, Any]:
        seen: Mapping[str, Any] = self.do("accept", fields=dict(answer.fields))
        return seen

    def leave(self, _seen: Mapping[str, Any]) -> Left:
        return Left(self.do("leave")["address"])

    def left(self, answer: Left) -> None:
        assert answer.address.startswith(f"{self.app}/slo?")
        assert self.do("left", query=urlsplit(answer.address).query).endswith("Success")

    def told(self, asked: Left) -> Left:
        assert asked.address.startswith(f"{self.app}/slo?")
        return Left(self.do("told", query=urlsplit(asked.address).query)["address"])


def _metadata(app: str, sp: Sp) -> str:
    """Return metadata as mod_auth_mellon writes it."""
    certificate = "".join(sp.pem.splitlines()[1:-1])
    keys = "".join(
        f'<KeyDescriptor use="{use}"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>"
        for use in ("signing", "encryption")
    )
    return (
        f'<EntityDescriptor entityID="{app}/mellon/metadata" xmlns="{MD}">'
        '<SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" '
        f'protocolSupportEnumeration="{SAMLP}">{keys}'
        f'<SingleLogoutService Binding="{SOAP}" Location="{app}/logout-by-soap"/>'
        f'<SingleLogoutService Binding="{REDIRECT}" Location="{app}/slo"/>'
        "<NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</NameIDFormat>"
        f'<AssertionConsumerService index="0" isDefault="true" Binding="{POST}" Location="{app}/acs"/>'
        f'<AssertionConsumerService index="1" Binding="{ARTIFACT}" Location="{app}/artifact"/>'
        "</SPSSODescriptor></EntityDescriptor>"
    )
