"""Third-party SAML applications as one kind of thing: pysaml2 and python3-saml, with their own checks on."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from lxml import etree, html
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.response import StatusError
from saml2.saml import NameID

from tests.saml.sp import RSA_SHA256, SAML, SAMLP, Sp
from tests.walks.browser import Left

SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"


class TurnedAway(Exception):
    """The provider said no; the text is the last word of its innermost status code."""


@dataclass(frozen=True)
class Seen:
    """Whom an application let in, by its own reading of the answer."""

    name_id: str
    format: str
    attributes: Mapping[str, Sequence[str]]
    context: str
    session_index: str
    raw: Any = None


class Application(Protocol):
    """A service provider; asking and being asked go by way of a browser."""

    app: str  # its origin
    entity_id: str

    def metadata(self) -> bytes:
        """Return the metadata to be imported."""

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
        """Return where it sends a browser to have a person signed in."""

    def accept(self, answer: Left) -> Seen:
        """Read the answer to what was asked last. Raises TurnedAway."""

    def sign_out(self, seen: Seen) -> str:
        """Return the address to which it sends a browser to sign out everywhere."""

    def signed_out(self, address: str) -> None:
        """Check the answer to its sign-out."""

    def told(self, address: str) -> str:
        """Check that it is told to sign somebody out; return the address of its answer."""


class PySaml2:
    """pysaml2, which checks by xmlsec1; it signs or does not."""

    def __init__(
        self,
        idp_metadata: str,
        sp: Sp,
        folder: Path,
        xmlsec1: Path,
        *,
        signs: bool = True,
        app: str = "",
        decrypts: bool = False,
    ) -> None:
        self.app = app or ("https://pysaml2.example" if signs else "https://unsigned.example")
        self.entity_id = f"{self.app}/sp.xml"
        self._signs = signs
        (folder / "sp.key").write_text(sp.key_pem)
        (folder / "sp.crt").write_text(sp.pem)
        service = {
            "endpoints": {
                "assertion_consumer_service": [
                    (f"{self.app}/acs", BINDING_HTTP_POST),
                    (f"{self.app}/other", BINDING_HTTP_POST),
                ],
                "single_logout_service": [(f"{self.app}/slo", BINDING_HTTP_REDIRECT)],
            },
            "authn_requests_signed": signs,
            "want_response_signed": True,
            "want_assertions_signed": True,
            "signing_algorithm": RSA_SHA256,
            "digest_algorithm": SHA256,
        }
        pair = {"key_file": str(folder / "sp.key"), "cert_file": str(folder / "sp.crt")}
        self._config = SPConfig().load(
            {
                "entityid": self.entity_id,
                "encryption_keypairs": [pair] if decrypts else [],
                "xmlsec_binary": str(xmlsec1),
                **pair,
                "metadata": {"inline": [idp_metadata]},
                "service": {"sp": service},
            }
        )
        self._client = Saml2Client(config=self._config)
        (self._idp,) = self._client.metadata.with_descriptor("idpsso")
        self._asked = ""

    def metadata(self) -> bytes:
        return str(entity_descriptor(self._config)).encode()

    def ask(
        self,
        *,
        relay_state: str = "",
        force: bool = False,
        passive: bool = False,
        contexts: Sequence[str] = (),
        name_format: str = "",
        post: bool = False,
        acs_index: str = "",
    ) -> Left:
        wanted: dict[str, Any] = {}
        if force:
            wanted["force_authn"] = "true"
        if passive:
            wanted["is_passive"] = "true"
        if contexts:
            wanted["requested_authn_context"] = {"authn_context_class_ref": list(contexts)}
        if acs_index:
            wanted["assertion_consumer_service_index"] = acs_index
        self._asked, info = self._client.prepare_for_authenticate(
            entityid=self._idp,
            relay_state=relay_state,
            binding=BINDING_HTTP_POST if post else BINDING_HTTP_REDIRECT,
            nameid_format=name_format or None,
            sign=self._signs,
            sigalg=RSA_SHA256,
            digest_alg=SHA256,
            **wanted,
        )
        if not post:
            return Left(dict(info["headers"])["Location"])
        form = html.fromstring(info["data"]).forms[0]
        return Left(form.action, {name: text for name, text in form.fields.items() if name})

    def accept(self, answer: Left) -> Seen:
        try:
            read = self._client.parse_authn_request_response(
                answer.fields["SAMLResponse"], BINDING_HTTP_POST, outstanding={self._asked: "/"}
            )
        except StatusError as error:
            raise TurnedAway(status_of(answer)) from error
        return Seen(
            name_id=read.name_id.text,
            format=read.name_id.format,
            attributes=read.ava,
            context=read.authn_info()[0][0],
            session_index=read.session_info()["session_index"],
            raw=read.name_id,
        )

    def sign_out(self, seen: Seen) -> str:
        self._asked, request = self._client.create_logout_request(
            self._slo, self._idp, name_id=seen.raw, session_indexes=[seen.session_index], sign=False
        )
        return self._redirect(request)

    def signed_out(self, address: str) -> None:
        message = Left(address).parameters["SAMLResponse"]
        read = self._client.parse_logout_request_response(message, BINDING_HTTP_REDIRECT)
        assert read.in_response_to == self._asked
        assert read.status_ok()

    def told(self, address: str) -> str:
        given = Left(address).parameters
        request = self._client.parse_logout_request(
            given["SAMLRequest"],
            BINDING_HTTP_REDIRECT,
            relay_state=given.get("RelayState"),
            sigalg=given["SigAlg"],
            signature=given["Signature"],
        )
        assert isinstance(request.message.name_id, NameID)
        answer = self._client.create_logout_response(request.message, [BINDING_HTTP_REDIRECT], sign=False)
        return self._redirect(answer, response=True)

    @property
    def _slo(self) -> str:
        services = self._client.metadata.single_logout_service(self._idp, BINDING_HTTP_REDIRECT, "idpsso")
        return str(services[0]["location"])

    def _redirect(self, message: object, *, response: bool = False) -> str:
        info = self._client.apply_binding(
            BINDING_HTTP_REDIRECT, str(message), self._slo, response=response, sign=True, sigalg=RSA_SHA256
        )
        return str(dict(info["headers"])["Location"])


class Python3Saml:
    """python3-saml in its strict mode, which signs requests or does not."""

    def __init__(
        self, idp_metadata: str, sp: Sp, *, signs: bool, app: str = "", decrypts: bool = False
    ) -> None:
        self.app = app or ("https://signing.example" if signs else "https://plain.example")
        self.entity_id = f"{self.app}/metadata/"
        self._settings: dict[str, Any] = {
            "strict": True,
            "sp": {
                "entityId": self.entity_id,
                "assertionConsumerService": {"url": f"{self.app}/acs"},
                "singleLogoutService": {"url": f"{self.app}/sls"},
                "x509cert": sp.pem,
                "privateKey": sp.key_pem,
            },
            "idp": OneLogin_Saml2_IdPMetadataParser.parse(idp_metadata)["idp"],
            "security": {
                "authnRequestsSigned": signs,
                "logoutRequestSigned": True,
                "logoutResponseSigned": True,
                "wantMessagesSigned": True,
                "wantAssertionsSigned": True,
                "wantAssertionsEncrypted": decrypts,
                "wantNameId": True,
                "failOnAuthnContextMismatch": True,
                "rejectDeprecatedAlgorithm": True,
                "signatureAlgorithm": RSA_SHA256,
                "digestAlgorithm": SHA256,
            },
        }
        self._asking = self._settings
        self._asked = ""

    def metadata(self) -> bytes:
        written = OneLogin_Saml2_Settings(self._settings, sp_validation_only=True).get_sp_metadata()
        return written if isinstance(written, bytes) else str(written).encode()

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
        sp, security = dict(self._settings["sp"]), dict(self._settings["security"])
        # By itself it asks for exactly PasswordProtectedTransport.
        security["requestedAuthnContext"] = list(contexts) or True
        if name_format:
            sp["NameIDFormat"] = name_format
        self._asking = {**self._settings, "sp": sp, "security": security}
        auth = self._auth("/")
        address = auth.login(return_to=relay_state, force_authn=force, is_passive=passive)
        self._asked = auth.get_last_request_id()
        if not post:
            return Left(address)
        message = auth.get_last_request_xml().encode()
        if security["authnRequestsSigned"]:
            key, certificate = sp["privateKey"], sp["x509cert"]
            message = OneLogin_Saml2_Utils.add_sign(message, key, certificate, False, RSA_SHA256, SHA256)
        fields = {"SAMLRequest": base64.b64encode(message).decode(), "RelayState": relay_state}
        return Left(address.partition("?")[0], fields)

    def accept(self, answer: Left) -> Seen:
        auth = self._auth("/acs", post_data=dict(answer.fields))
        auth.process_response(request_id=self._asked)
        if not auth.is_authenticated():
            if "status code" in (auth.get_last_error_reason() or ""):
                raise TurnedAway(status_of(answer))
            raise AssertionError(auth.get_last_error_reason())
        return Seen(
            name_id=auth.get_nameid(),
            format=auth.get_nameid_format(),
            attributes=auth.get_friendlyname_attributes(),
            context=auth.get_last_authn_contexts()[0],
            session_index=auth.get_session_index(),
            raw=auth,
        )

    def sign_out(self, seen: Seen) -> str:
        leaving = self._auth("/logout")
        address: str = leaving.logout(
            name_id=seen.name_id,
            session_index=seen.session_index,
            nq=seen.raw.get_nameid_nq(),
            name_id_format=seen.format,
            spnq=seen.raw.get_nameid_spnq(),
        )
        self._asked = leaving.get_last_request_id()
        return address

    def signed_out(self, address: str) -> None:
        back = self._auth("/sls", address)
        back.process_slo(request_id=self._asked, keep_local_session=True)
        assert (back.get_errors(), back.get_last_error_reason()) == ([], None)

    def told(self, address: str) -> str:
        asked = self._auth("/sls", address)
        answer: str = asked.process_slo(keep_local_session=True)
        assert (asked.get_errors(), asked.get_last_error_reason()) == ([], None)
        return answer

    def _auth(self, path: str, address: str = "", **data: Any) -> OneLogin_Saml2_Auth:
        """Return its view of one HTTP request to the application."""
        query = urlsplit(address).query
        request = {
            "https": "on",
            "http_host": urlsplit(self.app).netloc,
            "script_name": path,
            "get_data": dict(parse_qsl(query, keep_blank_values=True)),
            "query_string": query,
            "post_data": {},
            **data,
        }
        return OneLogin_Saml2_Auth(request, self._asking)


def message_of(answer: Left) -> etree._Element:
    """Return the message that was posted."""
    return etree.fromstring(base64.b64decode(answer.fields["SAMLResponse"]))


def status_of(answer: Left) -> str:
    """Return the last word of the innermost status code."""
    codes = message_of(answer).iter(f"{{{SAMLP}}}StatusCode")
    return [code.get("Value", "") for code in codes][-1].rpartition(":")[2]


def context_of(answer: Left) -> str:
    """Return the AuthnContextClassRef of a posted answer, where libraries do not tell it ("": encrypted)."""
    said = next(message_of(answer).iter(f"{{{SAML}}}AuthnContextClassRef"), None)
    return "" if said is None else said.text or ""
