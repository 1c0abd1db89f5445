"""AuthnRequests must be meant for us, of now, and seen for the first time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.core.errors import BadMessage
from tests.saml.asking import arrive, refuse
from tests.saml.house import House
from tests.saml.sp import Sp, authn_request, posted, query, signed


@pytest.mark.parametrize(
    "destination",
    ["https://other.example/saml/sso", "https://id.example/saml/slo", "http://id.example/saml/sso", "", "x"],
)
def test_another_destination_is_refused(open_house: House, destination: str) -> None:
    assert "Destination" in refuse(open_house, Destination=destination)


def test_only_unsigned_requests_may_leave_out_the_destination(
    open_house: House, sp: Sp, key: rsa.RSAPrivateKey
) -> None:
    now = open_house.clock.now()
    assert arrive(open_house, Destination=None).request
    for attempt in (
        lambda: open_house.inbound.by_redirect(query(authn_request(now, Destination=None), key=key)),
        lambda: open_house.inbound.by_post(posted(signed(authn_request(now, Destination=None), sp))),
    ):
        with pytest.raises(BadMessage, match="Destination"):
            attempt()


@pytest.mark.parametrize("minutes", [-5.1, 5.1, -4 * 24 * 60, 365 * 24 * 60])
def test_case_20_a_request_of_another_time_is_refused(open_house: House, minutes: float) -> None:
    at = open_house.clock.now() + timedelta(minutes=minutes)
    assert "IssueInstant" in refuse(open_house, IssueInstant=f"{at:%Y-%m-%dT%H:%M:%SZ}")


@pytest.mark.parametrize(
    "instant",
    [
        "2026-03-01T11:55:01Z",
        "2026-03-01T12:04:59Z",
        "2026-03-01T12:00:00.123456789Z",
        "2026-03-01T12:00:00",
        "2026-03-01T14:00:00+02:00",
    ],
)
def test_every_way_to_write_the_present_is_accepted(open_house: House, instant: str) -> None:
    assert arrive(open_house, IssueInstant=instant).request


@pytest.mark.parametrize(
    "instant",
    ["", "now", "2026-03-01", "-2026-03-01T12:00:00Z", "2026-03-01T24:00:00Z", "99999-03-01T12:00:00Z"],
)
def test_unreadable_times_are_refused(open_house: House, instant: str) -> None:
    refuse(open_house, IssueInstant=instant)


def test_a_partner_with_a_wrong_clock_can_be_allowed_for(house: House, sp: Sp) -> None:
    house.add(sp, clock_skew=120)
    assert arrive(house, IssueInstant="2026-03-01T11:53:30Z").request
    refuse(house, IssueInstant="2026-03-01T11:52:30Z")


def test_case_20_the_same_request_twice_is_refused(open_house: House) -> None:
    arrive(open_house, ID="_once")
    assert "seen before" in refuse(open_house, ID="_once")
    with pytest.raises(BadMessage):
        open_house.inbound.by_post(posted(authn_request(open_house.clock.now(), ID="_once")))
    assert arrive(open_house, ID="_another").request


def test_an_id_is_not_used_up_by_somebody_elses_bad_copy(
    strict_house: House, key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    xml = authn_request(strict_house.clock.now(), ID="_mine")
    with pytest.raises(BadMessage):
        strict_house.inbound.by_redirect(query(xml, key=other_key))
    assert strict_house.inbound.by_redirect(query(xml, key=key)).request


def test_two_partners_may_choose_the_same_id(open_house: House, other_key: rsa.RSAPrivateKey) -> None:
    open_house.add(Sp(other_key, entity_id="https://other.example"))
    arrive(open_house, ID="_same")
    assert arrive(open_house, ID="_same", issuer="https://other.example").request
