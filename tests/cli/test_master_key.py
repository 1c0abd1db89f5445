"""idp key rotate-master: by the key file, and by the settings."""

from __future__ import annotations

import base64

import pytest

from idp.app.ground import open_master
from idp.cli import key as key_command
from idp.core.errors import Refused
from idp.keys import MasterChange, MasterKey, Sealer
from idp.settings import load_settings
from idp.store import open_store
from tests.keys.test_master_change import opened

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SEED = base64.b32decode(SECRET)
OLD, NEW = (base64.b64encode(letter * 32).decode() for letter in (b"o", b"n"))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Nobody else runs here."""
    monkeypatch.setattr(key_command, "LOOK_EVERY", -1)


def somebody(idp) -> None:
    idp("person", "add", "ada", "--password-stdin", given="correct horse\n")
    idp("method", "add", "ada", "totp", "--secret", SECRET)


def seeds(master: MasterKey) -> list[bytes]:
    store = open_store(load_settings().database)
    try:
        return list(opened(store, Sealer(master)).values())
    finally:
        store.dispose()


def test_the_key_in_the_file_changes_and_everything_opens_with_the_new_one(idp, data):
    somebody(idp)
    old = MasterKey.load(data / "master.key")
    # Four signing keys, the one for push services, and one app.
    assert idp.json("key", "rotate-master") == {"renewed": 6, "unreadable": 0}
    new = MasterKey.load(data / "master.key")
    assert new != old
    assert MasterKey.load(data / "master.key.former") == old
    assert seeds(new) == [SEED]
    with pytest.raises(Refused):
        seeds(old)
    assert idp.json("audit", "--limit", "1")[0]["event"] == "master-key-changed"
    # Once more makes no third key; the former one away, it does.
    assert idp.json("key", "rotate-master") == {"renewed": 0, "unreadable": 0}
    assert MasterKey.load(data / "master.key") == new
    (data / "master.key.former").unlink()
    said = idp("key", "rotate-master")
    assert "6 secrets" in said.stdout
    assert "master.key.former opens backups" in said.stderr
    assert seeds(MasterKey.load(data / "master.key")) == [SEED]


def test_two_commands_do_not_change_it_at_once(idp, data):
    former, current = data / "master.key.former", (data / "master.key").read_bytes()
    with MasterChange(data / "master.key").alone():
        assert "Another command" in idp.refused("key", "rotate-master")
    assert ((data / "master.key").read_bytes(), former.exists()) == (current, False)
    idp("key", "rotate-master")
    assert former.read_bytes() == current


def test_two_keys_in_the_settings_are_exchanged(idp, data, monkeypatch):
    (data / "idp.db").unlink()
    monkeypatch.setenv("IDP_MASTER_KEY", OLD)
    idp("db", "upgrade")
    somebody(idp)
    assert "IDP_MASTER_KEY_OTHER" in idp.refused("key", "rotate-master")
    monkeypatch.setenv("IDP_MASTER_KEY", NEW)
    assert "not the master key" in idp.refused("person", "list")
    monkeypatch.setenv("IDP_MASTER_KEY_OTHER", OLD)
    assert idp.json("key", "rotate-master") == {"renewed": 6, "unreadable": 0}
    monkeypatch.delenv("IDP_MASTER_KEY_OTHER")
    assert seeds(MasterKey.from_text(NEW)) == [SEED]
    assert len(open_master(load_settings()).accepted()) == 1
    idp("key", "rotate")
