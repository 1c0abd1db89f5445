"""idp doctor: finds what is wrong, says what to do, changes nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp.core.clock import SystemClock
from idp.store import open_store
from idp.store.schema import carriers, changes, deliveries, keys
from tests.cli.conftest import Command


def problems(idp: Command) -> dict[str, dict[str, str]]:
    report = idp.json("doctor", exit_code=1)
    assert not report["ok"]
    return {finding["what"]: finding for finding in report["findings"] if not finding["ok"]}


def in_database(data, *statements) -> None:
    store = open_store(f"sqlite:///{data / 'idp.db'}")
    with store.write() as unit:
        for statement in statements:
            unit.execute(statement)
    store.dispose()


@pytest.fixture
def owned(idp) -> Command:
    idp("person", "add", "ada", "--owner")
    return idp


def test_a_healthy_installation(owned):
    report = owned.json("doctor")
    assert report["ok"]
    assert [finding["what"] for finding in report["findings"]] == [
        "settings",
        "base address",
        "data folder",
        "state",
        "master key",
        "database",
        "clock",
        "owner",
        "issuer",
        "weak algorithms",
        "signing keys",
        "carriers",
    ]
    said = owned("doctor").stdout
    assert said.endswith("All is well.\n")
    assert "problem" not in said


def test_nothing_there_yet_and_nothing_made(nothing_set):
    found = problems(Command())
    assert set(found) == {"data folder"}
    assert "idp serve" in found["data folder"]["todo"]
    assert list(nothing_set.iterdir()) == []


def test_an_empty_data_folder(nothing_set):
    (nothing_set / "var").mkdir(mode=0o700)
    assert set(problems(Command())) == {"master key", "database"}
    assert not list((nothing_set / "var").glob("idp.db*"))
    assert not (nothing_set / "var" / "master.key").exists()


def test_nobody_owns_it(idp):
    found = problems(idp)
    assert set(found) == {"owner"}
    assert found["owner"]["todo"] == "Run: idp person add NAME --owner"


def test_wrong_settings_are_a_problem_too(owned, monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "nonsense")
    assert set(problems(owned)) == {"settings"}


def test_modes(owned, data):
    data.chmod(0o755)
    (data / "master.key").chmod(0o644)
    found = problems(owned)
    assert set(found) == {"data folder", "master key"}
    assert f"chmod 700 {data}" in found["data folder"]["todo"]
    assert "chmod 600" in found["master key"]["said"]


def test_a_lost_master_key(owned, data):
    (data / "master.key").unlink()
    found = problems(owned)
    assert set(found) == {"master key"}
    assert "backup" in found["master key"]["todo"]
    assert not (data / "master.key").exists()


def test_a_wrong_master_key(owned, monkeypatch):
    monkeypatch.setenv("IDP_MASTER_KEY", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
    found = problems(owned)
    assert set(found) == {"signing keys"}
    assert "not the master key" in found["signing keys"]["said"]


def test_a_damaged_master_key(owned, data):
    (data / "master.key").write_text("nonsense")
    assert set(problems(owned)) == {"master key"}


def test_what_is_no_database(owned, data):
    for file in data.glob("idp.db*"):
        file.unlink()
    (data / "idp.db").write_bytes(b"nonsense" * 1000)
    assert set(problems(owned)) == {"database"}


def test_a_newer_schema(owned, data):
    in_database(data, sa.text("UPDATE alembic_version SET version_num = '9999'"))
    assert set(problems(owned)) == {"database"}


def test_no_signing_key(owned, data):
    in_database(data, sa.delete(keys).where(keys.c.alg == "ES256"))
    found = problems(owned)
    assert set(found) == {"signing keys"}
    assert "ES256" in found["signing keys"]["said"]


def test_a_key_that_does_not_fit_its_certificate(owned, data):
    certificates = sa.select(keys.c.certificate).where(keys.c.alg == "ES256", keys.c.state == "next")
    in_database(
        data,
        sa.update(keys)
        .where(keys.c.alg == "ES256", keys.c.state == "active")
        .values(certificate=certificates.scalar_subquery()),
    )
    found = problems(owned)
    assert set(found) == {"signing keys"}
    assert "idp key rotate" in found["signing keys"]["todo"]


def test_a_clock_that_stepped_back(owned, data):
    later = SystemClock().now() + timedelta(days=1)
    in_database(
        data,
        sa.insert(changes).values(at=later, actor="cli:x", noun="partner", key="x", before=None, after=None),
    )
    assert set(problems(owned)) == {"clock"}


def test_another_base_address(owned, monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "https://login.example.org")
    assert set(problems(owned)) == {"issuer"}


def test_plain_http_beyond_this_machine(owned, monkeypatch):
    monkeypatch.setenv("IDP_BIND", "192.0.2.1:8000")
    assert set(problems(owned)) == {"base address"}


def test_a_proxy_that_is_not_trusted(owned, monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "https://login.example.org")
    monkeypatch.setenv("IDP_BIND", "192.0.2.1:8000")
    assert set(problems(owned)) == {"base address", "issuer"}
    monkeypatch.setenv("IDP_TRUSTED_PROXIES", "192.0.2.0/24")
    assert set(problems(owned)) == {"issuer"}


def test_a_carrier_that_takes_nothing(owned, data, monkeypatch):
    monkeypatch.setattr("idp.cli.channel._PATIENCE", 0)
    owned("channel", "add-http", "own", "--url", "https://sms.example/?to={number}")
    assert "own takes text." in owned("doctor").stdout
    owned("channel", "test", "own", "+14255550123", exit_code=1)
    assert "own takes text." in owned("doctor").stdout  # it has only just gone in
    then = SystemClock().now() - timedelta(minutes=2)
    in_database(data, sa.update(deliveries).values(created_at=then))
    found = problems(owned)["carriers"]
    assert "was not taken: nothing came for it." in found["said"]
    assert "idp channel test" in found["todo"]
    in_database(data, sa.update(deliveries).values(status="failed", reason="HTTP 401"))
    assert "was not taken: HTTP 401." in problems(owned)["carriers"]["said"]


def test_a_carrier_whose_secret_cannot_be_read(owned, data):
    owned(
        *("channel", "add-http", "own", "--url", "https://sms.example/?key={secret}", "--secret-stdin"),
        given="secret\n",
    )
    in_database(data, sa.update(carriers).values(sealed=b"garbage"))
    assert problems(owned)["carriers"]["said"] == "A stored secret can't be read."


def test_people_read_it_too(idp):
    said = idp("doctor", exit_code=1).stdout
    assert "problem  owner" in said
    assert said.endswith("1 problem.\n")


def test_a_weak_algorithm_that_is_allowed_is_said_and_its_end_is_told_before(owned):
    file = str(Path(__file__).parents[1] / "partners" / "samples" / "node-saml.xml")
    partner = owned.json("partner", "import", file, "--name", "Costs")["id"]

    def allowed_for(days: int) -> None:
        until = f"{SystemClock().now() + timedelta(days=days):%Y-%m-%d}"
        owned("partner", "set", partner, "--allow", "sha1", "--until", until)

    allowed_for(90)
    assert "SHA1 for Costs until" in owned("doctor").stdout
    allowed_for(7)
    assert "for a few days more: SHA1 for Costs" in problems(owned)["weak algorithms"]["said"]
