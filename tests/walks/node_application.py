"""@node-saml/node-saml as a third-party SAML application: a Node program that is told what to do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from tests.peers import require
from tests.saml.sp import DS, MD, Sp
from tests.walks.applications import Seen, TurnedAway, context_of, status_of
from tests.walks.browser import Left

PROGRAM = Path(__file__).parents[1] / "saml" / "peers" / "service_provider.mjs"
_NAMES = {
    "urn:oid:0.9.2342.19200300.100.1.1": "uid",
    "urn:oid:0.9.2342.19200300.100.1.3": "mail",
    "urn:oid:2.16.840.1.113730.3.1.241": "displayName",
}


class NodeSaml:
    """node-saml with its own defaults, which sign requests and want Response and Assertion signed."""

    def __init__(
        self,
        idp_metadata: str,
        sp: Sp,
        program: Path,
        *,
        app: str = "https://node.example",
        decrypts: bool = False,
    ) -> None:
        self.app = app
        self.entity_id = f"{self.app}/node"
        provider = etree.fromstring(idp_metadata.encode())
        self._slo = _location(provider, "SingleLogoutService")
        given = {
            "app": self.app,
            "sso": _location(provider, "SingleSignOnService"),
            "slo": self._slo,
            "idpIssuer": provider.get("entityID"),
            # Those it would use an elliptic curve's for are none that it can read.
            "idpCert": [each.text for each in provider.iter(f"{{{DS}}}X509Certificate")],
            "privateKey": sp.key_pem,
            "publicCert": sp.pem,
            "decryptionKey": sp.key_pem if decrypts else None,
        }
        command = [str(require("node")), str(program), json.dumps(given)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()

    def metadata(self) -> bytes:
        # It takes logout by Redirect, though its metadata names the POST binding.
        written: str = self._do("metadata")
        return written.replace("bindings:HTTP-POST", "bindings:HTTP-Redirect", 1).encode()

    def ask(
        self,
        *,
        relay_state: str = "",
        force: bool = False,
        passive: bool = False,
        contexts: Sequence[str] = (),
        name_format: str = "",
        post: bool = False,
    ) -> Left:
        changed: dict[str, Any] = {"forceAuthn": force, "passive": passive}
        # By itself it asks for exactly PasswordProtectedTransport and an e-mail address.
        if contexts:
            changed["authnContext"] = list(contexts)
        if name_format:
            changed["identifierFormat"] = name_format
        if not post:
            return Left(self._do("authorize", relayState=relay_state, changed=changed))
        fields = self._do("form", relayState=relay_state, changed=changed)
        return Left(self._slo.replace("/slo", "/sso"), fields)

    def accept(self, answer: Left) -> Seen:
        try:
            profile = self._do("accept", fields=dict(answer.fields))
        except ValueError as error:
            if "error" in str(error) and status_of(answer) != "Success":
                raise TurnedAway(status_of(answer)) from error
            raise
        if profile is None:  # which is how it says NoPassive
            raise TurnedAway(status_of(answer))
        return Seen(
            name_id=profile["nameID"],
            format=profile["nameIDFormat"],
            attributes={_NAMES[name]: _listed(value) for name, value in profile["attributes"].items()},
            context=context_of(answer),
            session_index=profile["sessionIndex"],
            raw=profile,
        )

    def sign_out(self, seen: Seen) -> str:
        return str(self._do("logout", profile=seen.raw))

    def signed_out(self, address: str) -> None:
        assert self._do("heard", query=urlsplit(address).query) == {"profile": None, "loggedOut": True}

    def told(self, address: str) -> str:
        told = self._do("heard", query=urlsplit(address).query)
        assert told["profile"]["nameID"]
        return str(self._do("answer", profile=told["profile"]))

    def _do(self, what: str, **arguments: Any) -> Any:
        """Let it do something. Raises ValueError with its words when it refuses."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        said = json.loads(self._process.stdout.readline())
        if "error" in said:
            raise ValueError(said["error"])
        return said["ok"]


def _location(provider: etree._Element, service: str) -> str:
    return next(provider.iter(f"{{{MD}}}{service}")).get("Location", "")


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
