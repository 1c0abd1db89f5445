"""The commands for metadata at addresses."""

from __future__ import annotations

import pytest

from tests.desk.site import ENTITY, KEYS, SIGNER, metadata, moved, served, signed
from tests.partners.test_documents import group, pin


@pytest.fixture
def site():
    with served() as site:
        yield site


def test_metadata_at_an_address_is_imported_and_followed(idp, site):
    made = idp("partner", "import", site.address, "--name", "Costs")
    assert "Added Costs." in made.stdout
    assert "not signed" in made.stderr
    assert "Nothing has changed." in idp("partner", "refresh", ENTITY).stdout
    site.data = metadata(KEYS[0], KEYS[1])
    shown = idp("partner", "refresh", "--all").stdout
    assert "The changes are applied." in shown
    assert "+ A new certificate may sign requests" in shown
    assert idp.json("partner", "source", ENTITY)["error"] == ""
    assert site.address in idp("partner", "source").stdout
    assert "2020-01-10" in idp("partner", "show", ENTITY).stdout


def test_changes_are_held_looked_at_and_decided(idp, site):
    idp("partner", "import", site.address, "--hold")
    site.data = moved("https://new.example/acs")
    assert "wait for `idp partner approve`" in idp("partner", "refresh", ENTITY).stdout
    shown = idp.json("partner", "source", ENTITY)
    assert [(each["grave"], each["lost"]) for each in shown["waiting"]][:1] == [(True, False)]
    assert (
        "! Answers may go to a new address: https://new.example/acs."
        in idp("partner", "source", ENTITY).stdout
    )
    idp("partner", "reject", ENTITY)
    assert "Nothing waits" in idp.refused("partner", "approve", ENTITY)
    site.data = metadata(KEYS[0], KEYS[1])
    idp("partner", "refresh", ENTITY)
    assert "The changes are applied." in idp("partner", "approve", ENTITY).stdout
    assert len(idp.json("partner", "show", ENTITY)["settings"]["certificates"]) == 2


def test_a_failure_is_said_and_is_the_exit_code(idp, site):
    idp("partner", "import", site.address)
    site.status = "404 Not Found"
    failed = idp("partner", "refresh", "--all", exit_code=1)
    assert "answered with an error. What is trusted stays as it is." in failed.stdout
    assert "answered with an error" in idp("partner", "source").stdout


def test_one_of_many_that_is_signed(idp, site, nothing_set):
    data = signed(group(metadata().decode(), metadata(entity_id="https://b.example").decode()).encode())
    site.data = data
    said = idp.refused("partner", "import", site.address, "--fingerprint", pin(SIGNER))
    assert ENTITY in said
    assert "Choose with --entity." in said
    asked = ("--fingerprint", pin(SIGNER).upper(), "--entity", ENTITY)
    assert idp.json("partner", "import", site.address, *asked)["identifier"] == ENTITY
    (nothing_set / "many.xml").write_bytes(data)
    made = idp.json(
        "partner", "import", "many.xml", "--fingerprint", pin(SIGNER), "--entity", "https://b.example"
    )
    assert made["identifier"] == "https://b.example"
    wrong = idp.refused("partner", "import", "many.xml", "--fingerprint", "ab" * 32, "--entity", ENTITY)
    assert "not signed with the certificate" in wrong


def test_how_a_place_is_watched_is_changed_and_forgotten(idp, site):
    idp("partner", "import", site.address)
    changed = idp.json("partner", "source", ENTITY, "--hold", "--fingerprint", pin(SIGNER))
    assert (changed["mode"], changed["fingerprint"]) == ("hold", pin(SIGNER))
    changed = idp.json("partner", "source", ENTITY, "--automatic", "--fingerprint", "")
    assert (changed["mode"], changed["fingerprint"]) == ("automatic", "")
    assert "Forgot" in idp("partner", "source", ENTITY, "--forget").stdout
    assert "by hand" in idp.refused("partner", "source", ENTITY)
    assert idp.json("partner", "source") == []


def test_wrong_usage(idp, nothing_set):
    (nothing_set / "a.xml").write_bytes(metadata())
    idp("partner", "import", "a.xml", "--hold", exit_code=2)
    idp("partner", "source", "--forget", exit_code=2)
    idp("partner", "refresh", exit_code=2)
    idp("partner", "refresh", ENTITY, "--all", exit_code=2)
    assert "cannot be read" in idp.refused("partner", "import", "missing.xml")


def test_addresses_outside_of_this_machine_are_guarded(idp, monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "https://login.example.org")
    for address in ("http://app.example/m", "https://127.0.0.1/m", "https://10.0.0.1/m"):
        assert idp.refused("partner", "import", address)
