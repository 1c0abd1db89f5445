"""Metadata that is watched: what is applied, held, refused; attack rows 23 and 42."""

from __future__ import annotations

import json
import socket
from dataclasses import replace

import pytest

from idp.core.errors import Refused
from idp.desk.saml_choices import SamlChoices
from idp.desk.watching import Outcome
from idp.net import Blocked, HttpClient, Reach
from idp.partners.documents import SeveralEntities
from idp.partners.sources import Mode
from idp.store import revision
from tests.desk.conftest import OWNER
from tests.desk.site import (
    ENTITY,
    KEYS,
    SIGNER,
    events,
    metadata,
    moved,
    refresh,
    signed,
    source,
    trusted,
    watch,
)
from tests.net.servers import says, serving
from tests.partners.test_documents import group, pin


# Watching -----------------------------------------------------------------------------------------
def test_an_application_is_trusted_by_what_is_at_its_address(desk, site):
    site.etag = "1"
    partner = watch(desk, site, name="Expenses")
    assert (partner.identifier, partner.name) == (ENTITY, "Expenses")
    watched = source(desk)
    assert (watched.source.place, watched.source.mode, watched.source.etag) == (
        site.address,
        Mode.AUTOMATIC,
        '"1"',
    )
    assert events(desk) == ["partner-added", "metadata-watched"]


def test_what_has_not_changed_is_not_sent_again_nor_read(desk, site, store):
    site.etag = "1"
    watch(desk, site)
    with store.read() as connection:
        before = revision(connection)
    assert refresh(desk).outcome is Outcome.UNCHANGED
    assert b"If-None-Match" in site.served.requests[-1]
    site.etag = ""  # a server that forgot how: the same bytes are the same document
    assert refresh(desk).outcome is Outcome.UNCHANGED
    with store.read() as connection:
        assert revision(connection) == before
    assert events(desk)[2:] == []


def test_a_new_certificate_beside_the_old_is_applied_and_so_is_the_end_of_the_old(desk, site):
    watch(desk, site)
    site.data = metadata(KEYS[0], KEYS[1])
    checked = refresh(desk)
    assert checked.outcome is Outcome.APPLIED
    assert ["A new certificate may sign requests" in each.said for each in checked.differences] == [True]
    assert len(trusted(desk).certificates) == 2
    site.data = metadata(KEYS[1])
    checked = refresh(desk)
    assert checked.outcome is Outcome.APPLIED
    assert [each.lost for each in checked.differences] == [True]
    assert len(trusted(desk).certificates) == 1
    assert events(desk)[2:] == ["partner-changed", "metadata-applied"] * 2
    assert json.loads(desk.log[-1])["detail"]["lost"] is True


def test_what_an_administrator_chose_stays(desk, site):
    watch(desk, site, name="Expenses", release=("mail",), choices=SamlChoices(sign="assertion"))
    site.data = metadata(KEYS[0], KEYS[1])
    refresh(desk)
    partner = desk.partners.show(ENTITY, actor=OWNER)
    assert (partner.name, partner.release) == ("Expenses", ("mail",))
    assert not trusted(desk).sign_response


@pytest.mark.parametrize(
    "grave",
    [
        pytest.param(moved("https://evil.example/acs"), id="answers to another host"),
        pytest.param(metadata(KEYS[1]), id="every certificate replaced"),
    ],
)
def test_a_grave_change_that_nobody_signed_waits_for_a_look(desk, site, grave):
    """Whoever took over the application's web server does not get its sign-ins."""
    watch(desk, site)
    before = trusted(desk)
    site.data = grave
    assert refresh(desk).outcome is Outcome.HELD
    assert trusted(desk) == before
    assert any(each.grave for each in source(desk).waiting)
    assert events(desk)[2:] == ["metadata-held"]
    assert refresh(desk).outcome is Outcome.UNCHANGED  # looked at again: held once
    assert source(desk).waiting


def test_a_grave_change_with_the_expected_signature_is_applied(desk, site):
    site.data = signed(metadata())
    watch(desk, site, signer=pin(SIGNER))
    site.data = signed(moved("https://new.example/acs"))
    assert refresh(desk).outcome is Outcome.APPLIED
    assert trusted(desk).default_acs.location == "https://new.example/acs"


# Approval -----------------------------------------------------------------------------------------
def test_a_held_change_is_approved(desk, site):
    watch(desk, site, mode=Mode.HOLD)
    site.data = metadata(KEYS[0], KEYS[1])
    assert refresh(desk).outcome is Outcome.HELD
    seen = source(desk).seen
    assert desk.sources.approve(ENTITY, seen=seen, actor=OWNER).outcome is Outcome.APPLIED
    assert len(trusted(desk).certificates) == 2
    assert source(desk).waiting == ()
    assert refresh(desk).outcome is Outcome.UNCHANGED
    assert events(desk)[2:] == ["metadata-held", "partner-changed", "metadata-applied"]


def test_a_held_change_is_rejected_once_and_for_all(desk, site):
    watch(desk, site, mode=Mode.HOLD)
    before = trusted(desk)
    site.data = moved("https://evil.example/acs")
    refresh(desk)
    desk.sources.reject(ENTITY, actor=OWNER)
    assert trusted(desk) == before
    assert refresh(desk).outcome is Outcome.UNCHANGED
    assert source(desk).waiting == ()
    assert events(desk)[2:] == ["metadata-held", "metadata-rejected"]


def test_only_what_was_looked_at_is_approved(desk, site):
    watch(desk, site, mode=Mode.HOLD)
    site.data = metadata(KEYS[0], KEYS[1])
    refresh(desk)
    seen = source(desk).seen
    site.data = moved("https://evil.example/acs")
    refresh(desk)
    with pytest.raises(Refused, match="look at it again"):
        desk.sources.approve(ENTITY, seen=seen, actor=OWNER)
    assert len(trusted(desk).certificates) == 1


def test_a_change_that_was_taken_back_waits_no_more(desk, site):
    watch(desk, site, mode=Mode.HOLD)
    first = site.data
    site.data = metadata(KEYS[0], KEYS[1])
    refresh(desk)
    site.data = first
    assert refresh(desk).outcome is Outcome.UNCHANGED
    with pytest.raises(Refused, match="Nothing waits"):
        desk.sources.approve(ENTITY, actor=OWNER)


def test_what_expired_while_it_waited_is_not_applied(desk, site, clock):
    until = f"{clock.now().year + 1}-01-01T00:00:00Z"
    watch(desk, site, mode=Mode.HOLD)
    site.data = metadata(KEYS[0], KEYS[1]).replace(
        b" entityID", f' validUntil="{until}" entityID'.encode(), 1
    )
    refresh(desk)
    clock.advance(days=800)
    assert source(desk).expired
    assert source(desk).waiting  # it can still be looked at
    with pytest.raises(Refused, match="expired"):
        desk.sources.approve(ENTITY, actor=OWNER)
    assert len(trusted(desk).certificates) == 1


# Never applied ------------------------------------------------------------------------------------
def test_case_23_what_must_not_be_applied_changes_nothing(desk, site):
    site.data = signed(metadata())
    watch(desk, site, signer=pin(SIGNER))
    before = trusted(desk)
    evil = moved("https://evil.example/acs")
    for data, problem in (
        (evil, "not signed with the certificate"),
        (signed(metadata()).replace(b"sp.example/acs", b"evil.example/acs"), "could not be verified"),
        (signed(evil, validUntil="2020-01-01T00:00:00Z"), "expired"),
        (signed(metadata(entity_id="https://other.example/m")), "does not describe that application"),
        (signed(metadata()).replace(b"<md:", b"<!DOCTYPE x><md:", 1), "not well-formed"),
        (b"", "not well-formed"),
        (b"<html><body>Sign in", "not well-formed"),
    ):
        site.data = data
        checked = refresh(desk)
        assert checked.outcome is Outcome.FAILED
        assert problem in checked.source.error
        assert trusted(desk) == before
        assert source(desk).waiting == ()
        with pytest.raises(Refused):
            desk.sources.approve(ENTITY, actor=OWNER)
    site.data = signed(metadata())
    assert refresh(desk).outcome is Outcome.UNCHANGED
    assert source(desk).source.error == ""


def test_an_error_is_recorded_once_and_goes_with_the_next_good_look(desk, site):
    watch(desk, site)
    site.status = "503 Busy"
    for _ in range(3):
        assert refresh(desk).source.error == "The address answered with an error."
    assert events(desk)[2:] == ["metadata-refused"]
    site.status, site.headers = "200 OK", "Content-Type: text/html\r\n"
    assert "page for people" in refresh(desk).source.error
    site.headers = "Content-Type: text/xml\r\n"
    assert refresh(desk).source.error == ""


def test_metadata_that_nobody_renewed_is_said_to_be_expired(desk, site, clock):
    site.etag = "1"
    until = f"{clock.now().year + 1}-01-01T00:00:00Z"
    site.data = metadata().replace(b" entityID", f' validUntil="{until}" entityID'.encode(), 1)
    watch(desk, site)
    clock.advance(days=800)
    assert "expired" in refresh(desk).source.error
    assert trusted(desk).certificates


def test_case_42_an_address_that_leads_inside_is_not_watched(desk, site):
    guarded = replace(desk.sources.watching, http=HttpClient(Reach()))
    sources = replace(desk.sources, watching=guarded)
    for address in (
        site.address,
        "https://127.0.0.1/m",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
    ):
        with pytest.raises(Blocked):
            sources.fetch(address, actor=OWNER)
    watch(desk, site)
    checked = sources.refresh(ENTITY, actor=OWNER)  # nor when it was let in under other settings
    assert checked.outcome is Outcome.FAILED
    assert site.looks == 1


# Aggregates ---------------------------------------------------------------------------------------
def test_one_application_of_many_is_followed(desk, site):
    others = [metadata(entity_id=f"https://sp{number}.example/m").decode() for number in range(3)]
    site.data = signed(group(*others, metadata().decode()).encode())
    with pytest.raises(SeveralEntities):
        watch(desk, site, signer=pin(SIGNER))
    watch(desk, site, signer=pin(SIGNER), entity_id=ENTITY)
    site.data = signed(group(*others, moved("https://new.example/acs").decode()).encode())
    assert refresh(desk).outcome is Outcome.APPLIED
    site.data = signed(group(*others).encode())
    assert "does not describe" in refresh(desk).source.error


@pytest.mark.parametrize("what", ["forget", "change", "approve"])
def test_what_is_done_to_a_source_while_it_is_looked_at_holds(desk, site, what):
    watch(desk, site, mode=Mode.HOLD)
    site.data = metadata(KEYS[0], KEYS[1])
    refresh(desk)
    answer, done = site.answer, []

    def meanwhile(connection: socket.socket, request: bytes) -> None:
        more = {"signer": pin(SIGNER)} if what == "change" else {}
        done.append(getattr(desk.sources, what)(ENTITY, actor=OWNER, **more))
        says(moved("https://evil.example/acs"))(connection, request)

    with serving(meanwhile) as slow:
        held = source(desk).source
        place = f"http://127.0.0.1:{slow.port}/"
        desk.sources.watching.check(replace(held, place=place), actor=OWNER)
    assert done
    assert answer
    watched = source(desk)
    if what == "forget":
        assert watched is None
    else:
        assert watched.source.signer == ("" if what == "approve" else pin(SIGNER))
        assert [each.grave for each in watched.waiting].count(True) == 0
