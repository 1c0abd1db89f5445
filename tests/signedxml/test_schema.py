"""Row 6: the OASIS schemas, read from disk only, decide on structure."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from idp.core.errors import BadMessage
from idp.signedxml import parse_document, parse_message, validate
from idp.signedxml.names import MD
from tests.signedxml.samples import KINDS, Kind, authn_request, genuine, logout_request, metadata, response

_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_FED = 'xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706"'


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_genuine_messages_are_valid(kind: Kind) -> None:
    for data in (kind.text.encode(), genuine(kind)):
        root = parse_message(data)
        validate(root)
        validate(root)


@pytest.mark.parametrize(
    "data",
    [
        authn_request().replace('ID="_genuine"', ""),
        authn_request().replace('ID="_genuine"', 'ID="1 2"'),
        authn_request().replace('ID="_genuine"', 'ID="#a"'),
        authn_request().replace('Version="2.0"', ""),
        authn_request().replace("2026-03-01T12:00:00Z", "yesterday"),
        authn_request().replace("AllowCreate", "Allow"),
        authn_request().replace("AllowCreate", "samlp:AllowCreate"),
        authn_request().replace("<saml:Issuer>", "<saml:NameID>a</saml:NameID><saml:Issuer>"),
        authn_request().replace("https://sp.example/<", "https://sp<x/>.example/<"),
        authn_request().replace("samlp:AuthnRequest", "samlp:Authn"),
        logout_request().replace("<saml:NameID>alice</saml:NameID>", ""),
        logout_request().replace(">alice<", ">ali<b/>ce<"),
        logout_request().replace(">alice<", "><saml:NameID>alice</saml:NameID><"),
        response().replace("<samlp:Status>", "<samlp:Status><samlp:Status/>"),
        response(inner="<saml:Assertion/>"),
        metadata().replace('index="0"', ""),
        metadata().replace("entityID", "entity"),
        metadata().replace("md:SPSSODescriptor", "md:Descriptor"),
        "<a/>",
        '<x:a xmlns:x="urn:x"/>',
    ],
)
def test_case_06_structure_that_the_schema_forbids(data: str) -> None:
    with pytest.raises(BadMessage, match="SCHEMASV"):
        validate(parse_message(data.encode()))


def test_case_06_id_given_twice() -> None:
    assert response("_genuine").count('ID="_genuine"') == 2
    with pytest.raises(BadMessage, match="SCHEMASV"):
        validate(parse_message(response("_genuine").encode()))


def test_case_04_schema_hints_in_the_message_are_not_followed(tmp_path: Path) -> None:
    hint = tmp_path / "evil.xsd"
    hint.write_text(
        '<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:evil">'
        '<element name="x" type="integer"/></schema>'
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.xsd"
        hinted = f'{_XSI} xsi:schemaLocation="urn:evil {hint.as_uri()} urn:other {address}"'
        extended = authn_request().replace(
            "<samlp:NameIDPolicy",
            '<samlp:Extensions><x xmlns="urn:evil">no integer</x><y xmlns="urn:other"/></samlp:Extensions>'
            "<samlp:NameIDPolicy",
        )
        validate(parse_message(extended.replace(" ID=", f" {hinted} ID=").encode()))
        with pytest.raises(TimeoutError):
            server.accept()
    # Nor has the hint changed what the next message is held against.
    validate(parse_message(extended.encode()))


def test_roles_of_other_protocols_do_no_harm() -> None:
    role = (
        f'<md:RoleDescriptor {_XSI} {_FED} xsi:type="fed:SecurityTokenServiceType"'
        ' protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706">'
        '<fed:TokenTypesOffered><fed:TokenType Uri="urn:x"/></fed:TokenTypesOffered></md:RoleDescriptor>'
    )
    root = parse_document(metadata().replace("<md:SPSSO", f"{role}<md:SPSSO").encode())
    validate(root)
    assert root.find(f"{{{MD}}}RoleDescriptor") is not None
    only = metadata().partition("<md:SPSSO")[0] + role + "</md:EntityDescriptor>"
    with pytest.raises(BadMessage):
        validate(parse_document(only.encode()))


def test_error_says_where_but_not_to_the_public() -> None:
    with pytest.raises(BadMessage) as caught:
        validate(parse_message(authn_request().replace("AllowCreate", "Secret").encode()))
    assert "Secret" in caught.value.detail
    assert caught.value.public == "The XML is not valid SAML."


def test_threads_get_their_own_answers() -> None:
    good, bad = authn_request(), authn_request().replace("AllowCreate", "Allow")

    def is_valid(number: int) -> bool:
        try:
            validate(parse_message((bad if number % 3 else good).encode()))
        except BadMessage:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(is_valid, range(600)))
    assert answers == [number % 3 == 0 for number in range(600)]


def test_pysaml2_is_not_imported_for_its_schemas() -> None:
    program = (
        "import sys; from idp.signedxml import validate, parse_message\n"
        f"validate(parse_message({authn_request().encode()!r}))\n"
        "print(any(name.partition('.')[0] == 'saml2' for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
