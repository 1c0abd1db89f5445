"""What the commands make, and what they refuse to work on."""

from __future__ import annotations

import stat

from idp.store import open_store
from tests.cli.conftest import Command


def test_the_first_command_makes_what_is_needed_for_our_eyes_only(nothing_set):
    Command()("person", "list")
    folder = nothing_set / "var"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    assert {"idp.db", "master.key"} <= {file.name for file in folder.iterdir()}


def test_a_lost_master_key_is_not_replaced(idp, data):
    (data / "master.key").unlink()
    assert "master key" in idp.refused("person", "list")
    assert not (data / "master.key").exists()


def test_another_master_key_is_refused(idp, data, monkeypatch):
    monkeypatch.setenv("IDP_MASTER_KEY", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
    assert "not the master key" in idp.refused("person", "list")


def test_the_key_may_come_from_the_environment(idp, data, monkeypatch):
    monkeypatch.setenv("IDP_MASTER_KEY", (data / "master.key").read_text().strip())
    (data / "master.key").unlink()
    idp("person", "add", "ada")
    idp("method", "add", "ada", "totp")


def test_a_newer_schema_is_refused(idp, data):
    store = open_store(f"sqlite:///{data / 'idp.db'}")
    with store.write() as unit:
        unit.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.dispose()
    assert "newer version" in idp.refused("person", "list")


def test_what_is_no_database_is_refused(idp, data):
    for file in data.glob("idp.db*"):
        file.unlink()
    (data / "idp.db").write_bytes(b"nonsense" * 1000)
    assert "database cannot be used" in idp.refused("person", "list")


def test_a_data_folder_that_cannot_be_made_is_refused(nothing_set, monkeypatch):
    (nothing_set / "file").write_text("")
    monkeypatch.setenv("IDP_DATA", str(nothing_set / "file" / "var"))
    assert "data folder" in Command().refused("person", "list")


def test_the_base_address_is_moved_by_serve_only(idp, monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "https://elsewhere.example")
    idp("person", "list")
    findings = {one["what"]: one for one in idp.json("doctor", exit_code=1)["findings"]}
    assert "http://localhost:8000" in findings["issuer"]["said"]
