"""How people are named to a partner: by its request, by choice, by its metadata; and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.core.errors import Reason
from idp.core.model import Partner, SignInRequest, SubjectForm
from tests.saml.asking import arrive
from tests.saml.house import House
from tests.saml.sp import Sp

_1, _2 = "urn:oasis:names:tc:SAML:1.1:nameid-format:", "urn:oasis:names:tc:SAML:2.0:nameid-format:"
EMAIL, UNSPECIFIED = _1 + "emailAddress", _1 + "unspecified"
PERSISTENT, TRANSIENT = _2 + "persistent", _2 + "transient"
MAIL, GIVEN, SN = "urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:2.5.4.42", "urn:oid:2.5.4.4"
SERVICES = (
    f'<md:AttributeConsumingService index="1"><md:ServiceName xml:lang="en">A</md:ServiceName>'
    f'<md:RequestedAttribute Name="{MAIL}" isRequired="true"/><md:RequestedAttribute Name="{GIVEN}"/>'
    "</md:AttributeConsumingService>"
    f'<md:AttributeConsumingService index="2"><md:ServiceName xml:lang="en">B</md:ServiceName>'
    f'<md:RequestedAttribute Name="{SN}" isRequired="1"/></md:AttributeConsumingService>'
)


def policy(form: str = "", **attributes: str) -> str:
    said = {"Format": form, **attributes}
    written = " ".join(f'{name}="{value}"' for name, value in said.items() if value)
    return f"<samlp:NameIDPolicy {written}/>"


def asking(house: House, inner: str = "", **changed: Any) -> SignInRequest:
    arrival = arrive(house, inner=inner, **changed)
    assert arrival.denied is None
    return arrival.request


@pytest.mark.parametrize(
    ("form", "subject"),
    [
        (PERSISTENT, SubjectForm.PAIRWISE),
        (TRANSIENT, SubjectForm.TRANSIENT),
        (EMAIL, SubjectForm.EMAIL),
        (UNSPECIFIED, SubjectForm.PAIRWISE),
        ("", SubjectForm.PAIRWISE),
    ],
)
def test_the_form_asked_for(house: House, sp: Sp, form: str, subject: SubjectForm) -> None:
    house.add(sp)
    assert asking(house, policy(form)).subject is subject


@pytest.mark.parametrize(
    ("chosen", "open_", "attribute"),
    [
        (("transient", ""), SubjectForm.TRANSIENT, ""),
        (("persistent", ""), SubjectForm.PAIRWISE, ""),
        (("email", ""), SubjectForm.EMAIL, ""),
        (("email", "eduPersonPrincipalName"), SubjectForm.EMAIL, "eduPersonPrincipalName"),
        (("unspecified", "employeeNumber"), SubjectForm.ATTRIBUTE, "employeeNumber"),
    ],
)
def test_an_administrators_choice_decides_what_the_request_leaves_open(
    house: House, key: rsa.RSAPrivateKey, chosen: tuple[str, str], open_: SubjectForm, attribute: str
) -> None:
    house.add(Sp(key, formats=(TRANSIENT,)), name_id=chosen[0], name_id_attribute=chosen[1])
    for inner in ("", policy(), policy(UNSPECIFIED), policy(AllowCreate="false")):
        request = asking(house, inner)
        assert (request.subject, request.subject_attribute) == (open_, attribute)
    # And a request that says which one is heard.
    assert asking(house, policy(PERSISTENT)).subject is SubjectForm.PAIRWISE


def test_the_chosen_attribute_goes_with_the_form_it_was_chosen_for(house: House, sp: Sp) -> None:
    house.add(sp, name_id="email", name_id_attribute="eduPersonPrincipalName")
    assert asking(house, policy(EMAIL)).subject_attribute == "eduPersonPrincipalName"
    assert asking(house, policy(TRANSIENT)).subject_attribute == ""


def without_mail(house: House, partner: Partner) -> None:
    house.save(replace(partner, release=("uid",)))


def test_asking_for_a_mail_address_as_a_name_does_not_get_around_the_release_list(
    house: House, key: rsa.RSAPrivateKey
) -> None:
    without_mail(house, house.add(Sp(key, formats=(EMAIL, TRANSIENT))))
    assert asking(house).subject is SubjectForm.TRANSIENT
    denied = arrive(house, inner=policy(EMAIL)).denied
    assert denied is not None
    assert denied.reason is Reason.SUBJECT


@pytest.mark.parametrize(
    "inner",
    [
        policy(_1 + "X509SubjectName"),
        policy(_2 + "entity"),
        policy(_2 + "kerberos"),
        policy("urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"),
        policy(PERSISTENT, SPNameQualifier="https://other.example/metadata"),
    ],
)
def test_what_we_cannot_name_is_answered_invalid_name_id_policy(house: House, sp: Sp, inner: str) -> None:
    house.add(sp)
    denied = arrive(house, inner=inner).denied
    assert denied is not None
    assert denied.reason is Reason.SUBJECT


@pytest.mark.parametrize("create", ["true", "false", "0", "1"])
def test_allow_create_is_held_against_nobody(house: House, sp: Sp, create: str) -> None:
    house.add(sp)
    inner = policy(PERSISTENT, AllowCreate=create, SPNameQualifier=sp.entity_id)
    assert asking(house, inner).subject is SubjectForm.PAIRWISE


# Attributes --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("index", "wanted", "needed"),
    [
        (None, None, ("mail",)),
        ("1", ("mail", "givenName"), ("mail",)),
        ("2", ("sn",), ("sn",)),
        ("9", None, ()),
    ],
)
def test_an_attribute_service_named_by_its_index_narrows_what_is_said(
    house: House, key: rsa.RSAPrivateKey, index: str | None, wanted: Any, needed: Any
) -> None:
    house.add(Sp(key, extra=SERVICES))
    request = asking(house, AttributeConsumingServiceIndex=index)
    assert (request.wanted, request.needed) == (wanted, needed)


def test_without_services_everything_that_is_released_is_said(house: House, sp: Sp) -> None:
    house.add(sp)
    request = asking(house)
    assert (request.wanted, request.needed) == (None, ())
