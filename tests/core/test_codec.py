"""The codec: every value that is stored comes back as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.codec import build, dump, load, plain
from idp.core.model import Grant, Kind, Network, Partner, Person, Proof, SignIn, SignInRequest, Subject

# Values of a type are made from its annotations, so that a new field is covered when it appears.
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_PARTNERS = st.builds(Partner, settings=st.dictionaries(st.text(max_size=9), _JSON, max_size=3))


@given(st.from_type(SignIn))
def test_a_sign_in_comes_back(sign_in):
    assert load(SignIn, dump(sign_in)) == sign_in


@given(st.from_type(Grant))
def test_a_grant_comes_back(grant):
    assert load(Grant, dump(grant)) == grant


@given(st.from_type(Person))
def test_a_person_comes_back(person):
    assert load(Person, dump(person)) == person


@given(_PARTNERS)
def test_a_partner_comes_back(partner):
    assert build(Partner, plain(partner)) == partner


@given(st.lists(st.from_type(Proof), max_size=3).map(tuple))
def test_proofs_come_back_from_a_json_column(proofs):
    assert build(tuple[Proof, ...], json.loads(json.dumps(plain(proofs)))) == proofs


def test_the_text_is_compact_and_holds_plain_json():
    proof = Proof(
        person="i1",
        factor="totp",
        kinds=frozenset({Kind.HAVE, Kind.ARE}),
        amr=("otp",),
        at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    assert json.loads(dump(proof)) == {
        "person": "i1",
        "factor": "totp",
        "method": "",
        "kinds": ["are", "have"],
        "amr": ["otp"],
        "at": "2026-03-01T00:00:00+00:00",
        "user_verified": False,
        "phishing_resistant": False,
        "issuer": "",
        "detail": {},
        "remembered": "",
    }
    assert ": " not in dump(proof)


def test_what_an_older_version_did_not_write_takes_its_default():
    assert load(Network, '{"address":"192.0.2.1"}') == Network(address="192.0.2.1", user_agent="")


def test_what_a_newer_version_wrote_besides_is_passed_over():
    assert load(Network, '{"address":"192.0.2.1","asn":64496}') == Network(address="192.0.2.1")


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (Network, "{}"),
        (Network, "not json"),
        (Network, '{"address"'),
        (Subject, '{"value":"x","form":"unknown"}'),
        (SignInRequest, "[]"),
        (SignInRequest, "null"),
    ],
)
def test_damaged_text_raises_what_is_promised(cls, text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        load(cls, text)
