"""Release: what a partner's list names and nothing else, in one spelling, with a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.claims import DEFAULT_RELEASE, canonical, release, scopes
from idp.claims.names import NAMES
from idp.core.ids import fold
from idp.core.model import Claim, Partner, Person
from idp.oidc import claims as oidc_claims
from idp.saml import attributes as saml_attributes

ADA = Person(
    id="i-ada",
    source="local",
    source_key="i-ada",
    name="ada",
    display_name="Ada Lovelace",
    attributes={"mail": ("ada@example.org", "lovelace@example.org"), "sn": ("Lovelace",)},
    groups=("staff", "maths"),
)
APP = Partner(id="i-app", door="oidc", identifier="app", name="App", issuer="i-main", release=DEFAULT_RELEASE)


def released(*names: str, **attributes: tuple[str, ...]) -> dict[str, list[str]]:
    """Give what is released of Ada under these names, with more attributes stored."""
    person = replace(ADA, attributes={**ADA.attributes, **attributes})
    found: dict[str, list[str]] = {}
    for claim in release(person, replace(APP, release=names)).claims:
        found.setdefault(claim.type, []).append(claim.value)
    return found


def test_the_default() -> None:
    assert released(*DEFAULT_RELEASE) == {
        "uid": ["ada"],
        "mail": ["ada@example.org", "lovelace@example.org"],
        "displayName": ["Ada Lovelace"],
    }


def test_an_empty_list_releases_nothing() -> None:
    assert release(ADA, replace(APP, release=())).claims == ()


def test_a_claim_says_where_it_comes_from() -> None:
    (claim,) = release(ADA, replace(APP, release=("sn",))).claims
    assert claim == Claim(
        type="sn", value="Lovelace", issuer="i-main", original_issuer="local", rule="release:sn"
    )


def test_what_was_asked_for_but_is_not_known_is_in_the_trace() -> None:
    trace = release(ADA, replace(APP, release=("mail", "mobile", "sn"))).trace
    assert [(line.rule, line.claims) for line in trace] == [
        ("release:mail", 2),
        ("release:mobile", 0),
        ("release:sn", 1),
    ]


def test_claims_come_in_the_order_of_the_list() -> None:
    assert list(released("sn", "uid", "mail")) == ["sn", "uid", "mail"]


def test_groups_come_from_the_record_unless_they_are_stored() -> None:
    assert released("groups") == {"groups": ["staff", "maths"]}
    assert released("groups", groups=("elsewhere",)) == {"groups": ["elsewhere"]}
    assert released("groups", groups=()) == {"groups": ["staff", "maths"]}


def test_a_stored_name_comes_before_the_record() -> None:
    assert released("uid", "displayName", uid=("a.lovelace",), displayName=("Countess",)) == {
        "uid": ["a.lovelace"],
        "displayName": ["Countess"],
    }


@pytest.mark.parametrize("name", ["mail", "MAIL", "Mail", "ｍａｉｌ"])
def test_names_match_in_any_case_and_come_out_in_one_spelling(name: str) -> None:
    assert list(released(name)) == ["mail"]
    assert released(name, mail=(), Mail=("other@example.org",)) == {"mail": ["other@example.org"]}


def test_another_spelling_does_not_displace_the_usual_one() -> None:
    for attributes in ({"uid": ("ada",), "UID": ("root",)}, {"UID": ("root",), "uid": ("ada",)}):
        assert released("uid", **attributes) == {"uid": ["ada"]}


def test_an_unknown_name_is_spelled_as_the_partner_asks() -> None:
    claim_uri = "http://schemas.example.org/costCenter"
    assert released("costcenter", claim_uri, costCenter=("42",), **{claim_uri: ("43",)}) == {
        "costcenter": ["42"],
        claim_uri: ["43"],
    }


def test_the_same_name_twice_is_released_once() -> None:
    given = release(ADA, replace(APP, release=("mail", "Mail", "MAIL")))
    assert len(given.claims) == 2
    assert len(given.trace) == 1


def test_empty_and_repeated_values_are_no_claims() -> None:
    assert released("title", title=("", "Dr", "Dr", "")) == {"title": ["Dr"]}
    blank = replace(ADA, display_name="")
    assert release(blank, replace(APP, release=("displayName",))).claims == ()


def test_every_name_that_a_door_knows_has_its_usual_spelling() -> None:
    oidc = {name for names in oidc_claims._STANDARD.values() for name in names}
    oidc |= {*oidc_claims._ADDRESS.values(), *oidc_claims._LISTS, *scopes._SCOPES}
    assert {*saml_attributes._OIDS, *saml_attributes._SYNONYMS, *oidc} <= set(NAMES)


def test_no_two_known_names_are_the_same() -> None:
    assert len({fold(name) for name in NAMES}) == len(NAMES)
    assert all(canonical(name.upper()) == name for name in NAMES)


ATTRIBUTE_NAMES = st.sampled_from(
    ["uid", "UID", "mail", "Mail", "displayName", "groups", "x", "X"]
) | st.text(max_size=4)
VALUES = st.lists(st.text(max_size=4), max_size=3).map(tuple)


@given(st.dictionaries(ATTRIBUTE_NAMES, VALUES, max_size=5), st.lists(ATTRIBUTE_NAMES, max_size=5))
def test_nothing_is_released_that_the_list_does_not_name(
    attributes: Mapping[str, tuple[str, ...]], names: list[str]
) -> None:
    person = replace(ADA, attributes=attributes)
    given = release(person, replace(APP, release=tuple(names)))
    listed = {fold(name) for name in names}
    values = {value for found in attributes.values() for value in found}
    own = {ADA.name, ADA.display_name, *ADA.groups}
    assert {fold(claim.type) for claim in given.claims} <= listed
    assert all(claim.value and claim.value in values | own for claim in given.claims)
    assert len(given.trace) == len(listed)
    assert sum(line.claims for line in given.trace) == len(given.claims)
    assert len({(claim.type, claim.value) for claim in given.claims}) == len(given.claims)


@given(st.text(max_size=20))
def test_canonical_is_stable(name: str) -> None:
    assert canonical(canonical(name)) == canonical(name)
    assert fold(canonical(name)) == fold(name)
